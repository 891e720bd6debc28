"""Rules about pass-through chart values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices

from .base import Verdict, alike, rule

_WITHOUT_CONDITION = " Helm installs a subchart whose condition is missing or no boolean."


@rule("VAL001", acceptable=True)
def values_do_not_undo_settings(c: Choices) -> Iterator[Verdict]:
    """``values`` are merged last; over a typed setting they would win without a word."""
    for d in c.dependencies:
        if d.mode in {"separate", "bundled"}:
            yield from _undone(f"{d.key}.values", d.values, c.written[d.name])
    modes = modes_of(c)
    others = {leaf: value for leaf, value in c.written["dynamo-platform"].items() if leaf not in modes}
    yield from _undone("values", c.config.values or {}, others)


@rule("VAL002")
def values_do_not_undo_modes(c: Choices) -> Iterator[Verdict]:
    """What is installed and in which order follows from the modes, and two of a kind would fight in one cluster."""
    yield from _undone("values", c.config.values or {}, modes_of(c), maps=True)


def modes_of(c: Choices) -> Mapping[str, Any]:
    """The values that say which of KAI Scheduler and Grove the platform's chart installs and works with."""
    if c.version is None:
        return {}
    settings = [f"{d.key}.{flag}" for d in c.dependencies for flag in ("install", "enabled")]
    flags = {key.key for each in settings for key in c.catalog.keys("dynamo-platform", each, c.version)}
    return {leaf: value for leaf, value in c.written["dynamo-platform"].items() if leaf in flags}


def _undone(
    path: str, values: Mapping[str, Any], leaves: Mapping[str, Any], *, maps: bool = False
) -> Iterator[Verdict]:
    """Where values say otherwise; a whole map that is gone is said of the modes only, else it is KEY002."""
    undone: set[str] = set()
    for leaf, written in leaves.items():
        found = _standing(values, leaf)
        if found is None or found[0] in undone or _agrees(found[1], written):
            continue
        at, given = found
        if maps or at == leaf:
            undone.add(at)
            yield Verdict(
                f"{path}.{at}",
                shown(given),
                f"{shown(written)}, or the typed setting that decides it",
                f"`values` are merged last, and this would undo {leaf}: {shown(written)}."
                + _WITHOUT_CONDITION * (leaf.endswith(".install") and not isinstance(given, bool)),
            )


def _standing(values: Mapping[str, Any], leaf: str) -> tuple[str, Any] | None:
    """What values say of a leaf: what stands there, or where there can be nothing below."""
    at, node = "", values
    for step in leaf.split("."):
        if not isinstance(node, Mapping):
            return at, node
        if step not in node:
            return None
        at, node = f"{at}.{step}".removeprefix("."), node[step]
    return at, node


def _agrees(given: Any, written: Any) -> bool:
    """Whether all that is written stays when what is given is merged over it."""
    if isinstance(given, Mapping) and isinstance(written, Mapping):
        return all(_agrees(value, written.get(key, value)) for key, value in given.items())
    return alike(given, written)
