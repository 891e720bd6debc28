"""What upstream shipped, as data: the files beside this module, checked when they are loaded."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

from dynamo_platform.versions import Version

from .reading import Row, read

Sure = Literal["published", "disputed", "inferred"]
"""How sure a fact is: upstream says so, upstream's pages contradict each other, or it follows from something else."""


FOLDER = Path(__file__).parent / "data"


class Band(Row):
    """A range of platform versions that share chart keys.

    Attributes:
        adds: what changes at its lower edge.
        kubernetes: the lowest Kubernetes minor version.
    """

    adds: str
    kubernetes: str
    source: str


class Window(Row):
    """Which versions of a dependency a platform minor goes with.

    Attributes:
        bundled: what the platform chart carries.
        pick: what a separate release gets when no version is configured.
        floor: the lowest version.
        below: the first version that no longer fits, where one is known.
        sure: how sure the floor is.
        below_sure: how sure ``below`` is.
    """

    bundled: Version
    pick: Version
    floor: Version
    sure: Sure
    below: Version | None = None
    below_sure: Sure = "inferred"

    def holds(self, version: Version) -> bool:
        """Whether the version lies in the window."""
        return self.floor <= version and (self.below is None or version < self.below)

    def __str__(self) -> str:
        return f">= {self.floor}" + (f", < {self.below}" if self.below else "")


class Minor(Row):
    """A platform minor version: its band, its published versions and what it goes with."""

    minor: str
    band: str
    versions: tuple[Version, ...]
    kai_scheduler: Window
    grove: Window
    source: str


class Past(Row):
    """A minor that an upgrade may start from and that is installed no more: its versions and what it bundles."""

    minor: str
    versions: tuple[Version, ...]
    kai_scheduler: Version
    grove: Version
    source: str


class Default(Row):
    """What a chart does from version ``first`` on, until the next row, about a setting that is left out."""

    setting: str
    first: Version
    value: Literal["bundled", "disabled"]
    source: str


class Change(Row):
    """What passing a version, from below ``first`` to ``first`` or above, does to a cluster.

    Attributes:
        kind: what sort of change it is.
        first: the first version that has it.
        what: what happens.
        remedy: what to do about it.
    """

    kind: Literal[
        "keys",
        "crd-chart-ends",
        "crds-leave-chart",
        "crd-renamed",
        "storage-version",
        "field-immutable",
        "pods-recreated",
        "migration",
    ]
    first: Version
    what: str
    remedy: str
    source: str

    def passed(self, running: Version, wanted: Version) -> bool:
        """Whether an upgrade passes it; with the two exchanged, whether a downgrade does."""
        return running < self.first <= wanted


class Repository(Row):
    """Where charts are published from version ``first`` on, until the next row."""

    first: Version
    url: str


class Fault(Row):
    """A known fault of the versions from ``first`` up to, but without, ``below``.

    Attributes:
        given: the chart value that has to be there for it to do harm; None where it always does.
        avoided: the chart values any of which avoids it.
        api: the API group that the cluster has to serve for it to do harm.
        kubernetes: the lowest Kubernetes minor version that it does harm with; None for every one.
    """

    first: Version
    below: Version
    severity: Literal["error", "warning", "note"]
    why: str
    docs: str
    given: str | None = None
    avoided: dict[str, Any] | None = None
    api: str | None = None
    kubernetes: str | None = None

    def has(self, version: Version) -> bool:
        """Whether a version has it."""
        return self.first <= version < self.below


class KubernetesFloor(Row):
    """The lowest Kubernetes minor version of a chart's versions from ``first`` on."""

    first: Version
    floor: str
    source: str


class Support(Row):
    """Until when upstream supports a minor: a month, or the minor that ends it."""

    minor: str
    until: str
    ended: bool
    source: str


class Kept(Row):
    """Objects, as KIND/NAME, that stay when their release goes, marked as that release's."""

    objects: tuple[str, ...]
    note: str
    source: str


class PostCleanup(Row):
    """The versions whose clean-up job is harmless in one namespace only.

    Attributes:
        below: the first version whose job deletes nothing but its own.
        namespace: where the job of older versions is right.
    """

    below: Version
    namespace: str
    note: str
    source: str

    def harms(self, version: Version, namespace: str) -> bool:
        """Whether a release's job would delete what is not the release's."""
        return version < self.below and namespace != self.namespace


class CommonName(Row):
    """The platform versions that ask cert-manager for the webhook Service's full name as the common name.

    Attributes:
        below: the first version that asks for a short one.
        longest: characters that a common name may have.
    """

    below: Version
    longest: int
    note: str
    source: str


class NeedsKai(Row):
    """When Grove has to be started after KAI Scheduler's CRDs are served.

    Attributes:
        values: Grove's chart values; with any of them true, Grove comes after KAI Scheduler.
    """

    values: tuple[str, ...]
    note: str
    source: str


class Staleness(Row):
    """The grace period that KAI Scheduler needs with Grove from ``grove_from`` on."""

    grove_from: Version
    value: str
    note: str
    source: str


class KaiFloor(Row):
    """The lowest KAI Scheduler that a version of another chart works with.

    Attributes:
        chart: the other chart.
        first: its first version that asks for it.
        floor: the lowest KAI Scheduler.
        below: its first version that asks no more.
        topology: whether it is asked for topology-aware scheduling only.
    """

    chart: Literal["dynamo-platform", "grove"]
    first: Version
    floor: Version
    severity: Literal["error", "warning"]
    why: str
    docs: str
    below: Version | None = None
    topology: bool = False


class Chart(Row):
    """A dependency's chart.

    Attributes:
        chart: its name.
        namespace: where upstream's documentation installs it.
        api: the API group whose absence stops an operator that was told of it.
        versions: the versions that this catalog knows.
        repositories: where they are published.
        kubernetes: the lowest Kubernetes, by version.
        support: how long upstream supports a minor.
        faults: known faults.
        upgrade_faults: known faults of an upgrade to a version, wherever it starts from.
        changes: what passing a version does.
        kept: what stays when a release goes.
        post_cleanup: where the clean-up job is harmful.
    """

    chart: str
    namespace: str
    api: str
    versions: tuple[Version, ...]
    repositories: tuple[Repository, ...]
    kubernetes: tuple[KubernetesFloor, ...]
    support: tuple[Support, ...]
    faults: tuple[Fault, ...]
    upgrade_faults: tuple[Fault, ...]
    changes: tuple[Change, ...]
    source: str
    kept: Kept | None = None
    post_cleanup: PostCleanup | None = None

    def repository(self, version: Version) -> str:
        """The repository that publishes a version."""
        rows = [row for row in self.repositories if row.first <= version] or self.repositories[:1]
        return rows[-1].url


class KaiAndGrove(Row):
    """What KAI Scheduler, Grove and the platform ask of each other."""

    needs_kai_at_start: NeedsKai
    staleness: Staleness
    kai_floors: tuple[KaiFloor, ...]


class Platform(Row):
    """The platform's chart.

    Attributes:
        chart: its name.
        namespace: where upstream's documentation installs it.
        repository: where it is published.
        bands: what its minors share.
        minors: those that can be installed, oldest first.
        past: those that an upgrade may start from only.
        defaults: what it does about a setting that is left out.
        changes: what passing a version does.
        faults: known faults.
        common_name: which versions write too long a common name into a certificate.
    """

    chart: Literal["dynamo-platform"]
    namespace: str
    repository: str
    bands: dict[str, Band]
    minors: tuple[Minor, ...]
    past: tuple[Past, ...]
    defaults: tuple[Default, ...]
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    common_name: CommonName
    source: str

    @property
    def known_minors(self) -> list[str]:
        """All minors that something is known of, oldest first."""
        return [*(row.minor for row in self.past), *(row.minor for row in self.minors)]

    def default(self, setting: str, version: Version) -> Default:
        """What a version does about a setting that is left out.

        Raises:
            KeyError: the catalog knows no default of the setting for that version.
        """
        rows = [row for row in self.defaults if row.setting == setting and row.first <= version]
        if not rows:
            raise KeyError(f"{setting} of {version}")
        return rows[-1]


class Removed(Row):
    """Values that the platform's chart fails on from version ``first`` on, whatever they say, and what is instead."""

    first: Version
    keys: dict[str, str]
    source: str


class Only(Row):
    """A value that the platform's chart fails on from version ``first`` on, unless it is one of ``values``."""

    key: str
    first: Version
    values: tuple[str, ...]
    why: str
    source: str


class Refusal(Row):
    """Versions whose chart refuses a combination of values: from ``first`` on, up to, but without, ``below``."""

    first: Version
    source: str
    below: Version | None = None

    def holds(self, version: Version) -> bool:
        """Whether a version refuses it."""
        return self.first <= version and (self.below is None or version < self.below)


class Refusals(Row):
    """What the charts themselves fail on when they are rendered, or leave undone.

    Attributes:
        removed: keys that must not be there.
        only: keys with a few values.
        reserved_env: ``DYN_OPERATOR_ALLOW_GMS_SNAPSHOT`` in the operator's environment.
        restricted_upgrades_crds: an operator of one namespace that applies CRDs.
        webhook_selector: webhooks for some namespaces only.
        volcano_with_kai: two schedulers for the same pods.
        staleness: KAI Scheduler and Grove bundled without the grace period that they need.
        lpx_without_grove: LPX, which needs Grove.
        kai_config_never: ``Config/kai-config`` by nothing at all.
        kai_config_twice: ``Config/kai-config`` as an object of the release and by a Job.
    """

    removed: tuple[Removed, ...]
    only: tuple[Only, ...]
    reserved_env: Refusal
    restricted_upgrades_crds: Refusal
    webhook_selector: Refusal
    volcano_with_kai: Refusal
    staleness: Refusal
    lpx_without_grove: Refusal
    kai_config_never: Refusal
    kai_config_twice: Refusal


PartName = Literal["dynamo-platform", "kai-scheduler", "grove", "nats", "etcd"]
"""A chart that has settings; the last two are only ever the platform's subcharts."""


class Key(Row):
    """Where a chart's versions from ``first`` up to, but without, ``below`` read a setting.

    Attributes:
        key: the chart's value.
        form: how it takes the setting's value: as it is, as a list of references, as a node affinity, or as an image's
            name, which Grove's init container has in an environment variable.
        image: the image's name below the chart's repository.
        lacks: what the setting does not reach in these versions.
    """

    key: str
    source: str
    first: Version | None = None
    below: Version | None = None
    form: Literal["as it is", "references", "affinity", "image", "init image"] = "as it is"
    image: str = ""
    lacks: str = ""

    def read_by(self, version: Version) -> bool:
        """Whether a version of the chart reads it."""
        return (self.first is None or self.first <= version) and (self.below is None or version < self.below)


class Catalog(Row):
    """Everything the module knows about upstream's charts.

    Attributes:
        platform: the platform's chart.
        kai_scheduler: KAI Scheduler's.
        grove: Grove's.
        kai_and_grove: what they ask of each other.
        refusals: what the platform's chart fails on.
        settings: by chart and setting, the keys that it is written to.
    """

    platform: Platform
    kai_scheduler: Chart
    grove: Chart
    kai_and_grove: KaiAndGrove
    refusals: Refusals
    settings: dict[str, dict[str, tuple[Key, ...]]]

    def keys(self, part: PartName, setting: str, version: Version) -> list[Key]:
        """The keys that a chart's version reads a setting from; none where it cannot be told."""
        return [key for key in self.settings[part].get(setting, ()) if key.read_by(version)]

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
        ValueError: a data file does not fit its schema.
    """
    tables: dict[str, Any] = {}
    for name in Catalog.__annotations__:
        file = FOLDER / f"{name.replace('_', '-')}.json"
        tables[name] = json.loads(file.read_text(encoding="utf-8"))
    catalog: Catalog = read(Catalog, tables, "catalog")
    return catalog
