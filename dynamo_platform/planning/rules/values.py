"""Rules about pass-through chart values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices
from dynamo_platform.planning.values import is_variables

from .base import Verdict, equal_to_helm, rule

_WITHOUT_CONDITION = " Helm installs a subchart whose condition is missing or not a boolean."


@rule("VAL001", acceptable=True)
def values_do_not_undo_settings(c: Choices) -> Iterator[Verdict]:
    """``values`` are merged last, so they would silently override a typed setting."""
    for d in c.dependencies:
        if d.mode in {"separate", "bundled"}:
            yield from _overridden(f"{d.key}.values", d.values, c.written[d.name])
    modes = modes_of(c)
    others = {leaf: value for leaf, value in c.written["dynamo-platform"].items() if leaf not in modes}
    yield from _overridden("values", c.config.values or {}, others)


@rule("VAL002")
def values_do_not_undo_modes(c: Choices) -> Iterator[Verdict]:
    """The modes decide what is installed and in which order, so ``values`` must not override them."""
    yield from _overridden("values", c.config.values or {}, modes_of(c), maps=True)


def modes_of(c: Choices) -> Mapping[str, Any]:
    """The values that decide which of KAI Scheduler and Grove the platform's chart installs and uses."""
    if c.version is None:
        return {}
    settings = [f"{d.key}.{flag}" for d in c.dependencies for flag in ("install", "enabled")]
    flags = {key.key for each in settings for key in c.catalog.keys("dynamo-platform", each, c.version)}
    return {leaf: value for leaf, value in c.written["dynamo-platform"].items() if leaf in flags}


def _overridden(
    path: str, values: Mapping[str, Any], leaves: Mapping[str, Any], *, maps: bool = False
) -> Iterator[Verdict]:
    """The values that override the module's. A missing map counts for the modes only; otherwise KEY002 reports it."""
    reported: set[str] = set()
    for leaf, written in leaves.items():
        found = _value_on_path(values, leaf)
        if found is None or found[0] in reported or _keeps(found[1], written):
            continue
        at, given = found
        if maps or at == leaf:
            reported.add(at)
            yield Verdict(
                f"{path}.{at}",
                quote_value(given),
                f"{quote_value(written)}, or change the typed setting",
                f"`values` are merged last, so this would override {leaf}: {quote_value(written)}."
                + _WITHOUT_CONDITION * (leaf.endswith(".install") and not isinstance(given, bool)),
            )


def _value_on_path(values: Mapping[str, Any], leaf: str) -> tuple[str, Any] | None:
    """The value at a leaf, or the one above it that leaves no room for it, with its path; None if neither is set."""
    at, node = "", values
    for step in leaf.split("."):
        if not isinstance(node, Mapping):
            return at, node
        if step not in node:
            return None
        at, node = f"{at}.{step}".removeprefix("."), node[step]
    return at, node


def _keeps(given: Any, written: Any) -> bool:
    """Whether merging the given value over the written one keeps everything written."""
    if isinstance(given, Mapping) and isinstance(written, Mapping):
        return all(_keeps(value, written.get(key, value)) for key, value in given.items())
    if is_variables(written) and isinstance(given, list):
        names = [variable["name"] for variable in written]
        return all(each in written or not isinstance(each, Mapping) or each.get("name") not in names for each in given)
    return equal_to_helm(given, written)
