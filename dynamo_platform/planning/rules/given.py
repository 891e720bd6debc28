"""The chart values that a configuration passes through, and the keys that their charts read."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dynamo_platform.catalog.keys import Keys, nearest_recording, other_recording
from dynamo_platform.catalog.model import Kind
from dynamo_platform.planning.choices import Choices, Leaves, ReleaseName
from dynamo_platform.trees import nested
from dynamo_platform.versions import Version

from .values import modes_of

_OPERATOR = "dynamo-operator"
"""A subchart that is always installed; its keys are recorded with the platform's."""


class Given(NamedTuple):
    """Values that the configuration passes through to one chart.

    Attributes:
        at: their path in the configuration.
        values: the values.
        chart: the chart's name.
        version: the version that will be installed.
        recorded: the keys that each recorded version reads.
        recording: the recorded version that is used for ``version``.
        keys: the keys that it reads.
        other: the recorded version on the other side of ``version``; None if there is none, or if ``version`` is
            recorded itself.
        other_keys: the keys that the other one reads.
        written: the values that the module itself writes for it.
        modes: the keys in ``written`` that determine which charts are installed.
        absent: for each bundled chart that will not be installed, by the key of its values, what is allowed there and
            why.
        subcharts: the keys whose values belong to a subchart; ``""`` if all values do.
    """

    at: str
    values: Mapping[str, Any]
    chart: str
    version: Version
    recorded: Mapping[Version, Mapping[str, Kind]]
    recording: Version
    keys: Keys
    other: Version | None
    other_keys: Keys | None
    written: Leaves
    modes: Mapping[str, Any]
    absent: Mapping[str, tuple[str, str]]
    subcharts: tuple[str, ...]


def given(c: Choices) -> Iterator[Given]:
    """The values that the configuration passes through, chart by chart."""
    if c.config.values and c.version and c.minor:
        yield _given_to_platform(c, c.config.values, c.version)
    for d in c.dependencies:
        if d.values and d.version and d.mode in {"separate", "bundled"}:
            versions = c.catalog.recorded(d.chart.chart)
            recording = nearest_recording(d.version, versions)
            yield Given(
                at=f"{d.key}.values",
                values=d.values,
                chart=d.chart.chart,
                version=d.version,
                recorded=versions,
                recording=recording,
                keys=Keys(versions[recording]),
                other=(other := other_recording(d.version, recording, versions)),
                other_keys=Keys(versions[other]) if other else None,
                written=c.written[d.name],
                modes={},
                absent={},
                subcharts=("",) if d.mode == "bundled" else (),
            )


def reads(c: Choices, name: ReleaseName, path: str, value: object) -> bool:
    """Whether a chart's version reads a key, or may read it: then a recorded version next to it does."""
    if name == "dynamo-platform":
        chart, version = c.catalog.platform.chart, c.version
    else:
        d = c.kai if name == c.kai.name else c.grove
        chart, version = d.chart.chart, d.version
    if version is None:
        return True
    versions = c.catalog.recorded(chart)
    recording = nearest_recording(version, versions)
    nearby = filter(None, (recording, other_recording(version, recording, versions)))
    return any(not [*Keys(versions[each]).unread(nested({path: value}))] for each in nearby)


def _given_to_platform(c: Choices, values: Mapping[str, Any], version: Version) -> Given:
    chart = c.catalog.platform.chart
    versions = c.catalog.recorded(chart)
    recording = nearest_recording(
        version, [other for other in versions if other.minor_line == version.minor_line] or versions
    )
    other = other_recording(version, recording, versions)
    kinds, written = versions[recording], c.written["dynamo-platform"]
    subcharts = tuple(path for path, kind in kinds.items() if kind == "chart")
    absent: dict[str, tuple[str, str]] = {}
    for d in c.dependencies:
        if d.mode and d.mode != "bundled":
            instead = f"{d.key}.values, for its own release" if d.mode == "separate" else f"no values below {d.name}"
            absent[d.name] = instead, f"{d.key}.mode is {d.mode}"
    for backend in (c.nats, c.etcd):
        if backend.mode and backend.mode != "bundled":
            absent[backend.key] = f"no values below {backend.key}", f"{backend.key}.mode is {backend.mode}"

    def reached(own: Mapping[str, Kind]) -> Keys:
        every = _with_bundled(c, own).items()
        return Keys({path: kind for path, kind in every if path in written or path.partition(".")[0] not in absent})

    return Given(
        at="values",
        values=values,
        chart=chart,
        version=version,
        recorded=versions,
        recording=recording,
        keys=reached(kinds),
        other=other,
        other_keys=reached(versions[other]) if other else None,
        written=written,
        modes=modes_of(c),
        absent=absent,
        subcharts=(_OPERATOR, *subcharts),
    )


def _with_bundled(c: Choices, kinds: Mapping[str, Kind]) -> Mapping[str, Kind]:
    """The platform's keys with those of each bundled chart."""
    for d in c.dependencies:
        if d.mode == "bundled" and d.version:
            recorded = c.catalog.recorded(d.chart.chart)
            kinds = _with_chart(kinds, d.name, recorded[nearest_recording(d.version, recorded)])
    for backend in (c.nats, c.etcd):
        if backend.mode == "bundled":
            kinds = {**kinds, **(c.catalog.nats if backend is c.nats else c.catalog.etcd).globals}
    return kinds


def _with_chart(kinds: Mapping[str, Kind], key: str, own: Mapping[str, Kind]) -> dict[str, Kind]:
    """The platform's keys with those of a bundled chart: below its key, and its globals among the platform's."""
    of_all = {path: kind for path, kind in own.items() if path.startswith("global.")}
    rest = {path: kind for path, kind in kinds.items() if path != key}
    return {f"{key}.{path}": kind for path, kind in own.items()} | of_all | rest
