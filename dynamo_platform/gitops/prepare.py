"""What has to be true of a plan and its charts before they become files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dynamo_platform.catalog import Catalog
from dynamo_platform.findings import Finding
from dynamo_platform.planning.model import Plan, Release
from dynamo_platform.rendering.helm import Rendered
from dynamo_platform.rendering.objects import Manifest
from dynamo_platform.rendering.refusals import generated, secret_contents, undecided
from dynamo_platform.trees import merged, nested
from dynamo_platform.versions import Version

from .objects import created

_INLINE_CONFIG = {"kaiConfig.inline": True, "kaiConfig.byJob": False}
"""The settings by which KAI Scheduler's chart has the Config among its objects, and no Job that creates it."""

_MONITORS = ("monitoring.podMonitors", "monitoring.metricsService")


def with_inline_config(plan: Plan, catalog: Catalog) -> tuple[Release, ...]:
    """A plan's releases, with KAI Scheduler's Config among its objects where that version can, not made by a Job."""
    mode = plan.modes["kai-scheduler"]
    if mode not in {"separate", "bundled"}:
        return plan.releases
    releases = {release.name: release for release in plan.releases}
    release = plan.platform if mode == "bundled" else releases["kai-scheduler"]
    minor = catalog.minor(Version.parse(plan.platform.version))
    assert minor  # noqa: S101  a plan is of a known minor
    version = minor.kai_scheduler.bundled if mode == "bundled" else Version.parse(release.version)
    if catalog.keys("kai-scheduler", "kaiConfig.inline", version):
        leaves = {
            key.key: value
            for setting, value in _INLINE_CONFIG.items()
            for key in catalog.keys("kai-scheduler", setting, version)
        }
        values = {"kai-scheduler": nested(leaves)} if mode == "bundled" else nested(leaves)
        releases[release.name] = release._replace(values=merged(release.values, values))
    return tuple(releases.values())


def undecided_monitors(plan: Plan, catalog: Catalog) -> list[Finding]:
    """An error for each monitor that a cluster would have to decide."""
    if not plan.rendering.open_apis:
        return []
    version, values = Version.parse(plan.platform.version), plan.platform.values
    return [
        undecided(setting)
        for setting in _MONITORS
        if not isinstance(catalog.setting("dynamo-platform", setting, version, values), bool)
    ]


def unrepeatable(rendered: Iterable[Rendered]) -> list[Finding]:
    """An error about each release with objects that come out otherwise each time, or with contents of Secrets.

    Args:
        rendered: both renderings with the same APIs, so that nothing else differs.
    """
    findings = []
    for each in rendered:
        first, again = (
            {key: manifest for key, manifest, _ in created(each, which)} for which in (each.first, each.again)
        )
        moving = [
            f"{key.title} ({_differing(first.get(key), again.get(key))})"
            for key in sorted(first.keys() | again.keys(), key=lambda key: key.order)
            if first.get(key) != again.get(key)
        ]
        if moving:
            findings.append(generated(each.release, moving))
        if secrets := [key.title for key, manifest in first.items() if key.kind == "Secret" and _contents(manifest)]:
            findings.append(secret_contents(each.release, sorted(secrets)))
    return findings


def _contents(secret: Manifest) -> bool:
    return any(value for field in ("data", "stringData") for value in (secret.get(field) or {}).values())


def _differing(first: Any, again: Any, path: str = "") -> str:
    """Where two renderings of an object differ first."""
    if isinstance(first, Mapping) and isinstance(again, Mapping):
        key = next(key for key in sorted(first.keys() | again.keys()) if first.get(key) != again.get(key))
        return _differing(first.get(key), again.get(key), f"{path}.{key}" if path else key)
    return path or "name"
