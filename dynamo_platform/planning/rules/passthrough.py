"""Rules about the keys of pass-through chart values: those that nothing reads, and those that do harm by accident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices
from dynamo_platform.trees import parents, walk

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


def _given(c: Choices) -> Iterator[Given]:
    if c.config.values or any(d.values for d in c.dependencies):
        # The recordings of the charts' keys are for these alone.
        from .given import given  # noqa: PLC0415

        yield from given(c)


@rule("KEY001", "warning")
def keys_are_read(c: Choices) -> Iterator[Verdict]:
    """A key that the chart version does not read changes nothing, and nothing else says so."""
    for given in _given(c):
        for unread in given.keys.unread(given.values):
            absent = given.absent.get(unread.path.partition(".")[0])
            yield Verdict(
                f"{given.at}.{unread.path}",
                shown(unread.value),
                _instead(c, unread) or (absent[0] if absent else _nearest(given, unread)),
                f"{absent[1]}: nothing reads this." if absent else _never_read(given, unread.path),
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
    return nearest or f"no such key; read here are {', '.join(given.keys.beside(unread.path))}"


def _never_read(given: Given, path: str) -> str:
    text = f"{given.chart} {given.version} does not read this key, so it changes nothing."
    reads = [version for version, kinds in given.recorded.items() if path in kinds]
    before = [version for version in reads if version < given.recording]
    after = [version for version in reads if version > given.recording]
    if after:
        text += f" It came with {after[0]}."
    elif before:
        text += f" The last to read it was {before[-1]}."
    if given.recording != given.version:
        text += f" This goes by the keys of {given.recording}, the nearest version that is recorded."
    return text


@rule("KEY002")
def maps_stay_maps(c: Choices) -> Iterator[Verdict]:
    """Templates look into a map without asking whether it is there."""
    for given in _given(c):
        for path, value in walk(given.values):
            lost = value is None and given.keys.kinds.get(path) == "map"
            replaced = path in given.keys.maps and not isinstance(value, Mapping)
            # Where that undoes the modes, VAL002 says so.
            if (lost or replaced) and not any(mode.startswith(f"{path}.") for mode in given.modes):
                yield Verdict(
                    f"{given.at}.{path}",
                    shown(value),
                    "a map, or the key left out",
                    "Templates look into this map, and break where it is missing or something else.",
                )


@rule("KEY003", acceptable=True)
def nulls_have_one_meaning(c: Choices) -> Iterator[Verdict]:
    """Whether null below a subchart's key removes the chart's default depends on the version of Helm."""
    for given in _given(c):
        unread = {unread.path for unread in given.keys.unread(given.values)}
        for path, value in walk(given.values):
            below = any(not key or path.startswith(f"{key}.") for key in given.subcharts)
            has_default = given.keys.kinds.get(path) not in {"any", "auto", "map"} and path not in given.keys.maps
            said = path in given.written or not unread.isdisjoint({path, *parents(path)})
            if value is None and below and has_default and not said:
                yield Verdict(
                    f"{given.at}.{path}",
                    "null",
                    "a value, or the key left out",
                    "Below a subchart's key, one version of Helm removes the chart's default for null and another "
                    "keeps it; the Pulumi provider embeds 3.18 or 3.20, Argo CD 4.",
                    "https://github.com/helm/helm/pull/31829",
                )


@rule("KEY004")
def booleans_are_booleans(c: Choices) -> Iterator[Verdict]:
    """Text is true to a template, whatever it says, and a number is no condition to Helm."""
    for given in _given(c):
        for path, value in walk(given.values):
            kind = given.keys.kinds.get(path)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and kind in {"boolean", "auto"}:
                yield Verdict(
                    f"{given.at}.{path}",
                    shown(value),
                    f"{_TAKES[kind]}, without quotes",
                    'To a template any text is true, "false" too, and Helm takes a number for no condition at all.',
                )


@rule("KEY005", acceptable=True)
def operator_is_the_charts(c: Choices) -> Iterator[Verdict]:
    """A chart passes its operator flags that another version's operator does not know."""
    for path, value in walk(c.config.values) if c.version else ():
        if path == _OPERATOR_TAG and value not in {"", None, str(c.version)}:
            yield Verdict(
                f"values.{path}",
                shown(value),
                f"no tag, which is {c.version}; a mirror changes the repository, never the tag",
                "The chart passes flags that another version's operator does not know, and it exits when it starts.",
                f"{DYNAMO}/tree/main/deploy/helm/charts/platform",
            )
