"""What upstream shipped, as data: the files beside this module, checked when they are loaded."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dynamo_platform.versions import Version


def _version(value: object) -> object:
    return Version.parse(value) if isinstance(value, str) else value


AVersion = Annotated[Version, BeforeValidator(_version)]


class _Row(BaseModel):
    # Deferred: Catalog's validator checks every row, so that none of its own is ever built.
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)


class Band(_Row):
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


class Window(_Row):
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
    below: AVersion | None = None
    sure: Literal["published", "disputed", "inferred"]

    def holds(self, version: Version) -> bool:
        """Whether the version lies in the window."""
        return self.floor <= version and (self.below is None or version < self.below)

    def __str__(self) -> str:
        return f">= {self.floor}" + (f", < {self.below}" if self.below else "")


class Minor(_Row):
    """A platform minor version: its band, its published versions and what it goes with."""

    minor: str
    band: str
    versions: tuple[AVersion, ...]
    kai_scheduler: Window
    grove: Window
    source: str


class Repository(_Row):
    """Where charts are published from a version on, until the next row."""

    from_: AVersion = Field(alias="from")
    url: str


class Fault(_Row):
    """A known fault of the versions from ``from_`` up to, but without, ``below``."""

    from_: AVersion = Field(alias="from")
    below: AVersion
    severity: Literal["error", "warning"]
    why: str
    docs: str


class Start(_Row):
    """When Grove has to be started after KAI Scheduler's CRDs are served.

    Attributes:
        needs_kai: chart values; with any of them true, Grove comes after KAI Scheduler.
    """

    needs_kai: tuple[str, ...]
    source: str


class Staleness(_Row):
    """The grace period that KAI Scheduler needs with Grove from ``grove_from`` on."""

    grove_from: AVersion
    value: str
    source: str


class Chart(_Row):
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
        rows = [row for row in self.repositories if row.from_ <= version] or self.repositories[:1]
        return rows[-1].url

    def has(self, value: str, version: Version) -> bool:
        """Whether a version's chart reads a value of ``since``."""
        return self.since[value] <= version


class Grove(Chart):
    """Grove's chart, with what it asks of KAI Scheduler."""

    start: Start
    staleness: Staleness


class Platform(_Row):
    """The platform's chart: its minors, oldest first, and their bands."""

    chart: str
    namespace: str
    repository: str
    bands: dict[str, Band]
    minors: tuple[Minor, ...]
    source: str


class Catalog(_Row):
    """Everything the module knows about upstream's charts."""

    platform: Platform
    kai_scheduler: Chart
    grove: Grove

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
    files = {"platform": "platform.toml", "kai_scheduler": "kai-scheduler.toml", "grove": "grove.toml"}
    return Catalog.model_validate({key: _read(name) for key, name in files.items()})


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
