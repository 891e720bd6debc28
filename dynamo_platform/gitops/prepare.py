"""What has to be true of a plan and its charts before they become files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dynamo_platform.catalog import Catalog
from dynamo_platform.catalog.keys import nearest_recording, recorded
from dynamo_platform.findings import Finding
from dynamo_platform.planning.model import Plan, Release
from dynamo_platform.rendering.helm import Rendered
from dynamo_platform.rendering.objects import Manifest
from dynamo_platform.rendering.refusals import generated, secret_contents, undecided
from dynamo_platform.trees import merged, value_at
from dynamo_platform.versions import Version

from .objects import created

_INLINE_CONFIG: dict[str, Any] = {"kaiConfig": {"render": True}, "kaiConfigDeployer": {"enabled": False}}
_MONITORS = ("monitoring.podMonitors", "monitoring.metricsService")


def with_inline_config(plan: Plan, catalog: Catalog) -> tuple[Release, ...]:
    """A plan's releases, with KAI Scheduler's Config among its objects where that version can, not made by a Job."""
    mode = plan.modes["kai-scheduler"]
    releases = {release.name: release for release in plan.releases}
    if mode == "separate":
        release = releases["kai-scheduler"]
        version, values = Version.parse(release.version), _INLINE_CONFIG
    elif mode == "bundled":
        release = releases[catalog.platform.chart]
        minor = catalog.minor(Version.parse(release.version))
        assert minor  # noqa: S101  a plan is of a known minor
        version, values = minor.kai_scheduler.bundled, {"kai-scheduler": _INLINE_CONFIG}
    else:
        return plan.releases
    versions = recorded("kai-scheduler")
    if "kaiConfig.render" in versions[nearest_recording(version, versions)]:
        releases[release.name] = release._replace(values=merged(release.values, values))
    return tuple(releases.values())


def undecided_monitors(plan: Plan, catalog: Catalog) -> list[Finding]:
    """An error for each monitor that a cluster would have to decide."""
    if not plan.rendering.open_apis:
        return []
    platform = next(release for release in plan.releases if release.name == catalog.platform.chart)
    version = Version.parse(platform.version)
    return [
        undecided(setting)
        for setting in _MONITORS
        if not any(
            isinstance(value_at(platform.values, key.key), bool)
            for key in catalog.keys("dynamo-platform", setting, version)
        )
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
