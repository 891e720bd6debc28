"""The APIs that rendered objects need, and that the cluster does not serve according to the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dynamo_platform.findings import Finding
from dynamo_platform.planning.model import Release, Rendering

from .objects import CRD
from .refusals import missing_apis


def check_apis(
    release: Release, manifests: Iterable[Mapping[str, Any]], rendering: Rendering, own: Iterable[str] = ()
) -> list[Finding]:
    """The finding about objects whose API is not served; none if all are served, or if it is not known.

    Args:
        release: the release that was rendered.
        manifests: its manifests, with those of hooks.
        rendering: the cluster. Which APIs it serves is known only if the configuration lists them.
        own: the API groups of CRDs that are not among the manifests.
    """
    if rendering.open_apis or not rendering.groups:
        return []
    every = list(manifests)
    groups = {*own, *(each["spec"]["group"] for each in every if each["kind"] == CRD)}
    missing: dict[str, set[str]] = {}
    for each in every:
        api = each["apiVersion"]
        group = api.rpartition("/")[0]
        if api not in rendering.api_versions and group not in groups and not _is_known(group, rendering):
            missing.setdefault(api, set()).add(each["kind"])
    return [missing_apis(release, {api: sorted(kinds) for api, kinds in sorted(missing.items())})] if missing else []


def _is_known(group: str, rendering: Rendering) -> bool:
    return any(group == known or group.endswith(f".{known}") for known in rendering.groups if known) or not group
