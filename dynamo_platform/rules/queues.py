"""Rules about the queue tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dynamo_platform.choices import Choices
from dynamo_platform.findings import shown

from .base import GUIDE, MODES, Verdict, rule

CHART_QUEUES = ("dynamo-default", "dynamo")
"""The two queues that are always there with KAI Scheduler on."""


@rule("QUE001")
def queues_need_kai(c: Choices) -> Iterator[Verdict]:
    """Without KAI Scheduler there is no such kind."""
    if c.config.queues and c.kai.mode == "disabled":
        yield Verdict(
            "queues",
            ", ".join(queue.name for queue in c.config.queues),
            "no queues while kaiScheduler.mode is disabled",
            "Queues are objects of KAI Scheduler.",
            MODES,
        )


@rule("QUE002")
def the_charts_queues_are_the_charts(c: Choices) -> Iterator[Verdict]:
    """With KAI bundled, hooks of the platform chart make the two queues and make them again."""
    for i, queue in enumerate(c.config.queues or ()):
        if c.kai.mode == "bundled" and queue.name in CHART_QUEUES:
            yield Verdict(
                f"queues[{i}]",
                queue.name,
                "another name, or kaiScheduler.mode separate",
                "With KAI Scheduler bundled the chart owns this queue and makes it again, unlimited, at every upgrade.",
                MODES,
            )


@rule("QUE003")
def queue_names_differ(c: Choices) -> Iterator[Verdict]:
    """Queues are cluster-scoped objects."""
    names = Counter(queue.name for queue in c.config.queues or ())
    for i, queue in enumerate(c.config.queues or ()):
        if names[queue.name] > 1:
            yield Verdict(f"queues[{i}].name", queue.name, "each name once", "Two queues cannot share a name.", GUIDE)


@rule("QUE004")
def queue_parents_exist(c: Choices) -> Iterator[Verdict]:
    """A parent is a queue of this page, one of the two that are always there, or one of KAI's own."""
    queues = c.config.queues or ()
    known = {queue.name for queue in queues} | set(CHART_QUEUES) | {"default-parent-queue"}
    for i, queue in enumerate(queues):
        if queue.parent is not None and queue.parent not in known:
            yield Verdict(
                f"queues[{i}].parent",
                queue.parent,
                ", ".join(sorted(known - {queue.name})),
                "A queue below a parent that does not exist is never given anything.",
                GUIDE,
            )


@rule("QUE005")
def queue_tree_has_no_loop(c: Choices) -> Iterator[Verdict]:
    """Following the parents ends at a top-level queue."""
    queues = c.config.queues or ()
    parents = {"dynamo": "dynamo-default"} | {queue.name: queue.parent for queue in queues}
    for i, queue in enumerate(queues):
        seen, name = [queue.name], queue.parent
        while name and name not in seen:
            seen.append(name)
            name = parents.get(name)
        if name == queue.name:
            yield Verdict(
                f"queues[{i}].parent", shown(queue.parent), "a tree", " → ".join([*seen, name]) + " is a loop.", GUIDE
            )
