"""The types of the catalog's rows: what upstream shipped, as data.

Every row has a source. A range of versions is the row itself: from ``first`` up to, but without, ``below``.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from dynamo_platform.versions import Version

from .reading import Row

Sure = Literal["published", "disputed", "inferred"]
"""How sure a fact is: upstream says so, upstream's pages contradict each other, or it follows from something else."""

Kind = Literal["boolean", "auto", "number", "text", "list", "map", "any", "chart"]
"""What a chart value takes, by its default: ``auto`` is true, false or null, ``map`` has any keys, ``any`` has no
default, and ``chart`` holds the values of another chart, which are not recorded here."""

PartName = Literal["dynamo-platform", "kai-scheduler", "grove", "nats", "etcd"]
"""A chart that has settings; the last two are only ever the platform's subcharts."""


class Range(Row):
    """A range of versions.

    Attributes:
        first: the first version in it; None for the first of all.
        below: the first version after it; None for a range without an end.
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
    """The last of the rows that holds a version; None if none does."""
    return next((row for row in reversed(rows) if row.holds(version)), None)


class Window(Range):
    """The versions of a dependency that work with a platform minor.

    Attributes:
        bundled: the version that the platform's chart bundles.
        pick: the version of a separate release if the configuration sets none.
        sure: how sure the range is.
    """

    first: Version
    bundled: Version
    pick: Version
    sure: Sure


class Minor(Row):
    """A platform minor that can be installed.

    Attributes:
        minor: such as ``1.5``.
        kai_scheduler: the versions of KAI Scheduler that work with it.
        grove: the versions of Grove that work with it.
        source: where that was read.
    """

    minor: str
    kai_scheduler: Window
    grove: Window
    source: str


class Past(Row):
    """A platform minor that an upgrade may start from, and that is no longer installed.

    Attributes:
        minor: such as ``0.9``.
        kai_scheduler: the version of KAI Scheduler that it bundles.
        grove: the version of Grove that it bundles.
        source: where that was read.
    """

    minor: str
    kai_scheduler: Version
    grove: Version
    source: str


class Default(Range):
    """The chart's default for a setting.

    Attributes:
        setting: the setting's path.
        value: the default.
        source: where that was read.
    """

    first: Version
    setting: str
    value: Literal["bundled", "disabled"]
    source: str


class VersionChange(Range):
    """An effect on the cluster of passing a version, from below ``first`` to ``first`` or above.

    Attributes:
        kind: what sort of change it is.
        what: what happens.
        remedy: what to do about it.
        source: where that was read.
    """

    first: Version
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
    what: str
    remedy: str
    source: str

    def passed(self, running: Version, wanted: Version) -> bool:
        """Whether an upgrade passes it. With the two exchanged: whether a downgrade does."""
        return self.holds(wanted) and not self.holds(running)


class Repository(Range):
    """A chart repository.

    Attributes:
        url: its address.
    """

    first: Version
    url: str


class Fault(Range):
    """A known fault of a range of versions.

    Attributes:
        severity: the severity of its finding.
        why: the fault.
        docs: where to read more.
        given: the chart value that triggers it; None if it is always there.
        avoided: chart values, any of which avoids it.
        api: the API group that the cluster has to serve for it to do harm; None if it always does.
        kubernetes: the lowest Kubernetes minor version on which it does harm; None for all.
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


class KubernetesFloor(Range):
    """The lowest Kubernetes minor version that a range of versions runs on.

    Attributes:
        floor: such as ``1.30``.
        source: where that was read.
    """

    first: Version
    floor: str
    source: str


class Support(Row):
    """How long upstream supports a minor.

    Attributes:
        minor: such as ``0.17``.
        until: a month (``2027-03``), or the minor whose release ends it.
        ended: whether support has ended.
        source: where that was read.
    """

    minor: str
    until: str
    ended: bool
    source: str


class Kept(Row):
    """Objects that Helm leaves in the cluster when their release is uninstalled.

    Attributes:
        objects: each as KIND/NAME; they keep the ownership annotations of the release.
        note: what follows from that.
        source: where that was read.
    """

    objects: tuple[str, ...]
    note: str
    source: str


class PostCleanup(Range):
    """The versions whose clean-up job after an uninstall deletes more than the release's own objects.

    Attributes:
        namespace: the only namespace in which it does no harm.
        note: what it deletes.
        source: where that was read.
    """

    below: Version
    namespace: str
    note: str
    source: str


class CommonName(Range):
    """The platform versions that request a certificate with the webhook Service's full name as the common name.

    Attributes:
        longest: characters that a common name may have.
        note: why.
        source: where that was read.
    """

    below: Version
    longest: int
    note: str
    source: str


class GateObject(Row):
    """An object that is ready when KAI Scheduler is.

    Attributes:
        name: the name of the gate that waits for it.
        api_version: of the object.
        kind: of the object.
        object_name: its name.
        condition: the condition to wait for; None for a Deployment, whose rollout has to be complete. Deployments are
            in KAI Scheduler's namespace, the other objects are cluster-scoped.
        why: why it is waited for, and in this place.
        source: where the object is defined.
    """

    name: str
    api_version: str
    kind: str
    object_name: str
    why: str
    source: str
    condition: str | None = None


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
        source: where that was read.
    """

    rows: tuple[ChartQueue, ...]
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(row.name for row in self.rows)


class Monitors(Row):
    """The monitors of the Prometheus operator.

    Attributes:
        api: the API version that a cluster serves if it has them.
        source: where that was read.
    """

    api: str
    source: str


class SettingKey(Range):
    """The chart value that a range of versions reads a setting from.

    Attributes:
        key: the chart value, by dotted path.
        source: where that was read.
        form: how the chart expects the setting's value: as it is, as a list of references, as a node affinity, as an
            image's name, or as an environment variable with an image's name.
        image: the image's name below the chart's repository.
        variable: the environment variable.
        lacks: what the setting does not reach in these versions.
    """

    key: str
    source: str
    form: Literal["as it is", "references", "affinity", "image", "image variable"] = "as it is"
    image: str = ""
    variable: str = ""
    lacks: str = ""


Settings = dict[str, tuple[SettingKey, ...]]
"""By the path of a setting, the chart values that it is written to."""


class Subchart(Row):
    """A chart that is only ever bundled by the platform's.

    Attributes:
        globals: the keys that it reads of the platform's ``global``, and what they take; its other keys are not
            recorded.
        source: where they were read.
        settings: the chart values of each setting.
    """

    globals: dict[str, Kind]
    source: str
    settings: Settings


class ReplacedKeys(Row):
    """Chart values that look right and that no current version reads.

    Attributes:
        keys: by dotted path, what to use instead.
        source: where that was read.
    """

    keys: dict[str, str]
    source: str


class Chart(Row):
    """A chart of upstream's.

    Attributes:
        chart: its name.
        namespace: the namespace in upstream's documentation.
        api: the API group of its custom resources.
        versions: the versions that this catalog knows.
        source: where they were read.
        repositories: where they are published.
        kubernetes: the lowest Kubernetes version.
        support: how long upstream supports a minor.
        faults: known faults.
        upgrade_faults: known faults of an upgrade to a version, whatever the version before.
        changes: what passing a version does.
        settings: the chart values of each setting.
        replaced_keys: chart values of other versions, and some that never were; None if there are none.
        kept: what stays when a release is uninstalled.
    """

    chart: str
    namespace: str
    api: str
    versions: tuple[Version, ...]
    source: str
    repositories: tuple[Repository, ...]
    kubernetes: tuple[KubernetesFloor, ...]
    support: tuple[Support, ...]
    faults: tuple[Fault, ...]
    upgrade_faults: tuple[Fault, ...]
    changes: tuple[VersionChange, ...]
    settings: Settings
    replaced_keys: ReplacedKeys | None = None
    kept: Kept | None = None

    def repository(self, version: Version) -> str:
        """The repository that publishes a version."""
        return (latest(self.repositories, version) or self.repositories[0]).url

    def versions_of(self, minor: str) -> tuple[Version, ...]:
        """The known versions of a minor such as ``1.5``, oldest first."""
        return tuple(version for version in self.versions if version.minor_line == minor)


class Removed(Range):
    """Chart values that make the platform's chart fail, whatever they contain.

    Attributes:
        keys: by dotted path, what to use instead.
        source: where that was read.
    """

    first: Version
    keys: dict[str, str]
    source: str


class Only(Range):
    """A chart value that makes the platform's chart fail unless it is one of a few.

    Attributes:
        key: the chart value, by dotted path.
        values: what it may be.
        why: why.
        source: where that was read.
    """

    first: Version
    key: str
    values: tuple[str, ...]
    why: str
    source: str


class Refusal(Range):
    """A range of versions whose chart refuses a combination of values.

    Attributes:
        source: where that was read.
    """

    first: Version
    source: str


class PlatformRefusals(Row):
    """What makes the platform's chart fail when it is rendered.

    Attributes:
        removed: keys that must not be there.
        only: keys with a few values.
        reserved_env: ``DYN_OPERATOR_ALLOW_GMS_SNAPSHOT`` in the operator's environment.
        restricted_upgrades_crds: an operator that is restricted to a namespace and applies CRDs.
        webhook_selector: webhooks for some namespaces only.
        volcano_with_kai: two schedulers for the same pods.
        staleness: KAI Scheduler and Grove bundled without the grace period that they need.
        lpx_without_grove: LPX, which needs Grove.
    """

    removed: tuple[Removed, ...]
    only: tuple[Only, ...]
    reserved_env: Refusal
    restricted_upgrades_crds: Refusal
    webhook_selector: Refusal
    volcano_with_kai: Refusal
    staleness: Refusal
    lpx_without_grove: Refusal


class Platform(Chart):
    """The platform's chart.

    Attributes:
        minors: the minors that can be installed, oldest first.
        past: the minors that an upgrade may start from only, oldest first.
        defaults: the chart's defaults for settings.
        queues: the queues that its hooks create.
        monitors: the monitors that it may create.
        common_name: the versions with too long a common name in a certificate.
        refusals: what makes the chart fail.
    """

    minors: tuple[Minor, ...]
    past: tuple[Past, ...]
    defaults: tuple[Default, ...]
    queues: ChartQueues
    monitors: Monitors
    common_name: CommonName
    refusals: PlatformRefusals

    @property
    def known_minors(self) -> list[str]:
        """All minors of the catalog, oldest first."""
        return [*(row.minor for row in self.past), *(row.minor for row in self.minors)]

    def default(self, setting: str, version: Version) -> Default:
        """The chart's default for a setting.

        Raises:
            KeyError: the catalog knows no default of the setting for that version.
        """
        row = latest([row for row in self.defaults if row.setting == setting], version)
        if row is None:
            raise KeyError(f"{setting} of {version}")
        return row


class KaiRefusals(Row):
    """What KAI Scheduler's chart fails on, or leaves undone.

    Attributes:
        kai_config_never: ``Config/kai-config`` created by nothing.
        kai_config_twice: ``Config/kai-config`` as an object of the release and by a Job.
    """

    kai_config_never: Refusal
    kai_config_twice: Refusal


class KaiScheduler(Chart):
    """KAI Scheduler's chart.

    Attributes:
        gates: the objects to wait for after a release of this stack, in order.
        external_gates: the objects to wait for if someone else installed it, in order.
        own_queues: the queues that its chart creates.
        refusals: what the chart fails on.
        post_cleanup: the versions whose clean-up job is harmful.
    """

    gates: tuple[GateObject, ...]
    external_gates: tuple[GateObject, ...]
    own_queues: ChartQueues
    refusals: KaiRefusals
    post_cleanup: PostCleanup


class NeedsKai(Row):
    """When Grove has to start after KAI Scheduler's CRDs are served.

    Attributes:
        values: Grove's chart values; Grove comes after KAI Scheduler if any of them is true.
        note: why.
        source: where that was read.
    """

    values: tuple[str, ...]
    note: str
    source: str


class Staleness(Range):
    """The grace period that KAI Scheduler needs with a range of Grove's versions.

    Attributes:
        value: the grace period.
        note: why.
        source: where that was read.
    """

    first: Version
    value: str
    note: str
    source: str


class KaiFloor(Range):
    """The lowest KAI Scheduler that a range of versions of another chart works with.

    Attributes:
        chart: the other chart.
        floor: the lowest KAI Scheduler.
        severity: the severity of the finding.
        why: why.
        docs: where to read more.
        topology: whether it is needed for topology-aware scheduling only.
    """

    first: Version
    chart: Literal["dynamo-platform", "grove"]
    floor: Version
    severity: Literal["error", "warning"]
    why: str
    docs: str
    topology: bool = False


class KaiAndGrove(Row):
    """What KAI Scheduler, Grove and the platform need of each other.

    Attributes:
        needs_kai_at_start: when Grove starts after KAI Scheduler.
        staleness: the grace period that KAI Scheduler needs.
        kai_floors: the lowest KAI Scheduler.
    """

    needs_kai_at_start: NeedsKai
    staleness: Staleness
    kai_floors: tuple[KaiFloor, ...]


class Kinds(Row):
    """Facts about kinds of objects.

    Attributes:
        cluster_scoped: the kinds in these charts that are in no namespace.
        source: where that was read.
    """

    cluster_scoped: tuple[str, ...]
    source: str
