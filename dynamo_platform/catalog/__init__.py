"""What upstream shipped, as data: the files beside this module, checked when they are loaded."""

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import PlainValidator, TypeAdapter

from dynamo_platform.versions import Version

AVersion = Annotated[Version, PlainValidator(Version.parse)]

# Rows are named tuples, and what is imported stays little: it is loaded in every program that uses the module.


class Band(NamedTuple):
    """A range of platform versions that share chart keys.

    Attributes:
        nats: the keys that install the bundled NATS, all of them to be written.
        etcd: the keys that install the bundled etcd.
        nats_default: what the chart does about NATS when nothing is said.
        kubernetes: the lowest Kubernetes minor version.
    """

    nats: tuple[str, ...]
    etcd: tuple[str, ...]
    nats_default: Literal["bundled", "disabled"]
    kubernetes: str
    source: str


class Window(NamedTuple):
    """Which versions of a dependency a platform minor goes with.

    Attributes:
        bundled: what the platform chart carries.
        pick: what a separate release gets when no version is configured.
        floor: the lowest version.
        below: the first version that no longer fits, where one is known.
        sure: how sure the window is.
    """

    bundled: AVersion
    pick: AVersion
    floor: AVersion
    sure: Literal["published", "disputed", "inferred"]
    below: AVersion | None = None
    note: str = ""

    def holds(self, version: Version) -> bool:
        """Whether the version lies in the window."""
        return self.floor <= version and (self.below is None or version < self.below)

    def __str__(self) -> str:
        return f">= {self.floor}" + (f", < {self.below}" if self.below else "")


class Minor(NamedTuple):
    """A platform minor version: its band, its published versions and what it goes with."""

    minor: str
    band: str
    versions: tuple[AVersion, ...]
    kai_scheduler: Window
    grove: Window
    source: str


class Repository(NamedTuple):
    """Where charts are published from version ``first`` on, until the next row."""

    first: AVersion
    url: str


class Fault(NamedTuple):
    """A known fault of the versions from ``first`` up to, but without, ``below``."""

    first: AVersion
    below: AVersion
    severity: Literal["error", "warning"]
    why: str
    docs: str


class NeedsKai(NamedTuple):
    """When Grove has to be started after KAI Scheduler's CRDs are served.

    Attributes:
        values: Grove's chart values; with any of them true, Grove comes after KAI Scheduler.
    """

    values: tuple[str, ...]
    note: str
    source: str


class Staleness(NamedTuple):
    """The grace period that KAI Scheduler needs with Grove from ``grove_from`` on."""

    grove_from: AVersion
    value: str
    note: str
    source: str


class Chart(NamedTuple):
    """A dependency's chart.

    Attributes:
        chart: its name.
        namespace: where upstream's documentation installs it.
        versions: the versions that this catalog knows.
        repositories: where they are published.
        since: chart values and the version they came with.
        faults: known faults.
    """

    chart: str
    namespace: str
    versions: tuple[AVersion, ...]
    repositories: tuple[Repository, ...]
    since: dict[str, AVersion]
    faults: tuple[Fault, ...]
    source: str

    def repository(self, version: Version) -> str:
        """The repository that publishes a version."""
        rows = [row for row in self.repositories if row.first <= version] or self.repositories[:1]
        return rows[-1].url

    def has(self, value: str, version: Version) -> bool:
        """Whether a version's chart reads a value of ``since``."""
        return self.since[value] <= version


class KaiAndGrove(NamedTuple):
    """What KAI Scheduler and Grove ask of each other."""

    needs_kai_at_start: NeedsKai
    staleness: Staleness


class Platform(NamedTuple):
    """The platform's chart: its minors, oldest first, and their bands."""

    chart: str
    namespace: str
    repository: str
    bands: dict[str, Band]
    minors: tuple[Minor, ...]
    source: str


class Catalog(NamedTuple):
    """Everything the module knows about upstream's charts."""

    platform: Platform
    kai_scheduler: Chart
    grove: Chart
    kai_and_grove: KaiAndGrove

    def minor(self, version: Version) -> Minor | None:
        """The row of a platform version's minor; None for a minor that the catalog does not know."""
        return next((row for row in self.platform.minors if row.minor == version.minor_line), None)

    def band(self, minor: Minor) -> Band:
        """The band that a minor belongs to."""
        return self.platform.bands[minor.band]


@cache
def load() -> Catalog:
    """The catalog that this package ships.

    Raises:
        pydantic.ValidationError: a data file does not fit its schema.
    """
    files = {name: Path(__file__).with_name(f"{name.replace('_', '-')}.json") for name in Catalog._fields}
    tables = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items()}
    return TypeAdapter(Catalog).validate_python(tables)
