"""The folders that a plan becomes: each release, the gates and the queues are a stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from dynamo_platform.planning.model import Gate, Plan, Queue, Step
from dynamo_platform.rendering.objects import Key, Manifest, key_of

from .readme import gates_readme
from .yamlfiles import dump

Files = dict[str, str]
"""Texts by path."""

CREATED_AT = {"pre-install", "post-install", "pre-upgrade", "post-upgrade"}
"""Hooks that an install or an upgrade runs."""

_WORKLOADS = {"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"}
NOT_HELMS_TO_DELETE = ("CustomResourceDefinition", "Namespace")
_TOGETHER: Mapping[type[Step], str] = {Gate: "gates", Queue: "queues"}


class StageObject(NamedTuple):
    """An object and where it goes within a stage.

    Attributes:
        key: which.
        manifest: as it is written.
        late: whether it was a hook that ran after the release.
        rank: what comes before what; lower ones first.
        lasting: whether no tool should delete it on its own.
    """

    key: Key
    manifest: Manifest
    late: bool = False
    rank: int = 0
    lasting: bool = False

    @property
    def apart(self) -> bool:
        """Whether it goes into the first stage, with what Helm never deletes."""
        return self.key.kind in NOT_HELMS_TO_DELETE

    @property
    def crd(self) -> Mapping[str, Any] | None:
        """The spec of a CustomResourceDefinition."""
        return self.manifest["spec"] if self.key.kind == "CustomResourceDefinition" else None

    def ranked(self, defined: set[tuple[str, str]]) -> StageObject:
        """What workloads need, workloads, then what needs them: objects of the kinds that these charts define.

        Custom resources of other kinds, as cert-manager's, are needed by workloads.
        """
        if (self.key.api_version.partition("/")[0], self.key.kind) in defined:
            return self._replace(rank=4 if self.late else 3)
        return self._replace(rank=2 if self.key.kind in _WORKLOADS else 1)


Annotate = Callable[[StageObject, int], Manifest]
"""An object's manifest for a tool that orders by number: what an exit adds to it."""


def plain(each: StageObject, _: int) -> Manifest:
    """The manifest as it is."""
    return each.manifest


class Stage(NamedTuple):
    """A folder: objects to apply together, or commands that wait.

    Attributes:
        title: the folder's name, without its number.
        objects: what to apply.
        waiting: commands that wait; a stage that has any has no objects.
    """

    title: str
    objects: Sequence[StageObject]
    waiting: Sequence[str] = ()

    def files(self, number: int, annotate: Annotate = plain) -> Files:
        """Its files, by their paths."""
        folder = f"{number}-{self.title}"
        if self.waiting:
            return {f"{folder}/README.md": gates_readme(self.waiting)}
        texts: dict[str, list[Manifest]] = {}
        for each in self.objects:
            name = re.sub(r"[^\w.-]", "-", each.key.name)
            manifest = annotate(each, 10 * number + each.rank)
            texts.setdefault(f"{folder}/{each.rank}-{each.key.kind.lower()}-{name}.yaml", []).append(manifest)
        return {path: dump(texts[path]) for path in sorted(texts)}


def steps_by_stage(plan: Plan) -> list[tuple[str, list[Step]]]:
    """The plan's steps by stage, in order: each release, the gates, the queues."""
    grouped = groupby(plan.steps, lambda step: _TOGETHER.get(type(step), step.name))
    return [(title, list(steps)) for title, steps in grouped]


def queue_objects(queues: Sequence[Step], *, protect: bool) -> list[StageObject]:
    """Queues, parents before their children."""
    placed: dict[str, StageObject] = {}
    for queue in queues:
        assert isinstance(queue, Queue)  # noqa: S101  a stage has steps of one kind
        parents = [placed[name].rank for name in queue.depends_on if name in placed]
        key = key_of(queue.manifest, "")
        placed[queue.name] = StageObject(key, queue.manifest, rank=max(parents, default=-1) + 1, lasting=protect)
    return list(placed.values())
