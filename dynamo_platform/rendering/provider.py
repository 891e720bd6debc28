"""What a preview says of the objects behind its releases: each chart rendered by the provider's own Helm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pulumi
from pulumi_kubernetes import Provider

from dynamo_platform.findings import Finding, PlatformError, ordered
from dynamo_platform.planning.model import Plan, Release
from dynamo_platform.planning.running import COMPONENT

from .changes import OUT_OF_SIGHT, difference
from .charts import content
from .objects import CRD, Key, Manifest, Object, Objects, from_plain, key_of, read, to_plain
from .refusals import refused, unconfigured, unfetched

_TEMPLATING = "failed to create chart from template: "
"""The provider's words where its Helm had the chart, and the chart's templates failed."""


class Seen(NamedTuple):
    """What a component rendered.

    Attributes:
        objects: by release.
        charts: each release's chart: where from, which version, and of a local one what it holds.
    """

    objects: Objects
    charts: Mapping[str, str]


@cache
def sdk_version() -> str:
    """The Kubernetes SDK's version. Without it in their options, the engine starts a second default provider."""
    return version("pulumi-kubernetes")


def seen(state: Mapping[str, Any], component: str) -> Seen:
    """What a component rendered at the last update, by the stack's state."""
    found = [each["outputs"] for urn, each in state.items() if urn.endswith(f"{COMPONENT}::{component}")]
    outputs = found[0] if found else {}
    return Seen(from_plain(outputs.get("objects") or {}), outputs.get("charts") or {})


def charts(plan: Plan) -> dict[str, str]:
    """The charts of a plan that renders them."""
    return {release.name: _chart(release, plan) for release in plan.releases if plan.preview_objects}


def _chart(release: Release, plan: Plan) -> str:
    local = Path(release.chart)
    digest = f" {content(local)}" if local.exists() else ""
    bundles = plan.modes.items() if release.name == plan.platform.name else ()
    bundled = "".join(f" with {name}" for name, mode in bundles if mode == "bundled")
    return f"{release.source} {release.version}{digest}{bundled}"


def say(findings: Iterable[Finding], component: pulumi.ComponentResource) -> None:
    """Log warnings as such, and notes as information."""
    for finding in findings:
        (pulumi.log.warn if finding.severity == "warning" else pulumi.log.info)(str(finding), component)


def preview(
    plan: Plan,
    last: Seen,
    now: Mapping[str, str],
    component: pulumi.ComponentResource,
    provider: Provider | None,
) -> pulumi.Output[dict[str, dict[str, str]]]:
    """Render a plan's releases, and say what that changes.

    Args:
        plan: what is planned.
        last: what the last update rendered.
        now: the plan's :func:`charts`.
        component: what the invokes and messages belong to.
        provider: the releases' provider; None for the component's.

    Returns:
        The objects, or nothing where the plan leaves them out. It fails with a ``pulumi.RunError`` that has every chart
        that cannot be rendered.
    """

    async def objects() -> Objects:
        if not plan.preview_objects:
            return {}
        # A message about a component waits for its URN; one sent just when it is known would overtake those before.
        await component.urn.future()
        options = pulumi.InvokeOptions(
            parent=component,
            provider=provider,
            version=sdk_version(),
        )
        rendered = await asyncio.gather(
            *(_objects(release, plan, _known_crds(release, last, now), options) for release in plan.releases)
        )
        findings = ordered([each for each in rendered if isinstance(each, Finding)])
        if any(finding.severity == "error" for finding in findings):
            raise pulumi.RunError(str(PlatformError(findings)))
        say(findings, component)
        after = {
            release.name: last.objects.get(release.name, {}) if isinstance(each, Finding) else each
            for release, each in zip(plan.releases, rendered, strict=True)
        }
        pulumi.log.info(f"{difference(last.objects, after)}\n  {OUT_OF_SIGHT}", component)
        return after

    # Behind a proxy, because the SDK would make an Output of each item of a dict.
    rendered: pulumi.Output[Objects] = pulumi.Output.from_input(_hidden(objects()))
    return rendered.apply(to_plain)


async def _hidden(objects: Awaitable[Objects]) -> Objects:
    return MappingProxyType(await objects)


def _known_crds(release: Release, last: Seen, now: Mapping[str, str]) -> dict[Key, Object]:
    """Those of the last update: the provider takes seconds for CRDs, which are the same for the same chart."""
    if last.charts.get(release.name) != now[release.name]:
        return {}
    return {key: item for key, item in last.objects.get(release.name, {}).items() if key.kind == CRD and item.kept}


async def _objects(
    release: Release, plan: Plan, crds: Mapping[Key, Object], options: pulumi.InvokeOptions
) -> dict[Key, Object] | Finding:
    """A release's objects, or why there are none to see."""
    served, open_apis = plan.rendering.api_versions, plan.rendering.open_apis
    try:
        first, again = await asyncio.gather(
            _manifests(release, plan, (*served, *open_apis), options, crds=False),
            _manifests(release, plan, served, options, crds=not crds),
        )
    except Exception as error:  # noqa: BLE001  the SDK raises nothing more precise
        return _unrendered(release, str(error))
    if first is None or again is None:
        return unconfigured(release)
    templated = {key_of(manifest, release.namespace) for manifest in first}
    of_folder = [each for each in again if each["kind"] == CRD and key_of(each, release.namespace) not in templated]
    return dict(crds) | read(
        [*first, *of_folder],
        again,
        release.namespace,
        hooks=release.hooks,
        crds={manifest["metadata"]["name"] for manifest in of_folder},
    )


async def _manifests(
    release: Release, plan: Plan, apis: Sequence[str], options: pulumi.InvokeOptions, *, crds: bool
) -> list[Manifest] | None:
    """What Helm makes of a release; None where the provider is not configured yet."""
    chart: dict[str, Any] = {"path": release.chart}
    if not Path(release.chart).exists():
        chart = {"chart": release.chart, "version": release.version}
        chart |= {"fetch_opts": {"repo": release.repository}} if release.repository else {}
    template = {
        "release_name": release.name,
        "namespace": release.namespace,
        "values": release.values,
        "kube_version": plan.rendering.kubernetes_version,
        "api_versions": apis,
        "skip_crd_rendering": not crds,
    }
    result = await pulumi.runtime.invoke_async(
        "kubernetes:helm:template", {"jsonOpts": json.dumps(chart | template)}, options
    )
    manifests: list[Manifest] | None = (result or {}).get("result")
    return manifests


def _unrendered(release: Release, error: str) -> Finding:
    before, templating, text = error.partition(_TEMPLATING)
    return refused(release, text, Path(release.chart)) if templating else unfetched(release, before)
