"""Rules about the keys of pass-through chart values: those that nothing reads, and those that cause harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dynamo_platform.findings import MAX_OF_A_CODE, listed, quote_value
from dynamo_platform.planning.choices import Choices
from dynamo_platform.trees import keys_of, nested, parents, walk

from .base import DYNAMO, Verdict, rule

if TYPE_CHECKING:
    from dynamo_platform.catalog.keys import Unread
    from dynamo_platform.catalog.model import Kind

    from .given import Given

_OPERATOR_TAG = "dynamo-operator.controllerManager.manager.image.tag"

_TAKES: dict[Kind, str] = {
    "boolean": "true or false",
    "auto": "true, false or null",
    "number": "a number",
    "text": "text",
    "list": "a list",
}


def _passed_through(c: Choices) -> Iterator[Given]:
    if c.config.values or any(d.values for d in c.dependencies):
        # The recordings of the charts' keys are read for these only.
        from .given import given  # noqa: PLC0415

        yield from given(c)


@rule("KEY001", "warning")
def keys_are_read(c: Choices) -> Iterator[Verdict]:
    """A key that the chart version does not read has no effect, and Helm does not report it."""
    for given in _passed_through(c):
        others = (unread for unread in given.keys.unread(given.values) if not given.keys.nested(unread.path))
        for number, unread in enumerate(others):
            absent = given.absent.get(keys_of(unread.path)[0].partition(".")[0])
            # What was meant takes a search for each key, and no report lists this many.
            many = number >= MAX_OF_A_CODE
            meant = None if many else _instead(c, unread) or (absent[0] if absent else _nearest(given, unread))
            yield Verdict(
                f"{given.at}.{unread.path}",
                quote_value(unread.value),
                meant or "a key that the chart reads",
                f"{absent[1]}, so nothing reads this."
                if absent
                else f"{given.chart} {given.recording} does not read this key."
                if many
                else _not_read(given, unread),
            )


@rule("KEY007", acceptable=True)
def keys_are_no_paths(c: Choices) -> Iterator[Verdict]:
    """Only Helm's ``--set`` splits a key at its dots; in values it is one key, which nothing reads."""
    for given in _passed_through(c):
        for unread in given.keys.unread(given.values):
            if path := given.keys.nested(unread.path):
                yield Verdict(
                    f"{given.at}.{unread.path}",
                    quote_value(unread.value),
                    quote_value(nested({path: unread.value})),
                    "Only `--set` splits a key at its dots. In values this is one key, which nothing reads.",
                    "https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set",
                )


@rule("KEY006", "note")
def keys_are_read_on_both_sides(c: Choices) -> Iterator[Verdict]:
    """Which keys the chart version reads is not recorded, and the next recorded version does not read this one."""
    for given in _passed_through(c):
        unread = {each.path for each in given.keys.unread(given.values)}
        for other in given.other_keys.unread(given.values) if given.other_keys else ():
            if unread.isdisjoint({other.path, *parents(other.path)}) and not given.absent.get(other.path.split(".")[0]):
                yield Verdict(
                    f"{given.at}.{other.path}",
                    quote_value(other.value),
                    "a key that both versions read, or check the chart's own values",
                    f"It is not known whether {given.chart} {given.version} reads this key: {given.recording} does, "
                    f"{given.other} does not.",
                )


def _instead(c: Choices, unread: Unread) -> str | None:
    """What to use instead of a key that is known to be replaced."""
    replaced = {
        key: instead
        for chart in (c.catalog.platform, c.catalog.kai_scheduler, c.catalog.grove)
        for key, instead in (chart.replaced_keys.keys if chart.replaced_keys else {}).items()
    }
    paths = (unread.path, *(f"{unread.path}.{path}" for path, _ in walk(unread.value)))
    return next((replaced[path] for path in paths if path in replaced), None)


def _nearest(given: Given, unread: Unread) -> str:
    if kind := given.keys.kinds.get(unread.path):
        return _TAKES[kind]
    nearest = given.keys.nearest(unread.path, unread.value)
    return nearest or f"one of the keys at this level: {listed(given.keys.siblings(unread.path))}"


def _not_read(given: Given, unread: Unread) -> str:
    """Why nothing reads a key that the recorded version does not read, or why this is not known."""
    if given.recording == given.version:
        return _never_read(given, unread.path)
    unknown = f"It is not known whether {given.chart} {given.version} reads this key: {given.recording}"
    if given.other_keys is None:
        return f"{unknown}, the nearest recorded version, does not."
    below = [f"{unread.path}.{path}" for path, _ in walk(unread.value)] or [unread.path]
    others = {other.path for other in given.other_keys.unread(given.values)}
    if any(others.isdisjoint({path, *parents(path)}) for path in below):
        return f"{unknown} does not, {given.other} does."
    return (
        f"{_never_read(given, unread.path)} Checked with the keys of {given.recording} and {given.other}, the recorded "
        "versions before and after it."
    )


def _never_read(given: Given, path: str) -> str:
    text = f"{given.chart} {given.version} does not read this key, so it has no effect."
    reads = [version for version, kinds in given.recorded.items() if path in kinds]
    before = [version for version in reads if version < given.recording]
    after = [version for version in reads if version > given.recording]
    if after:
        text += f" {after[0]} is the first version that reads it."
    elif before:
        text += f" {before[-1]} is the last version that reads it."
    return text


@rule("KEY002")
def maps_stay_maps(c: Choices) -> Iterator[Verdict]:
    """Templates read keys of a map without checking that it exists."""
    for given in _passed_through(c):
        for path, value in walk(given.values):
            lost = value is None and given.keys.kinds.get(path) == "map"
            replaced = path in given.keys.maps and not isinstance(value, Mapping)
            # If that changes the modes, VAL002 reports it.
            if (lost or replaced) and not any(mode.startswith(f"{path}.") for mode in given.modes):
                yield Verdict(
                    f"{given.at}.{path}",
                    quote_value(value),
                    "a map, or remove the key",
                    "Templates read keys of this map, and fail if it is null or not a map.",
                )


@rule("KEY003", acceptable=True)
def nulls_have_one_meaning(c: Choices) -> Iterator[Verdict]:
    """Whether null below a subchart's key removes the chart's default depends on the version of Helm."""
    for given in _passed_through(c):
        unread = {unread.path for unread in given.keys.unread(given.values)}
        for path, value in walk(given.values):
            below = any(not key or path.startswith(f"{key}.") for key in given.subcharts)
            has_default = given.keys.kinds.get(path) not in {"any", "auto", "map"} and path not in given.keys.maps
            overridden = path in given.written or not unread.isdisjoint({path, *parents(path)})
            if value is None and below and has_default and not overridden:
                yield Verdict(
                    f"{given.at}.{path}",
                    "null",
                    "a value, or remove the key",
                    "If a key of a subchart is null, some versions of Helm remove the chart's default and others "
                    "keep it. The Pulumi provider embeds Helm 3.18 or 3.20, Argo CD embeds Helm 4.",
                    "https://github.com/helm/helm/pull/31829",
                )


@rule("KEY004")
def booleans_are_booleans(c: Choices) -> Iterator[Verdict]:
    """Templates treat any non-empty string as true, and Helm does not accept a number as a condition."""
    for given in _passed_through(c):
        for path, value in walk(given.values):
            kind = given.keys.kinds.get(path)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and kind in {"boolean", "auto"}:
                yield Verdict(
                    f"{given.at}.{path}",
                    quote_value(value),
                    f"{_TAKES[kind]}, without quotes",
                    'Templates treat any non-empty string as true, even "false", and Helm ignores a number as a '
                    "condition.",
                )


@rule("KEY005", acceptable=True)
def operator_is_the_charts(c: Choices) -> Iterator[Verdict]:
    """The chart passes flags to its operator that an operator of another version may not know."""
    for path, value in walk(c.config.values) if c.version else ():
        if path == _OPERATOR_TAG and value not in ("", None, str(c.version)):
            yield Verdict(
                f"values.{path}",
                quote_value(value),
                f"no tag; the default is {c.version}. A mirror changes the repository, not the tag",
                "The chart passes flags that an operator of another version may not know. It would exit at startup.",
                f"{DYNAMO}/tree/main/deploy/helm/charts/platform",
            )
