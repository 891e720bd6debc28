"""Rules about the queue tree."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

from dynamo_platform.catalog.model import ChartQueues
from dynamo_platform.config.model import QueueConfig, QueueResource
from dynamo_platform.findings import listed, quote_value
from dynamo_platform.planning.choices import Choices, QueueNode
from dynamo_platform.planning.queues import RESOURCES, parents_first

from .base import KAI, MODES, Verdict, rule, with_current

_NUMBERS: tuple[Literal["quota", "limit"], ...] = ("quota", "limit")


@rule("QUE001")
def queues_need_kai(c: Choices) -> Iterator[Verdict]:
    """Without KAI Scheduler, the cluster has no queues."""
    if c.config.queues and c.kai.mode == "disabled":
        yield Verdict(
            "queues",
            listed([queue.name for queue in c.config.queues]),
            "no queues while kaiScheduler.mode is disabled",
            "Queues need KAI Scheduler.",
            MODES,
        )


@rule("QUE002")
def chart_owns_its_queues(c: Choices) -> Iterator[Verdict]:
    """With KAI Scheduler bundled, the platform's chart creates its two queues, and recreates them at every upgrade."""
    for i, queue in enumerate(c.config.queues or ()):
        if c.kai.mode == "bundled" and queue.name in c.catalog.platform.queues.names:
            yield Verdict(
                f"queues[{i}]",
                queue.name,
                "another name, or kaiScheduler.mode separate",
                "With KAI Scheduler bundled, the chart owns this queue and recreates it, unlimited, at every upgrade.",
                MODES,
            )


@rule("QUE020")
def default_queues_have_one_owner(c: Choices) -> Iterator[Verdict]:
    """Two owners of a queue overwrite each other's shares."""
    given, names = c.config.default_queues, c.catalog.platform.queues.names
    if given is not None and not c.replaces_hooks:
        the_chart = c.kai.mode == "bundled"
        yield Verdict(
            "defaultQueues",
            quote_value(given),
            "nothing, or kaiScheduler.mode separate or external",
            "With KAI Scheduler bundled, the platform's chart creates both queues."
            if the_chart
            else "Without KAI Scheduler there are no queues.",
            MODES,
        )
    for i, queue in enumerate(c.config.queues or ()):
        if given is False and c.replaces_hooks and queue.name in names:
            yield Verdict(
                f"queues[{i}].name",
                queue.name,
                "another name, or defaultQueues true",
                "defaultQueues is false: someone else owns this queue, and two owners would overwrite each other.",
            )


@rule("QUE003")
def queue_names_differ(c: Choices) -> Iterator[Verdict]:
    """Queues are cluster-scoped, so each name must be unique."""
    names = Counter(queue.name for queue in c.config.queues or ())
    for i, queue in enumerate(c.config.queues or ()):
        if names[queue.name] > 1:
            yield Verdict(
                f"queues[{i}].name",
                queue.name,
                "each name once",
                "Queues are cluster-scoped, so two cannot have the same name.",
            )


@rule("QUE004")
def queue_parents_exist(c: Choices) -> Iterator[Verdict]:
    """A parent is a queue of this configuration, one of the two that always exist, or KAI Scheduler's own."""
    if c.config.default_queues is False:
        return  # Someone else's queues may be parents, and only the cluster knows them.
    queues = c.config.queues or ()
    others = set(c.catalog.platform.queues.names) | _top_level(c.catalog.kai_scheduler.own_queues)
    known = dict.fromkeys(sorted({queue.name for queue in queues} | others))
    for i, queue in enumerate(queues):
        if queue.parent is not None and queue.parent not in known:
            yield Verdict(
                f"queues[{i}].parent",
                queue.parent,
                listed([name for name in known if name != queue.name]),
                "A queue whose parent does not exist never gets any resources.",
            )


def _top_level(queues: ChartQueues) -> set[str]:
    return {row.name for row in queues.rows if row.parent is None}


@rule("QUE005")
def queue_tree_has_no_loop(c: Choices) -> Iterator[Verdict]:
    """The parents of a queue must not form a loop."""
    queues = c.config.queues or ()
    parents = {row.name: row.parent for row in c.catalog.platform.queues.rows}
    parents |= {queue.name: queue.parent for queue in queues}
    loops = _loops(parents)
    for i, queue in enumerate(queues):
        loop = loops.get(queue.name, [])
        if queue.parent in loop:
            start = loop.index(queue.name)
            way = listed([*loop[start:], *loop[:start]], " → ")
            yield Verdict(
                f"queues[{i}].parent",
                quote_value(queue.parent),
                "a tree without loops",
                f"{way} → {queue.name} is a loop.",
            )


def _loops(parents: Mapping[str, str | None]) -> dict[str, list[str]]:
    """For each queue on a loop, the loop: each queue before its parent."""
    done: set[str] = set()
    loops: dict[str, list[str]] = {}
    for start in parents:
        way: dict[str, int] = {}
        name: str | None = start
        while name and name not in done:
            done.add(name)
            way[name] = len(way)
            name = parents.get(name)
        if name in way:
            loop = list(way)[way[name] :]
            loops |= dict.fromkeys(loop, loop)
    return loops


# The tree as arithmetic. KAI Scheduler itself checks it only when asked to, and then for CPU at creation alone:
# https://github.com/kai-scheduler/KAI-Scheduler/issues/1923


_UNLIMITED = Decimal("Infinity")


def _amount(queue: QueueConfig, kind: str, name: Literal["quota", "limit"]) -> Decimal:
    """A queue's quota or limit; -1, and a resource that is not set, are unlimited."""
    resource: QueueResource | None = getattr(queue, kind)
    return _UNLIMITED if resource is None else _decimal(getattr(resource, name))


def _decimal(amount: float) -> Decimal:
    """The amount as it is written: 0.1 and 0.2 are 0.3, which binary fractions miss."""
    return _UNLIMITED if amount == -1 else Decimal(repr(amount))


def _number(amount: Decimal) -> str:
    return "-1" if amount == _UNLIMITED else f"{amount.normalize():f}"


@rule("QUE006")
def limit_is_not_below_quota(c: Choices) -> Iterator[Verdict]:
    """A queue must be allowed to use its quota."""
    for path, queue, _ in c.queues.values():
        for kind in RESOURCES:
            quota, limit = _amount(queue, kind, "quota"), _amount(queue, kind, "limit")
            if limit < quota:
                yield Verdict(
                    f"{path}.{kind}.limit",
                    _number(limit),
                    f"at least {_number(quota)}, the quota" if quota < _UNLIMITED else "-1, or a quota up to the limit",
                    "The limit is below the quota (-1 is unlimited), so the queue could never use its quota.",
                )


@rule("QUE007", acceptable=True)
def quotas_of_children_fit_their_parent(c: Choices) -> Iterator[Verdict]:
    """Quotas that add up to more than the parent's cannot be met."""
    children_of: dict[str | None, list[QueueConfig]] = {}
    for node in c.queues.values():
        children_of.setdefault(node.queue.parent, []).append(node.queue)
    for path, parent, _ in c.queues.values():
        children = children_of.get(parent.name, ())
        for kind in RESOURCES if children else ():
            quota = _amount(parent, kind, "quota")
            owed = {child.name: _amount(child, kind, "quota") for child in children}
            total = sum(owed.values(), Decimal())
            if total > quota:
                shares = listed([f"{_number(share)} ({name})" for name, share in owed.items()])
                yield Verdict(
                    f"{path}.{kind}.quota",
                    _number(quota),
                    f"at least {_number(total)}, or lower quotas for the children"
                    if total < _UNLIMITED
                    else "-1, or a quota for every child",
                    f"The quotas of the children are {shares}: together more than their parent's. -1 is unlimited, and "
                    "so is a resource that is not set.",
                )


@rule("QUE008", "warning")
def limits_are_not_above_the_parents(c: Choices) -> Iterator[Verdict]:
    """A limit above the limit of an ancestor is never reached."""
    nothing = _UNLIMITED, ""
    lowest_of: dict[tuple[str | None, str], tuple[Decimal, str]] = {}  # a queue's limit, or a lower one above it
    for queue in parents_first({name: node.queue for name, node in c.queues.items()}):
        for kind in RESOURCES:
            limit = _amount(queue, kind, "limit")
            lowest, name = above = lowest_of.get((queue.parent, kind), nothing)
            lowest_of[queue.name, kind] = min(above, (limit, queue.name))
            if lowest < limit < _UNLIMITED:
                path = c.queues[queue.name].path
                yield Verdict(
                    f"{path}.{kind}.limit",
                    _number(limit),
                    f"at most {_number(lowest)}, the limit of {name}",
                    "A queue's limit applies to everything below it together, so this one is never reached.",
                )


# Names and places


@rule("QUE009")
def kai_owns_its_queues(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler's chart creates two queues, which it must own alone."""
    for i, queue in enumerate(c.config.queues or ()):
        if queue.name in c.catalog.kai_scheduler.own_queues.names:
            yield Verdict(
                f"queues[{i}].name",
                queue.name,
                "another name",
                "KAI Scheduler's chart creates this queue, and two owners would conflict. Its shares are set by "
                "defaultQueue in that chart's values.",
            )


@rule("QUE010")
def queue_names_fit_a_label(c: Choices) -> Iterator[Verdict]:
    """Pods name their queue in a label, which limits its length."""
    for i, queue in enumerate(c.config.queues or ()):
        if len(queue.name) > 63:
            yield Verdict(
                f"queues[{i}].name",
                queue.name,
                "at most 63 characters",
                "Pods name their queue in the label kai.scheduler/queue, and label values are limited to 63 "
                "characters.",
                "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/",
            )


@rule("QUE011", "warning")
def queues_accept_workloads(c: Choices) -> Iterator[Verdict]:
    """Only queues with a parent accept workloads."""
    nodes = c.queues
    parents = {node.queue.parent for node in nodes.values()}
    for path, queue, _ in nodes.values():
        if queue.parent is None and queue.name not in parents:
            yield Verdict(
                f"{path}.parent",
                "nothing",
                "a parent such as dynamo-default, or queues below it",
                "A top-level queue accepts no workloads itself, and this one has no queues below it.",
                f"{KAI}/issues/621",
            )


@rule("QUE012", acceptable=True)
def dynamo_stays_a_leaf(c: Choices) -> Iterator[Verdict]:
    """The operator assigns workloads to the queue dynamo, and only leaf queues accept them."""
    for path, queue, _ in c.queues.values():
        if queue.parent == "dynamo":
            yield Verdict(
                f"{path}.parent",
                "dynamo",
                "dynamo-default, or another queue without workloads",
                "Workloads that name no queue go to dynamo, and a queue with others below it accepts no workloads.",
                f"{KAI}/issues/612",
            )


# What runs


def _running_queues(c: Choices) -> Iterator[tuple[str, Mapping[str, Any], QueueNode | None]]:
    """The queues that this stack owns now: name, spec and the planned queue."""
    for name, spec in (c.running.queues if c.running else {}).items():
        node = c.queues.get(name)
        yield name, spec, node if node and node.owned else None


@rule("QUE013", acceptable=True)
def queues_are_not_deleted(c: Choices) -> Iterator[Verdict]:
    """Nothing prevents the deletion of a queue that has workloads."""
    for name, _, node in _running_queues(c):
        if node is None:
            default = name in c.catalog.platform.queues.names
            owner = (
                "The chart creates"
                if default and c.kai.mode == "bundled"
                else "Someone else owns"
                if default and c.config.default_queues is False
                else None
            )
            yield Verdict(
                "queues",
                f"no queue {name}, which exists now",
                "accept this after you remove the queue from the state with `pulumi state delete`"
                if owner
                else f"keep {name}, or accept this once it has no workloads",
                f"{owner} this queue, and Pulumi would then delete it, because this stack no longer owns it."
                if owner
                else "This deletes the queue: neither a finalizer nor a webhook prevents it, and its pods stay "
                "pending. A queue cannot be renamed: another name is another queue.",
                f"{KAI}/pull/820",
            )


@rule("QUE014", "warning")
def queues_keep_their_parent(c: Choices) -> Iterator[Verdict]:
    """A new parent changes a queue's share immediately."""
    for _, spec, node in _running_queues(c):
        if node and spec.get("parentQueue") != node.queue.parent:
            yield Verdict(
                f"{node.path}.parent",
                with_current(node.queue.parent or "nothing", spec.get("parentQueue") or "nothing"),
                spec.get("parentQueue") or "no parent",
                "The new parent's shares apply to its workloads immediately.",
            )


@rule("QUE015", "warning")
def queues_are_not_lowered(c: Choices) -> Iterator[Verdict]:
    """A lower quota or limit can evict running workloads."""
    for _, spec, node in _running_queues(c):
        for kind in RESOURCES if node else ():
            for name in _NUMBERS:
                before = _decimal(spec.get("resources", {}).get(kind, {}).get(name, 0))
                after = _amount(node.queue, kind, name) if node else _UNLIMITED
                if node and after < before:
                    yield Verdict(
                        f"{node.path}.{kind}.{name}",
                        with_current(_number(after), _number(before)),
                        f"at least {_number(before)}, as now" if before < _UNLIMITED else "-1, as now",
                        "Workloads above the new value may be evicted.",
                    )
