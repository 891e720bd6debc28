"""The rows that every chart has, as types of the data files. Each row names its source."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from dynamo_platform.versions import Version

from .reading import MinorVersion, Row

Kind = Literal["boolean", "auto", "number", "text", "list", "map", "any", "chart"]
"""What a chart value takes, judged by its default: ``auto`` is true, false or null, ``map`` has any keys, ``any`` has
no default, and ``chart`` holds the values of another chart, whose keys are not recorded with it."""

Sure = Literal["published", "disputed", "inferred", "unknown"]
"""How sure a fact is: upstream publishes it, upstream's pages contradict each other, it follows from other facts, or it
could not be found out."""

PartName = Literal["dynamo-platform", "kai-scheduler", "grove", "nats", "etcd"]
"""A chart with settings. NATS and etcd are only installed as subcharts of the platform's."""


class Range(Row):
    """A range of versions: from ``first`` up to, but without, ``below``.

    Attributes:
        first: the first version; None for no lower bound.
        below: the first version after it; None for no upper bound.
    """

    first: Version | None = None
    below: Version | None = None

    def holds(self, version: Version) -> bool:
        """Whether a version is in the range."""
        return (self.first is None or self.first <= version) and (self.below is None or version < self.below)

    def __str__(self) -> str:
        bounds = [f">= {self.first}"] if self.first else []
        return ", ".join([*bounds, *([f"< {self.below}"] if self.below else [])])


RangeT = TypeVar("RangeT", bound=Range)


def latest(rows: Sequence[RangeT], version: Version) -> RangeT | None:
    """The row that applies to a version, of rows that each replace the one before; None before the first of them."""
    return next((row for row in reversed(rows) if row.holds(version)), None)


class VersionChange(Range):
    """What an upgrade from below ``first`` to a version of the range does to a cluster.

    Attributes:
        kind: the kind of change.
        before: the versions before the upgrade that it matters to; None for all.
        what: what happens.
        remedy: what to do about it.
        source: the page that states it.
    """

    identity = ("kind", "first")

    first: Version
    kind: Literal[
        "keys",
        "crd-chart-ends",
        "crds-leave-chart",
        "crd-renamed",
        "crd-field",
        "storage-version",
        "field-immutable",
        "pods-recreated",
        "migration",
    ]
    what: str
    remedy: str
    source: str
    before: Range | None = None

    def passed(self, running: Version, wanted: Version) -> bool:
        """Whether an upgrade passes it; with the two swapped, whether a downgrade does."""
        matters = self.before is None or self.before.holds(running)
        return running < self.first and matters and self.holds(wanted)


class Repository(Range):
    """Where versions are published from ``first`` on, until the next row.

    Attributes:
        url: the repository, ``oci://`` or ``https://``.
    """

    identity = ("first",)

    first: Version
    url: str


class Fault(Range):
    """A known fault of a range of versions.

    Attributes:
        severity: the severity of its finding.
        why: what goes wrong.
        docs: the page that states it.
        given: the chart value that triggers it; None if it always does harm.
        avoided: chart values, any one of which avoids it.
        unset: the chart value that avoids it, whatever it is set to; None if there is none.
        local: whether only charts on the local disk may have it.
        api: the API group that the cluster must serve for it to do harm; None if it does not matter.
        kubernetes: the lowest Kubernetes minor version on which it does harm; None for all.
    """

    identity = ("docs", "first", "given")

    first: Version
    below: Version
    severity: Literal["error", "warning", "note"]
    why: str
    docs: str
    given: str | None = None
    avoided: dict[str, Any] | None = None
    unset: str | None = None
    local: bool = False
    api: str | None = None
    kubernetes: MinorVersion | None = None


class KubernetesFloor(Range):
    """The lowest Kubernetes minor version from ``first`` on, until the next row.

    Attributes:
        floor: such as ``1.30``.
        source: the page that states it.
    """

    identity = ("first",)

    first: Version
    floor: MinorVersion
    source: str


class TestedKubernetes(Range):
    """The Kubernetes minor versions that upstream tests a chart with from ``first`` on, until the next row.

    Attributes:
        lowest: such as ``1.31``.
        highest: such as ``1.36``.
        sure: how sure this is.
        source: the page that states it.
    """

    identity = ("first",)

    first: Version
    lowest: MinorVersion
    highest: MinorVersion
    sure: Sure
    source: str


class Support(Row):
    """How long upstream supports a minor version.

    Attributes:
        minor: such as ``0.17``.
        until: a month (``2027-03``), or the minor version whose release ends it.
        ended: whether it has ended.
        source: the page that states it.
    """

    identity = ("minor",)

    minor: MinorVersion
    until: str
    ended: bool
    source: str


class KeptObjects(Row):
    """Objects that an uninstall leaves behind, with the ownership annotations of their release.

    Attributes:
        objects: each as KIND/NAME.
        note: what follows from that.
        source: the page that states it.
    """

    objects: tuple[str, ...]
    note: str
    source: str


class ChartQueue(Row):
    """A KAI queue that a chart creates.

    Attributes:
        name: its name.
        parent: its parent; None for a top-level queue.
    """

    name: str
    parent: str | None = None


class ChartQueues(Row):
    """The KAI queues that a chart creates.

    Attributes:
        rows: parents first.
        source: the page that states it.
    """

    rows: tuple[ChartQueue, ...]
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(row.name for row in self.rows)


PodSecurityLevel = Literal["privileged", "baseline", "restricted"]
"""A level of the Pod Security Standards, the least strict first: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


class PodSecurity(Range):
    """The strictest level of the Pod Security Standards that admits the pods of a chart and of its operators.

    Attributes:
        level: the level.
        source: the page that shows the pods.
        given: the chart value with which it holds; None if it always does. The least strict row that holds decides.
    """

    identity = ("first", "given")

    level: PodSecurityLevel
    source: str
    given: str | None = None


class SettingKey(Range):
    """The chart value that a range of versions reads a setting from; that is where the setting is written to.

    Attributes:
        key: the chart value, by dotted path.
        source: the page that states it.
        form: the form in which the chart takes the setting's value: unchanged, a list of references, a node affinity,
            an image below the path of the chart's repository or elsewhere, an environment variable that names an
            image, or a switch that has to be true.
        registry: the upstream registry of the image, if the setting is a mirror.
        image: the image's name below the chart's repository, or its whole path and tag if it is elsewhere.
        variable: the environment variable's name.
        lacks: what the setting does not apply to in these versions.
    """

    identity = ("key", "first")

    key: str
    source: str
    form: Literal["as it is", "references", "affinity", "image", "image elsewhere", "image variable", "switch"] = (
        "as it is"
    )
    registry: str = ""
    image: str = ""
    variable: str = ""
    lacks: str = ""


Settings = dict[str, tuple[SettingKey, ...]]
"""By the path of a setting, the chart values that it is written to."""


class Subchart(Row):
    """A chart that is only installed as the platform's subchart.

    Attributes:
        globals: what it reads of the platform's ``global``, and what each key takes. Its other keys are not recorded.
        source: the page that states it.
        checked: the date on which this table was last compared with upstream, as YYYY-MM-DD.
        settings: the chart values of each setting.
        pod_security: which level of the Pod Security Standards admits its pods.
    """

    globals: dict[str, Kind]
    source: str
    checked: str
    settings: Settings
    pod_security: tuple[PodSecurity, ...]


class ReplacedKeys(Row):
    """Chart values that look plausible but that no current version reads.

    Attributes:
        keys: by dotted path, what to use instead.
        source: the page that states it.
    """

    keys: dict[str, str]
    source: str


class Chart(Row):
    """A chart that upstream publishes.

    Attributes:
        chart: its name.
        namespace: the namespace in which upstream's documentation installs it.
        api: the API group of its custom resources.
        versions: the versions that this catalog knows, oldest first.
        source: the page that states it.
        checked: the date on which this table was last compared with upstream, as YYYY-MM-DD.
        repositories: where they are published.
        kubernetes: the lowest Kubernetes version.
        tested: the Kubernetes versions that upstream tests it with.
        support: how long upstream supports each minor version.
        faults: known faults.
        upgrade_faults: known faults of an upgrade to a version, from any version.
        changes: what passing a version does.
        settings: the chart values of each setting.
        pod_security: which level of the Pod Security Standards admits its pods.
        replaced_keys: chart values of other versions, and some that never existed; None if there are none.
        kept: the objects that an uninstall leaves behind.
    """

    chart: str
    namespace: str
    api: str
    versions: tuple[Version, ...]
    source: str
    checked: str
    repositories: tuple[Repository, ...]
    settings: Settings
    pod_security: tuple[PodSecurity, ...]
    kubernetes: tuple[KubernetesFloor, ...] = ()
    tested: tuple[TestedKubernetes, ...] = ()
    support: tuple[Support, ...] = ()
    faults: tuple[Fault, ...] = ()
    upgrade_faults: tuple[Fault, ...] = ()
    changes: tuple[VersionChange, ...] = ()
    replaced_keys: ReplacedKeys | None = None
    kept: KeptObjects | None = None

    def repository(self, version: Version) -> str:
        """The repository that publishes a version."""
        return (latest(self.repositories, version) or self.repositories[0]).url

    def versions_of(self, minor: str) -> tuple[Version, ...]:
        """The known versions of a minor such as ``1.5``, oldest first."""
        return tuple(version for version in self.versions if version.minor_line == minor)


class LocalChart(NamedTuple):
    """A local chart.

    Attributes:
        name: its name.
        version: its version.
        dependencies: the version of each dependency, by the key of the dependency's values.
        problem: why it cannot be read; empty if it can. The other attributes are empty then.
    """

    name: str = ""
    version: str = ""
    dependencies: Mapping[str, str] = {}
    problem: str = ""


class Refusal(Range):
    """A range of versions whose chart fails to render, or does not work, with a value.

    Attributes:
        key: the chart value, by dotted path.
        source: the page that states it.
    """

    first: Version
    key: str
    source: str


class Kinds(Row):
    """Facts about kinds of objects.

    Attributes:
        cluster_scoped: the kinds in these charts that are in no namespace.
        built_in_groups: the API groups of Kubernetes itself.
        source: the page that states it.
    """

    cluster_scoped: tuple[str, ...]
    built_in_groups: tuple[str, ...]
    source: str
