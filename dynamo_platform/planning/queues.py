"""The queue tree: the queues of the configuration, and the two that are always there with KAI Scheduler on."""

from __future__ import annotations

from dynamo_platform.config.model import QueueConfig

from .choices import Choices, QueueNode

# Constructed: nothing is to be validated, and building their validators takes a millisecond.
CHART_QUEUES = {
    "dynamo-default": QueueConfig.model_construct(name="dynamo-default"),
    "dynamo": QueueConfig.model_construct(name="dynamo", parent="dynamo-default"),
}
"""The two queues that are always there with KAI Scheduler on."""


def queue_tree(c: Choices) -> dict[str, QueueNode]:
    """Every queue by name: the two that are always there first, then those of the configuration in its order."""
    default, dynamo = CHART_QUEUES
    always = CHART_QUEUES.items() if c.kai.on else ()
    tree = {name: QueueNode(f"queues ({name})", queue, c.owns_queues) for name, queue in always}
    for i, queue in enumerate(c.config.queues or ()):
        placed = queue if queue.name != dynamo or queue.parent else queue.model_copy(update={"parent": default})
        tree[queue.name] = QueueNode(f"queues[{i}]", placed, c.owns_queues or queue.name not in CHART_QUEUES)
    return tree
