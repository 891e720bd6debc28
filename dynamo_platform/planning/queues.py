"""The queue tree: the two queues that always exist with KAI Scheduler, and those of the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dynamo_platform.config.model import QueueConfig

from .choices import Choices, QueueNode

RESOURCES = ("cpu", "gpu", "memory")
"""The resources that a queue has shares of."""


def queue_tree(c: Choices) -> dict[str, QueueNode]:
    """Every queue by name: first the two that always exist, then those of the configuration in its order."""
    parents = {row.name: row.parent for row in c.catalog.platform.queues.rows}
    # Constructed, because there is nothing to validate and building the validators takes a millisecond.
    always = [QueueConfig.model_construct(name=name, parent=parent) for name, parent in parents.items() if c.kai.on]
    tree = {queue.name: QueueNode(f"queues ({queue.name})", queue, c.owns_queues) for queue in always}
    for i, queue in enumerate(c.config.queues or ()):
        parent = queue.parent or parents.get(queue.name)
        placed = queue if parent == queue.parent else queue.model_copy(update={"parent": parent})
        tree[queue.name] = QueueNode(f"queues[{i}]", placed, c.owns_queues or queue.name not in parents)
    return tree


def parents_first(queues: Mapping[str, QueueConfig]) -> Iterator[QueueConfig]:
    """The queues, by their names, in their order, but each after its parent; in a loop, one comes before its parent."""
    done: set[str] = set()
    for queue in queues.values():
        line: list[QueueConfig] = []
        above: QueueConfig | None = queue
        while above and above.name not in done:
            done.add(above.name)
            line.append(above)
            above = queues.get(above.parent or "")
        yield from reversed(line)
