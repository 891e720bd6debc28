"""The folders of a plan: a stage for each release, one for the gates and one for the queues."""

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

INSTALL_EVENTS = {"pre-install", "post-install", "pre-upgrade", "post-upgrade"}
"""The hook events of an installation or upgrade."""

KEPT_KINDS = ("CustomResourceDefinition", "Namespace")
"""Kinds that Helm never deletes."""

_WORKLOADS = {"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"}

_SHARED_STAGES: Mapping[type[Step], str] = {Gate: "gates", Queue: "queues"}
"""The stages that hold more than one step."""


class StageObject(NamedTuple):
    """An object and its place within a stage.

    Attributes:
        key: identifies the object.
        manifest: the manifest to write.
        after_release: whether it is a hook that runs after the release.
        rank: its position within the stage; the lowest is applied first.
        protected: whether tools must not prune or delete it.
    """

    key: Key
    manifest: Manifest
    after_release: bool = False
    rank: int = 0
    protected: bool = False

    @property
    def in_first_stage(self) -> bool:
        """Whether it is in the first stage, with everything that Helm never deletes."""
        return self.key.kind in KEPT_KINDS

    @property
    def crd(self) -> Mapping[str, Any] | None:
        """The spec of a CustomResourceDefinition; None for another kind."""
        return self.manifest["spec"] if self.key.kind == "CustomResourceDefinition" else None

    def with_rank(self, defined: set[tuple[str, str]]) -> StageObject:
        """The object with its rank: dependencies of workloads, workloads, then objects of kinds that charts define.

        Custom resources of other kinds, such as cert-manager's, are dependencies of workloads.

        Args:
            defined: group and kind of the CustomResourceDefinitions in the plan's charts.
        """
        if (self.key.api_version.partition("/")[0], self.key.kind) in defined:
            return self._replace(rank=4 if self.after_release else 3)
        return self._replace(rank=2 if self.key.kind in _WORKLOADS else 1)


Annotate = Callable[[StageObject, int], Manifest]
"""Adds the annotations that a tool needs; takes an object and its position in the order, returns the manifest."""


def as_rendered(item: StageObject, _: int) -> Manifest:
    """The manifest without additional annotations."""
    return item.manifest


class Stage(NamedTuple):
    """A folder of objects to apply together, or of commands that wait.

    Attributes:
        title: the folder's name, without its number.
        objects: the objects to apply.
        waiting: the commands that wait; a stage with commands has no objects.
    """

    title: str
    objects: Sequence[StageObject]
    waiting: Sequence[str] = ()

    def files(self, number: int, annotate: Annotate = as_rendered) -> Files:
        """The stage's files, by path."""
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
    """The plan's steps by stage, in order: one stage for each release, one for the gates, one for the queues."""
    grouped = groupby(plan.steps, lambda step: _SHARED_STAGES.get(type(step), step.name))
    return [(title, list(steps)) for title, steps in grouped]


def queue_objects(queues: Sequence[Step], *, protect: bool) -> list[StageObject]:
    """The queues as objects, with parents ranked before their children."""
    objects: dict[str, StageObject] = {}
    for queue in queues:
        assert isinstance(queue, Queue)  # noqa: S101  a stage has steps of one kind
        parents = [objects[name].rank for name in queue.depends_on if name in objects]
        key = key_of(queue.manifest, "")
        objects[queue.name] = StageObject(key, queue.manifest, rank=max(parents, default=-1) + 1, protected=protect)
    return list(objects.values())
