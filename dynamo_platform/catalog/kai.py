"""The rows that only KAI Scheduler's chart has, and what the other charts require of it."""

from typing import Literal

from dynamo_platform.versions import Version

from .model import Chart, ChartQueues, Range, Refusal, Sure
from .reading import Row


class GateObject(Row):
    """An object that shows whether KAI Scheduler works; a gate waits for it.

    Attributes:
        name: the name of the gate that waits for it.
        api_version: of the object.
        kind: of the object.
        object_name: its name.
        condition: the condition to wait for; None for a Deployment, whose rollout must be complete. Deployments are in
            KAI Scheduler's namespace, the other objects are cluster-scoped.
        why: what it proves, or why its gate comes at this place.
        source: the page that defines the object.
    """

    identity = ("name",)

    name: str
    api_version: str
    kind: str
    object_name: str
    why: str
    source: str
    condition: str | None = None


class PostCleanup(Range):
    """The versions whose cleanup job after an uninstall deletes more than the release's own objects.

    Attributes:
        namespace: the only namespace in which the job does no harm.
        note: what the job deletes.
        source: the page that states it.
    """

    below: Version
    namespace: str
    note: str
    source: str


class KaiRefusals(Row):
    """Chart values with which KAI Scheduler's chart fails to render, or does not work.

    Attributes:
        kai_config_never: neither the release nor a Job creates ``Config/kai-config``.
        kai_config_twice: both the release and a Job create ``Config/kai-config``.
    """

    kai_config_never: Refusal
    kai_config_twice: Refusal


class ExternalGate(Row):
    """A gate if someone else installed KAI Scheduler.

    Attributes:
        name: its name among the gates.
        why: the reason for it and for its place; None if it is the same.
    """

    name: str
    why: str | None = None


class ExternalGates(Row):
    """The gates if someone else installed KAI Scheduler.

    Patching a missing custom resource creates it, patching a missing Deployment does not. The Deployment comes first
    and shows whether KAI Scheduler exists. Shards are left out, because they may have other names.

    Attributes:
        rows: the gates, in order.
        source: the page that describes patches.
    """

    rows: tuple[ExternalGate, ...]
    source: str


class KaiScheduler(Chart):
    """KAI Scheduler's chart.

    Attributes:
        gates: the objects to wait for after a release of this stack, in order.
        external_gates: the gates if someone else installed it.
        own_queues: the queues that its chart creates.
        refusals: chart values with which it fails to render, or does not work.
        post_cleanup: the versions whose cleanup job does harm.
    """

    gates: tuple[GateObject, ...]
    external_gates: ExternalGates
    own_queues: ChartQueues
    refusals: KaiRefusals
    post_cleanup: PostCleanup

    def gates_for(self, *, external: bool) -> list[tuple[GateObject, str]]:
        """The objects to wait for, in order, each with the reason for it and for its place."""
        if not external:
            return [(row, row.why) for row in self.gates]
        by_name = {row.name: row for row in self.gates}
        return [(by_name[row.name], row.why or by_name[row.name].why) for row in self.external_gates.rows]


class NeedsKai(Row):
    """When Grove must start after KAI Scheduler's CRDs are served.

    Attributes:
        values: Grove's chart values; Grove comes after KAI Scheduler if any of them is true.
        note: what happens otherwise.
        source: the page that states it.
    """

    values: tuple[str, ...]
    note: str
    source: str


class Staleness(Range):
    """The staleness grace period that a range of Grove versions requires of KAI Scheduler.

    Attributes:
        value: the grace period, a duration.
        note: what happens otherwise.
        source: the page that states it.
    """

    first: Version
    value: str
    note: str
    source: str


class KaiFloor(Range):
    """The lowest KAI Scheduler that a range of versions of another chart works with.

    Attributes:
        chart: the other chart.
        floor: the lowest version of KAI Scheduler.
        why: the reason.
        docs: the page that states it.
        topology: whether only topology-aware scheduling needs it.
        also: versions below the floor that work too; None if there are none.
        sure: how sure this is.
    """

    identity = ("chart", "first", "topology")

    first: Version
    chart: Literal["dynamo-platform", "grove"]
    floor: Version
    why: str
    docs: str
    topology: bool = False
    also: Range | None = None
    sure: Sure = "published"


class KaiAndGrove(Row):
    """What the platform and Grove require of KAI Scheduler.

    Attributes:
        checked: the date on which this table was last compared with upstream, as YYYY-MM-DD.
        needs_kai_at_start: when Grove must start after KAI Scheduler.
        staleness: the staleness grace period that Grove requires.
        kai_floors: the lowest versions of KAI Scheduler.
    """

    checked: str
    needs_kai_at_start: NeedsKai
    staleness: Staleness
    kai_floors: tuple[KaiFloor, ...]
