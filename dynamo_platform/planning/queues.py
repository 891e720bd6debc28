"""The queue tree: the two queues that always exist with KAI Scheduler, and those of the configuration."""

from __future__ import annotations

from dynamo_platform.config.model import QueueConfig

from .choices import Choices, QueueNode

# Constructed, because there is nothing to validate and building the validators takes a millisecond.
CHART_QUEUES = {
    "dynamo-default": QueueConfig.model_construct(name="dynamo-default"),
    "dynamo": QueueConfig.model_construct(name="dynamo", parent="dynamo-default"),
}
"""The two queues that always exist with KAI Scheduler."""


def queue_tree(c: Choices) -> dict[str, QueueNode]:
    """Every queue by name: first the two that always exist, then those of the configuration in its order."""
    default, dynamo = CHART_QUEUES
    always = CHART_QUEUES.items() if c.kai.on else ()
    tree = {name: QueueNode(f"queues ({name})", queue, c.owns_queues) for name, queue in always}
    for i, queue in enumerate(c.config.queues or ()):
        placed = queue if queue.name != dynamo or queue.parent else queue.model_copy(update={"parent": default})
        tree[queue.name] = QueueNode(f"queues[{i}]", placed, c.owns_queues or queue.name not in CHART_QUEUES)
    return tree
