"""Chart values: what each release is given, from the choices, for every version.

What the module writes is flat here, one entry for each leaf (``global.grove.install``), so that rules can compare it
with what the user's ``values`` say. ``nested`` and ``merged`` make Helm's tree of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamo_platform.catalog import Key
from dynamo_platform.trees import merged, nested

from .choices import Choices, Dependency
from .settings import Part, part_of, parts_of, settings_of
from .sources import path_of

Leaves = dict[str, Any]


def platform_leaves(c: Choices) -> Leaves:
    """What the module writes for the platform's release, its subcharts included."""
    leaves: Leaves = {}
    for part in parts_of(c):
        if part.name == "dynamo-platform":
            leaves |= _leaves(c, part)
        elif part.below:
            leaves |= {f"{part.below}.{leaf}": value for leaf, value in _leaves(c, part).items()}
    return leaves


def dependency_leaves(c: Choices, dependency: Dependency) -> Leaves:
    """What the module writes for KAI Scheduler or Grove, in a release of its own or below the subchart's key."""
    part = part_of(dependency)
    return _leaves(c, part) if part else {}


def _leaves(c: Choices, part: Part) -> Leaves:
    """What the configuration says, in the keys that the chart's version reads."""
    return {
        key.key: _formed(setting.value, key, part)
        for setting in settings_of(c, part)
        for key in c.catalog.keys(part.name, setting.path, part.version)
    }


def _formed(value: Any, key: Key, part: Part) -> Any:
    """A setting's value in the form that the chart takes it in."""
    match key.form:
        case "references":
            return [{"name": name} for name in value]
        case "affinity":
            expressions = [{"key": label, "operator": "In", "values": [text]} for label, text in value.items()]
            terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
            return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        case "image":
            return "/".join(filter(None, (value, path_of(part.repository), key.image)))
        case "init image":
            # The list's only entry, and Helm replaces lists.
            image = "/".join((value, path_of(part.repository), key.image))
            return [{"name": "GROVE_INIT_CONTAINER_IMAGE", "value": image}]
        case _:
            return value


def platform_values(c: Choices) -> dict[str, Any]:
    """The platform release's complete values: the module's, then each bundled one's, then the user's."""
    values = nested(platform_leaves(c))
    for dependency in c.dependencies:
        if dependency.mode == "bundled" and dependency.values:
            values = merged(values, {dependency.name: dependency.values})
    return merged(values, c.config.values or {})


def dependency_values(c: Choices, dependency: Dependency) -> dict[str, Any]:
    """KAI Scheduler's or Grove's complete values: the module's, then the user's, bundled those of the platform too."""
    values = merged(nested(dependency_leaves(c, dependency)), dependency.values)
    below = (c.config.values or {}).get(dependency.name) if dependency.mode == "bundled" else None
    return merged(values, below) if isinstance(below, Mapping) else values
