"""What a preview says of the objects behind its releases: each chart rendered by the provider's own Helm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pulumi
from pulumi_kubernetes import Provider

from .findings import Finding, PlatformError, ordered
from .objects import Key, Manifest, Object, Objects, difference, from_plain, read, to_plain
from .plan import Plan, Release
from .rendering import refused, unconfigured, unfetched
from .running import COMPONENT

_STAGES: Sequence[tuple[str, Callable[[Release, str], Finding]]] = (
    ("failed to create chart from template: ", refused),
    ("failed to pull chart: ", unfetched),
    ("failed to load chart from temp directory: ", unfetched),
)
"""Where the provider's Helm was when it failed, by its words."""


def objects_in(state: Mapping[str, Any], component: str) -> Objects:
    """What a component rendered at the last update, by the stack's state."""
    found = [each["outputs"] for urn, each in state.items() if urn.endswith(f"{COMPONENT}::{component}")]
    return from_plain(found[0].get("objects") or {}) if found else {}


def preview(
    plan: Plan, before: Objects, component: pulumi.ComponentResource, provider: Provider | None
) -> pulumi.Output[dict[str, dict[str, str]]]:
    """Render a plan's releases, and say what that changes.

    Args:
        plan: what is planned.
        before: the objects of the last update.
        component: what the invokes and messages belong to.
        provider: the releases' provider; None for the component's.

    Returns:
        The objects, or nothing where the plan leaves them out. It fails with a ``pulumi.RunError`` that has every chart
        that cannot be rendered.
    """

    async def objects() -> Objects:
        if not plan.preview_objects:
            return {}
        options = pulumi.InvokeOptions(
            parent=component,
            provider=provider,
            # Without the SDK's version the engine would start a second default provider.
            version=version("pulumi-kubernetes"),
        )
        rendered = await asyncio.gather(*(_objects(release, plan, options) for release in plan.releases))
        findings = ordered([each for each in rendered if isinstance(each, Finding)])
        if any(finding.severity == "error" for finding in findings):
            raise pulumi.RunError(str(PlatformError(findings)))
        for finding in findings:
            (pulumi.log.warn if finding.severity == "warning" else pulumi.log.info)(str(finding), component)
        after = {
            release.name: before.get(release.name, {}) if isinstance(each, Finding) else each
            for release, each in zip(plan.releases, rendered, strict=True)
        }
        pulumi.log.info(difference(before, after), component)
        return after

    # Behind a proxy, because the SDK would make an Output of each item of a dict.
    rendered: pulumi.Output[Objects] = pulumi.Output.from_input(_hidden(objects()))
    return rendered.apply(to_plain)


async def _hidden(objects: Awaitable[Objects]) -> Objects:
    return MappingProxyType(await objects)


async def _objects(release: Release, plan: Plan, options: pulumi.InvokeOptions) -> dict[Key, Object] | Finding:
    """A release's objects, or why there are none to see."""
    served, open_apis = plan.rendering.api_versions, plan.rendering.open_apis
    try:
        first, again = await asyncio.gather(
            *(_manifests(release, plan, apis, options) for apis in ((*served, *open_apis), served))
        )
    except Exception as error:  # noqa: BLE001  the SDK raises nothing more precise
        return _unrendered(release, str(error))
    if first is None or again is None:
        return unconfigured(release)
    return read(first, again, release.namespace, hooks=release.hooks)


async def _manifests(
    release: Release, plan: Plan, apis: Sequence[str], options: pulumi.InvokeOptions
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
        "skip_crd_rendering": True,
    }
    result = await pulumi.runtime.invoke_async(
        "kubernetes:helm:template", {"jsonOpts": json.dumps(chart | template)}, options
    )
    manifests: list[Manifest] | None = (result or {}).get("result")
    return manifests


def _unrendered(release: Release, error: str) -> Finding:
    for words, finding in _STAGES:
        _, found, text = error.partition(words)
        if found:
            return finding(release, text)
    return unfetched(release, error)
