"""Chart values of each release, for every version.

The module's own values start flat, with one entry for each leaf (``global.grove.install``), so that rules can compare
them with the user's ``values``. Then both are merged into Helm's tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamo_platform.catalog.model import SettingKey
from dynamo_platform.trees import merged, nested

from .choices import Choices, Leaves, Part, ReleaseName
from .sources import repository_path


def written_values(c: Choices) -> dict[ReleaseName, Leaves]:
    """The values that the module writes for each chart; the platform's include those of its subcharts."""
    own = {part.name: _leaves(c, part) for part in c.parts}
    subcharts = {
        f"{part.below}.{leaf}": value for part in c.parts if part.below for leaf, value in own[part.name].items()
    }
    return {
        "dynamo-platform": own.get("dynamo-platform", {}) | subcharts,
        "kai-scheduler": own.get("kai-scheduler", {}),
        "grove": own.get("grove", {}),
    }


def complete_values(c: Choices) -> dict[ReleaseName, dict[str, Any]]:
    """Each chart's complete values: the module's, with the user's own merged over them.

    The platform's include the values of the charts that it bundles. A bundled chart's include what the user sets below
    its key in the platform's.
    """
    platform, own = nested(c.written["dynamo-platform"]), c.config.values or {}
    values: dict[ReleaseName, dict[str, Any]] = {}
    for dependency in c.dependencies:
        name, bundled = dependency.name, dependency.mode == "bundled"
        if bundled and dependency.values:
            platform = merged(platform, {name: dependency.values})
        below = own.get(name) if bundled else None
        complete = merged(nested(c.written[name]), dependency.values)
        values[name] = merged(complete, below) if isinstance(below, Mapping) else complete
    return {"dynamo-platform": merged(platform, own), **values}


def _leaves(c: Choices, part: Part) -> Leaves:
    """The settings of a chart, by the keys that its version reads."""
    return {
        key.key: _formatted(setting.value, key, part)
        for setting in part.settings
        for key in c.catalog.keys(part.name, setting.path, part.version)
    }


def _formatted(value: Any, key: SettingKey, part: Part) -> Any:
    """A setting's value in the form that the chart expects."""
    match key.form:
        case "references":
            return [{"name": name} for name in value]
        case "affinity":
            expressions = [{"key": label, "operator": "In", "values": [text]} for label, text in value.items()]
            terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
            return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        case "image":
            return "/".join(filter(None, (value, repository_path(part.repository), key.image)))
        case "image variable":
            # Helm replaces lists; this is the only entry of the chart's.
            image = "/".join((value, repository_path(part.repository), key.image))
            return [{"name": key.variable, "value": image}]
        case _:
            return value
