"""The data of a verification: what was read from the cluster, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from dynamo_platform.cluster.observe import LiveObject
from dynamo_platform.cluster.reader import Answer, Unread
from dynamo_platform.rendering.objects import Key

Status = Literal["ok", "differs", "not checked"]

Repair = Literal["refresh", "upgrade", "none"]
"""The `up` that repairs a difference: ``pulumi up --refresh``; one that upgrades the release, because Helm then writes
its objects again; or none.
"""


class Check(NamedTuple):
    """The result of one check.

    Attributes:
        name: what was checked, such as ``queues``.
        object: the object, such as ``Queue team-a``; empty if the check is about all objects of its kind.
        status: whether it is as planned.
        path: the field that differs; empty for the whole object.
        expected: what was planned.
        seen: what runs, or the reason why it was not checked.
        repair: the `up` that repairs it; None if there is nothing to repair.
        todo: what to do about it.
    """

    name: str
    object: str
    status: Status
    path: str = ""
    expected: str = ""
    seen: str = ""
    repair: Repair | None = None
    todo: str = ""


class HelmRelease(NamedTuple):
    """The newest revision of a release in Helm's storage.

    Attributes:
        version: the chart's version.
        revision: its number.
        status: ``deployed``, ``failed``, ``pending-upgrade``, …
        values: the values that it was installed with.
    """

    version: str
    revision: int
    status: str
    values: Mapping[str, Any]


class Snapshot(NamedTuple):
    """What was read from the cluster.

    Attributes:
        context: the kubeconfig context; None for the current one.
        now: when it was read.
        objects: the planned objects; None for one that does not exist.
        releases: the planned releases by name; None for one that Helm does not know.
        lists: the objects of a kind; None for a kind that is not served.
        answers: the API server's answers to a dry run, by kind; None for a kind that is not served.
    """

    context: str | None
    now: datetime
    objects: Mapping[Key, LiveObject | Unread | None]
    releases: Mapping[str, HelmRelease | Unread | None]
    lists: Mapping[str, Sequence[LiveObject] | Unread | None]
    answers: Mapping[str, Answer | Unread | None]

    def listed(self, kind: str) -> Sequence[LiveObject]:
        """The objects of a kind; none if they could not be read, or if the kind is not served."""
        found = self.lists.get(kind)
        return () if found is None or isinstance(found, Unread) else found
