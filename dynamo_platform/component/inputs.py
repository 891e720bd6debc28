"""Finds the values among a program's settings that cannot be planned: Outputs, and what is no plain data."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import BaseModel

from dynamo_platform.config.model import MAX_LEVELS
from dynamo_platform.findings import Finding
from dynamo_platform.trees import Location, dotted

TITLES = {
    "RUN002": "A program passes an Output, which is not known when the platform is planned.",
    "RUN003": "A program passes a chart value that cannot be written as YAML.",
}
"""The titles of the findings about a program's settings, by code."""


def known_settings(settings: Mapping[str, Any] | BaseModel) -> tuple[dict[str, Any], list[Finding]]:
    """The settings without those that cannot be planned, and a finding for each of these.

    Args:
        settings: the settings by name, or as a model.
    """
    findings: list[Finding] = []

    def fits(value: Any, location: Location, what: str = "value") -> bool:
        found = _unfit(value, location, what)
        findings.extend(found)
        return not found

    def known(value: Any, location: Location) -> Any:
        value = dict(value) if isinstance(value, BaseModel) else value
        if len(location) > MAX_LEVELS:
            return value
        if isinstance(value, Mapping):
            keys = [key for key in value if fits(key, location, "key")]
            return {key: known(value[key], (*location, key)) for key in keys if fits(value[key], (*location, key))}
        if isinstance(value, list | tuple):
            return [known(item, (*location, n)) for n, item in enumerate(value) if fits(item, (*location, n))]
        return value

    return known(settings, ()), findings


def _unfit(value: Any, location: Location, what: str) -> list[Finding]:
    if isinstance(value, pulumi.Output | pulumi.Resource) or inspect.isawaitable(value):
        return [unknown_setting(type(value), location, what)]
    # Of a typed setting, the model says what it has to be.
    plain = isinstance(value, BaseModel | Mapping | list | tuple | str | int | float | None)
    return [] if plain or "values" not in location else [unwritable_value(type(value), location, what)]


def unknown_setting(kind: type, location: Location, what: str = "value") -> Finding:
    """The finding about a setting that is not known.

    Args:
        kind: the type of the Output, awaitable or resource.
        location: where it is.
        what: ``value``, or ``key`` if it is a key of a mapping.
    """
    return Finding(
        code="RUN002",
        severity="error",
        path=dotted(location),
        given=f"a {what} of type {kind.__name__}",
        allowed="a value that is known when the program starts, such as pulumi.Config().require(…) returns; for a "
        "secret, the name of a Secret in the cluster",
        why="The plan is decided and checked before anything is created, and Helm stores chart values unencrypted.",
        docs="docs/configuration.md#outputs-and-secrets",
    )


def unwritable_value(kind: type, location: Location, what: str = "value") -> Finding:
    """The finding about a chart value that cannot be written as YAML.

    Args:
        kind: its type.
        location: where it is.
        what: ``value``, or ``key`` if it is a key of a mapping.
    """
    return Finding(
        code="RUN003",
        severity="error",
        path=dotted(location),
        given=f"a {what} of type {kind.__name__}",
        allowed="text, a number, a boolean, None, a list or a mapping",
        why="Chart values are written as YAML; a chart reads a date, for example, as text.",
        docs="docs/configuration.md#outputs-and-secrets",
    )
