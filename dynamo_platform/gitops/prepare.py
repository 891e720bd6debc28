"""Checks and changes before a plan and its charts become files."""

from __future__ import annotations

from collections.abc import Iterable

from dynamo_platform.catalog import Catalog
from dynamo_platform.findings import Finding
from dynamo_platform.planning.model import Plan, Release
from dynamo_platform.rendering.helm import RenderedRelease
from dynamo_platform.rendering.objects import Manifest
from dynamo_platform.rendering.refusals import monitor_undecided, secret_contents, unstable_objects
from dynamo_platform.trees import merged, nested, walk
from dynamo_platform.versions import Version

from .objects import installed_objects

_INLINE_CONFIG = {"kaiConfig.inline": True, "kaiConfig.byJob": False}
"""The settings that make KAI Scheduler's chart render the Config as an object, without a Job that creates it."""

_ABSENT = object()
_MONITORS = ("monitoring.podMonitors", "monitoring.metricsService")


def with_inline_config(plan: Plan, catalog: Catalog) -> tuple[Release, ...]:
    """A plan's releases, with values that make KAI Scheduler's chart render its Config instead of a Job, if it can."""
    mode = plan.modes["kai-scheduler"]
    if mode not in {"separate", "bundled"}:
        return plan.releases
    releases = {release.name: release for release in plan.releases}
    release = plan.platform if mode == "bundled" else releases["kai-scheduler"]
    minor = catalog.minor(Version.parse(plan.platform.version))
    assert minor  # noqa: S101  a plan is of a known minor
    version = minor.kai_scheduler.bundled if mode == "bundled" else Version.parse(release.version)
    if version and catalog.keys("kai-scheduler", "kaiConfig.inline", version):
        leaves = {
            key.key: value
            for setting, value in _INLINE_CONFIG.items()
            for key in catalog.keys("kai-scheduler", setting, version)
        }
        values = {"kai-scheduler": nested(leaves)} if mode == "bundled" else nested(leaves)
        releases[release.name] = release._replace(values=merged(release.values, values))
    return tuple(releases.values())


def undecided_monitors(plan: Plan, catalog: Catalog) -> list[Finding]:
    """An error for each monitor that is ``auto`` although the APIs of the cluster are unknown."""
    if not plan.rendering.open_apis:
        return []
    version, values = Version.parse(plan.platform.version), plan.platform.values
    return [
        monitor_undecided(setting)
        for setting in _MONITORS
        if not isinstance(catalog.setting("dynamo-platform", setting, version, values), bool)
    ]


def check_rendered(rendered: Iterable[RenderedRelease]) -> list[Finding]:
    """An error for each release whose objects render differently every time, or whose Secrets have contents.

    Args:
        rendered: the releases, rendered twice with the same APIs.
    """
    findings = []
    for each in rendered:
        first, again = (
            {key: manifest for key, manifest, _ in installed_objects(each, manifests)}
            for manifests in (each.first, each.again)
        )
        unstable = [
            f"{key.title} ({_first_difference(first.get(key), again.get(key))})"
            for key in sorted(first.keys() | again.keys(), key=lambda key: key.order)
            if first.get(key) != again.get(key)
        ]
        if unstable:
            findings.append(unstable_objects(each.release, unstable))
        if secrets := [key.title for key, manifest in first.items() if key.kind == "Secret" and _has_data(manifest)]:
            findings.append(secret_contents(each.release, sorted(secrets)))
    return findings


def _has_data(secret: Manifest) -> bool:
    return any(value for field in ("data", "stringData") for value in (secret.get(field) or {}).values())


def _first_difference(first: Manifest | None, again: Manifest | None) -> str:
    """The first field in which two renderings of an object differ; the name if only one of them has the object."""
    if first is None or again is None:
        return "name"
    one, other = dict(walk(first)), dict(walk(again))
    paths = (path for path in one.keys() | other.keys() if one.get(path, _ABSENT) != other.get(path, _ABSENT))
    return min(paths, default="name")
