"""The queues as they are: which object each is, and what its workloads use of its share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from dynamo_platform.cluster.observe import LiveObject

from .fields import amount
from .model import Snapshot


class LiveQueue(NamedTuple):
    """A queue in the cluster.

    Attributes:
        name: its name.
        parent: its parent's name; None at the top.
        uid: the object's UID, which changes if it is recreated.
        age: its age in seconds.
        resources: its quota, limit and weight of each resource.
        allocated: what its pods use, with those of the queues below it, as its status reports it.
    """

    name: str
    parent: str | None
    uid: str
    age: int
    resources: Mapping[str, Mapping[str, float]]
    allocated: Mapping[str, str]

    @property
    def allocated_gpus(self) -> float:
        """The GPUs that its pods use, of any vendor."""
        gpus = [amount(number) or Decimal(0) for name, number in self.allocated.items() if name.endswith("/gpu")]
        return float(sum(gpus, Decimal(0)))

    def gpus(self, field: str) -> float | None:
        """Its ``quota`` or ``limit`` of GPUs; -1 is unlimited."""
        return (self.resources.get("gpu") or {}).get(field)


def live_queues(snapshot: Snapshot) -> list[LiveQueue]:
    """The queues in the cluster, each after its parent, else by name."""
    queues = {each["metadata"]["name"]: _queue(each, snapshot.now) for each in snapshot.listed("Queue")}

    def path(queue: LiveQueue) -> list[str]:
        names = [queue.name]
        while (parent := queues[names[0]].parent) and parent in queues and parent not in names:
            names.insert(0, parent)
        return names

    return sorted(queues.values(), key=path)


def _queue(item: LiveObject, now: datetime) -> LiveQueue:
    metadata, spec = item["metadata"], item.get("spec") or {}
    return LiveQueue(
        name=metadata["name"],
        parent=spec.get("parentQueue"),
        uid=metadata["uid"],
        age=age_of(metadata, now),
        resources=spec.get("resources") or {},
        allocated=(item.get("status") or {}).get("allocated") or {},
    )


def age_of(metadata: Mapping[str, Any], now: datetime) -> int:
    """Seconds since an object was created."""
    return int((now - datetime.fromisoformat(metadata["creationTimestamp"])).total_seconds())
