"""Chart values of each release, for every version.

The module's own values start flat, with one entry for each leaf (``global.grove.install``), so that rules can compare
them with the user's ``values``. Then both are merged into Helm's tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamo_platform.catalog.model import SettingKey
from dynamo_platform.trees import merged, nested, value_at

from .choices import Choices, Leaves, Part, ReleaseName
from .sources import mirror_of, repository_path


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
    """Each chart's complete values: the module's, with the user's own merged over them, environment variables by name.

    The platform's include the values of the charts that it bundles. A bundled chart's include what the user sets below
    its key in the platform's.
    """
    platform = nested(c.written["dynamo-platform"])
    own = _with_variables(c.config.values or {}, c.written["dynamo-platform"])
    values: dict[ReleaseName, dict[str, Any]] = {}
    for dependency in c.dependencies:
        name, bundled = dependency.name, dependency.mode == "bundled"
        given = _with_variables(dependency.values, c.written[name])
        if bundled and given:
            platform = merged(platform, {name: given})
        below = own.get(name) if bundled else None
        complete = merged(nested(c.written[name]), given)
        values[name] = merged(complete, below) if isinstance(below, Mapping) else complete
    return {"dynamo-platform": merged(platform, own), **values}


def _with_variables(values: Mapping[str, Any], written: Leaves) -> dict[str, Any]:
    """The user's values, whose lists of environment variables start with those of the module: Helm replaces lists."""
    for leaf, variables in written.items():
        given = value_at(values, leaf)
        if is_variables(variables) and isinstance(given, list):
            names = [variable.get("name") for variable in given if isinstance(variable, Mapping)]
            ours = [variable for variable in variables if variable["name"] not in names]
            values = merged(values, nested({leaf: [*ours, *given]}))
    return dict(values)


def is_variables(value: Any) -> bool:
    """Whether a value that the module writes is a list of environment variables."""
    return (
        bool(value)
        and isinstance(value, list)
        and all(isinstance(each, Mapping) and each.keys() == {"name", "value"} for each in value)
    )


def _leaves(c: Choices, part: Part) -> Leaves:
    """The settings of a chart, by the keys that its version reads."""
    leaves: Leaves = {}
    for setting in part.settings:
        for key in c.catalog.keys(part.name, setting.path, part.version):
            value = mirror_of(key.registry, c.config.registry) if key.registry else setting.value
            if value is not None:
                leaves[key.key] = _formatted(value, key, part)
    return leaves


def _formatted(value: Any, key: SettingKey, part: Part) -> Any:
    """A setting's value in the form that the chart expects."""
    match key.form:
        case "references":
            return [{"name": name} for name in value]
        case "affinity":
            expressions = [{"key": label, "operator": "In", "values": [text]} for label, text in value.items()]
            terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
            return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        case "switch":
            return True
        case "image" | "image elsewhere":
            return _image(value, key, part)
        case "image variable":
            # This is the only entry of the chart's list.
            return [{"name": key.variable, "value": _image(value, key, part)}]
        case _:
            return value


def _image(mirror: str, key: SettingKey, part: Part) -> str:
    """An image, or the common path of several, on a mirror."""
    path = "" if key.form == "image elsewhere" else repository_path(part.repository)
    return "/".join(filter(None, (mirror, path, key.image)))
