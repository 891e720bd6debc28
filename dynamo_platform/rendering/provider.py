"""Charts rendered by the Kubernetes provider's own Helm, in previews and updates."""

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

from dynamo_platform.findings import Finding, PlatformError, by_severity
from dynamo_platform.planning.model import Plan, Release
from dynamo_platform.planning.running import COMPONENT

from .apis import check_apis
from .changes import NOT_SHOWN, summarize_changes
from .charts import chart_digest
from .objects import CRD, Key, Manifest, Object, Objects, from_plain, key_of, read_objects, to_plain
from .refusals import chart_not_fetched, provider_not_configured, template_failed
from .schemas import check_schemas

_TEMPLATE_ERROR = "failed to create chart from template: "
"""The start of Helm's error, in the provider's error, if the chart was fetched and its templates failed."""


class LastRendering(NamedTuple):
    """The objects that a component rendered at its last update.

    Attributes:
        objects: the objects of each release.
        charts: the :func:`chart_identities` of the releases.
    """

    objects: Objects
    charts: Mapping[str, str]


@cache
def sdk_version() -> str:
    """The version of the Kubernetes SDK. Options without it make the engine start a second default provider."""
    return version("pulumi-kubernetes")


def last_rendering(state: Mapping[str, Any], component: str) -> LastRendering:
    """Read from the stack's state what a component rendered at the last update.

    Args:
        state: the outputs of the stack's resources, by URN.
        component: the component's name.
    """
    found = [each["outputs"] for urn, each in state.items() if urn.endswith(f"{COMPONENT}::{component}")]
    outputs = found[0] if found else {}
    return LastRendering(from_plain(outputs.get("objects") or {}), outputs.get("charts") or {})


def chart_identities(plan: Plan) -> dict[str, str]:
    """The chart of each release as text: its source, its version, the digest of a local one, and what it bundles.

    Empty if the plan does not preview objects.
    """
    return {release.name: _chart_identity(release, plan) for release in plan.releases if plan.preview_objects}


def _chart_identity(release: Release, plan: Plan) -> str:
    local = Path(release.chart)
    digest = f" {chart_digest(local)}" if local.exists() else ""
    bundles = plan.modes.items() if release.name == plan.platform.name else ()
    bundled = "".join(f" with {name}" for name, mode in bundles if mode == "bundled")
    return f"{release.source} {release.version}{digest}{bundled}"


def log_findings(findings: Iterable[Finding], component: pulumi.ComponentResource) -> None:
    """Log warnings as warnings, and notes as information."""
    for finding in findings:
        (pulumi.log.warn if finding.severity == "warning" else pulumi.log.info)(str(finding), component)


def render_objects(
    plan: Plan,
    last: LastRendering,
    charts: Mapping[str, str],
    component: pulumi.ComponentResource,
    provider: Provider | None,
) -> pulumi.Output[dict[str, dict[str, str]]]:
    """Render a plan's releases, and log which objects change.

    Args:
        plan: the plan.
        last: the objects of the last update.
        charts: the plan's :func:`chart_identities`.
        component: the component, for invokes and messages.
        provider: the releases' provider; None for the component's.

    Returns:
        The objects of each release; empty if the plan does not preview objects. The output fails with a
        ``pulumi.RunError`` that lists every chart that cannot be rendered.
    """

    async def render() -> Objects:
        if not plan.preview_objects:
            return {}
        # Messages wait for the component's URN. One that is sent as soon as the URN is known overtakes earlier ones.
        await component.urn.future()
        options = pulumi.InvokeOptions(
            parent=component,
            provider=provider,
            version=sdk_version(),
        )
        rendered = await asyncio.gather(
            *(
                _render_release(release, plan, _reusable_objects(release, last, charts), options)
                for release in plan.releases
            )
        )
        findings = by_severity([finding for each in rendered if isinstance(each, list) for finding in each])
        if any(finding.severity == "error" for finding in findings):
            raise pulumi.RunError(str(PlatformError(findings)))
        log_findings(findings, component)
        after = {
            release.name: last.objects.get(release.name, {}) if isinstance(each, list) else each
            for release, each in zip(plan.releases, rendered, strict=True)
        }
        pulumi.log.info(f"{summarize_changes(last.objects, after)}\n  {NOT_SHOWN}", component)
        return after

    rendered: pulumi.Output[Objects] = pulumi.Output.from_input(_as_proxy(render()))
    return rendered.apply(to_plain)


async def _as_proxy(objects: Awaitable[Objects]) -> Objects:
    """Hide the dict from the SDK, which would turn each of its items into an Output."""
    return MappingProxyType(await objects)


def _reusable_objects(release: Release, last: LastRendering, charts: Mapping[str, str]) -> Mapping[Key, Object]:
    """The objects of the last update if the chart is the same, because the provider takes seconds to render CRDs."""
    return last.objects.get(release.name, {}) if last.charts.get(release.name) == charts[release.name] else {}


async def _render_release(
    release: Release, plan: Plan, last: Mapping[Key, Object], options: pulumi.InvokeOptions
) -> dict[Key, Object] | list[Finding]:
    """A release's objects, or the reasons why it cannot be rendered.

    Args:
        release: the release.
        plan: its plan.
        last: its objects at the last update; empty if the chart is another one. Their CRDs are not rendered again.
        options: of the invokes.
    """
    served, open_apis = plan.rendering.api_versions, plan.rendering.open_apis
    crds = {key: item for key, item in last.items() if key.kind == CRD and item.kept}
    try:
        first, again = await asyncio.gather(
            _render_manifests(release, plan, (*served, *open_apis), options, crds=False),
            _render_manifests(release, plan, served, options, crds=not crds),
        )
    except Exception as error:  # noqa: BLE001  the SDK raises nothing more precise
        return [_rendering_failed(release, str(error))]
    if first is None or again is None:
        return [provider_not_configured(release)]
    templated = {key_of(manifest, release.namespace) for manifest in first}
    from_folder = [each for each in again if each["kind"] == CRD and key_of(each, release.namespace) not in templated]
    objects = crds | read_objects(
        [*first, *from_folder],
        again,
        release.namespace,
        hooks=release.hooks,
        crds={manifest["metadata"]["name"] for manifest in from_folder},
    )
    groups = {key.name.partition(".")[2] for key in crds}
    if any(key.api_version.partition("/")[0] in groups for key, _ in objects.items() - last.items()):
        # A custom resource changed, and the CRDs are needed to check it.
        return await _render_release(release, plan, {}, options)
    findings = [*check_apis(release, again, plan.rendering, groups), *check_schemas(release, [*first, *again])]
    return findings or objects


async def _render_manifests(
    release: Release, plan: Plan, apis: Sequence[str], options: pulumi.InvokeOptions, *, crds: bool
) -> list[Manifest] | None:
    """A release's manifests; None if the provider is not configured yet."""
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


def _rendering_failed(release: Release, error: str) -> Finding:
    before, separator, text = error.partition(_TEMPLATE_ERROR)
    if separator:
        return template_failed(release, text, Path(release.chart))
    return chart_not_fetched(release, before)
