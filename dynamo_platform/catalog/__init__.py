"""All facts about upstream's charts: the JSON files in ``data/``, checked when they are loaded."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from dynamo_platform.findings import Finding
from dynamo_platform.trees import value_at
from dynamo_platform.versions import Version

from .edges import Edge, Edges
from .kai import KaiAndGrove, KaiScheduler
from .model import Chart, Kind, Kinds, PartName, SettingKey, Settings, Subchart, VersionChange
from .platform import Minor, Platform
from .reading import Row, read

FOLDER = Path(__file__).parent / "data"
"""The data files."""


class Catalog(Row):
    """All facts about upstream's charts. Each field is a data file.

    Attributes:
        platform: the platform's chart.
        kai_scheduler: KAI Scheduler's chart.
        grove: Grove's chart.
        nats: the subchart of NATS.
        etcd: the subchart of etcd.
        kai_and_grove: what the platform and Grove require of KAI Scheduler.
        kinds: facts about kinds of objects.
        edges: the upgrades of the platform that upstream supports.
    """

    platform: Platform
    kai_scheduler: KaiScheduler
    grove: Chart
    nats: Subchart
    etcd: Subchart
    kai_and_grove: KaiAndGrove
    kinds: Kinds
    edges: Edges

    added_recordings: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Recordings of keys that an overlay adds, by chart and version."""

    def recorded(self, chart: str) -> Mapping[Version, Mapping[str, Kind]]:
        """The keys that each recorded version of a chart reads and what they take, oldest version first.

        Raises:
            FileNotFoundError: no version of this chart is recorded.
        """
        from .keys import recorded, with_recordings  # noqa: PLC0415  only values that are passed through need them

        return with_recordings(recorded(chart), self.added_recordings.get(chart, {}))

    def chart(self, part: PartName) -> Chart | Subchart:
        """The chart of that name."""
        charts: dict[PartName, Chart | Subchart] = {
            "dynamo-platform": self.platform,
            "kai-scheduler": self.kai_scheduler,
            "grove": self.grove,
            "nats": self.nats,
            "etcd": self.etcd,
        }
        return charts[part]

    def settings(self, part: PartName) -> Settings:
        """The chart values of each setting, in all versions of a chart."""
        return self.chart(part).settings

    def keys(self, part: PartName, setting: str, version: Version) -> list[SettingKey]:
        """The chart values that a version reads a setting from; none if it does not support the setting."""
        return [key for key in self.settings(part).get(setting, ()) if key.holds(version)]

    def setting(self, part: PartName, setting: str, version: Version, values: Mapping[str, Any]) -> Any:
        """What chart values set a setting to: the inverse of :meth:`keys`.

        Returns:
            The value. None if the version does not support the setting, or unless all chart values that it reads are
            set to the same value.
        """
        found = [value_at(values, key.key) for key in self.keys(part, setting, version)]
        return found[0] if found and all(each == found[0] for each in found) else None

    def minor(self, version: Version) -> Minor | None:
        """The row of a platform version's minor; None for a minor that cannot be installed."""
        return next((row for row in self.platform.minors if row.minor == version.minor_line), None)

    @property
    def known_groups(self) -> tuple[str, ...]:
        """The API groups of Kubernetes itself, and of the charts' own custom resources."""
        gates = {gate.api_version.rpartition("/")[0] for gate in self.kai_scheduler.gates}
        charts = {self.platform.api, self.kai_scheduler.api, self.grove.api}
        return tuple(sorted({*self.kinds.built_in_groups, *charts, *gates}))

    def changes_over(self, edge: Edge) -> list[VersionChange]:
        """What passing an edge upwards does, whatever the versions of KAI Scheduler and Grove."""
        low, high = self.platform.versions_of(edge.from_minor), self.platform.versions_of(edge.to_minor)
        return [change for change in self.platform.changes if low and high and change.passed(low[-1], high[-1])]

    def stops(self, before: Version, after: Version) -> tuple[Version, ...] | None:
        """The versions that an upgrade or a downgrade of the platform installs one after the other.

        Between the two it stops at each minor version, at the newest version without an error among its faults.

        Returns:
            The versions after ``before``, up to ``after``; None if no supported upgrades connect the two.
        """
        minors = self.edges.path(before.minor_line, after.minor_line)
        return None if minors is None else (*map(self._stop, minors[1:-1]), after)

    def _stop(self, minor: str) -> Version:
        versions = self.platform.versions_of(minor)
        broken = [fault for fault in self.platform.faults if fault.severity == "error"]
        sound = [version for version in versions if not any(fault.holds(version) for fault in broken)]
        return (sound or versions)[-1]


class Overlaid(NamedTuple):
    """A catalog with the rows of a file.

    Attributes:
        catalog: the catalog; without the file if it has errors.
        findings: findings about the file.
    """

    catalog: Catalog
    findings: tuple[Finding, ...] = ()


def catalog_with(file: Any, folder: Path) -> Overlaid:
    """The shipped catalog, with the rows of the file that a configuration names.

    Args:
        file: the setting ``catalog``: a path relative to the project; None for no file.
        folder: the project's folder.
    """
    if not isinstance(file, str) or not file:
        return Overlaid(load())
    from .overlay import catalog_of_file  # noqa: PLC0415  reads YAML, which few configurations need

    return catalog_of_file(file, folder)


@cache
def load() -> Catalog:
    """The catalog that this package ships.

    Raises:
        ValueError: a data file does not fit its schema.
    """
    tables = {}
    for name, kind in Catalog.fields.items():
        file = FOLDER / f"{name.replace('_', '-')}.json"
        tables[name] = read(kind, json.loads(file.read_text(encoding="utf-8")), name)
    return Catalog(**tables)
