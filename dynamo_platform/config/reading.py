"""Reads a configuration as far as possible, with a finding for every entry that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, get_origin

from pydantic import ValidationError

from dynamo_platform.findings import Finding, at_most
from dynamo_platform.trees import Location

from .model import MAX_LEVELS, PlatformConfig, to_camel


def decode_stack(raw: Mapping[str, str]) -> dict[str, Any]:
    """Decode what the engine passes to a program: every top-level value is text there.

    Args:
        raw: values by key, without the ``dynamo-platform:`` prefix; objects, lists, numbers and booleans are JSON.
    """
    return {key: text if key in _text_keys() else _decode(text) for key, text in raw.items()}


@cache
def _text_keys() -> frozenset[str]:
    """The top-level settings that are text, and stay it even if they look like a number or a boolean."""
    from .fields import core, declared_types  # noqa: PLC0415  not needed to plan a PlatformConfig

    kinds = {name: core(annotation) for name, annotation in declared_types(PlatformConfig).items()}
    return frozenset(to_camel(name) for name, kind in kinds.items() if kind is str or get_origin(kind) is Literal)


def _decode(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def parse(data: Mapping[str, Any], *, stack: bool) -> tuple[PlatformConfig, tuple[Finding, ...]]:
    """Read a configuration as far as possible.

    Args:
        data: the settings by name.
        stack: whether names are camelCase, as in stack configuration (else Python's snake_case).

    Returns:
        The configuration without the entries that are wrong, and a finding (``CFG…``) for each of those.
    """
    rest = _copy(dict(data), MAX_LEVELS + 2)
    findings: dict[str, Finding] = {}
    while True:
        try:
            config = PlatformConfig.model_validate(rest, by_alias=stack, by_name=not stack)
        except ValidationError as error:
            from .mistakes import finding_of  # noqa: PLC0415  needed for a mistake only

            mistakes = [(details, _existing(rest, details["loc"])) for details in error.errors(include_url=False)]
            for details, location in mistakes:
                finding = finding_of(details, location, stack=stack)
                findings.setdefault(finding.path, finding)
                _remove(rest, location)
        else:
            # In Python, None leaves a setting out. In YAML, somebody wrote the null.
            return config, tuple(at_most([*findings.values(), *(_null_findings(rest) if stack else ())]))


def _copy(value: Any, depth: int) -> Any:
    """Mappings and lists as in JSON, no deeper than they are read."""
    if depth and isinstance(value, Mapping):
        return {str(key): _copy(item, depth - 1) for key, item in value.items()}
    return [_copy(item, depth - 1) for item in value] if depth and isinstance(value, list | tuple) else value


def _null_findings(data: dict[str, Any]) -> Iterator[Finding]:
    """A finding for each null that has no meaning: everywhere but at a tri-state and in chart values."""
    for location in _nulls(data):
        from .fields import declared_type, is_tri_state  # noqa: PLC0415  needed for a null only
        from .mistakes import null_finding  # noqa: PLC0415

        annotation = declared_type(location)
        if annotation is not Any and not is_tri_state(annotation):
            yield null_finding(location)


def _nulls(data: Any, *location: int | str) -> Iterator[Location]:
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in entries:
        if value is None:
            yield (*location, step)
        else:
            yield from _nulls(value, *location, step)


def _existing(data: Any, loc: Location) -> Location:
    """The part of pydantic's location that the user wrote: without the names of union members."""
    existing: list[int | str] = []
    for step in loc:
        in_list = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if in_list or (isinstance(data, dict) and step in data):
            data = data[step]
        else:
            break
        existing.append(step)
    return tuple(existing)


def _remove(data: dict[str, Any], location: Location) -> None:
    """Remove the value at a location; if it is in a list, the whole list."""
    first_index = next((i for i, step in enumerate(location) if isinstance(step, int)), None)
    names = [step for step in location[:first_index] if isinstance(step, str)]
    for name in names[:-1]:
        data = data.get(name, {})
    data.pop(names[-1], None)
