"""The data of a comparison, from a stack's two sides to the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import Finding
from dynamo_platform.planning.model import Plan, Release, Rendering
from dynamo_platform.rendering.changes import Change

State = Literal["added", "changed", "removed", "unchanged"]

STACK_OWNED = "the stack"
"""The owner of objects that belong to no release: the queues of a plan."""


class Side(NamedTuple):
    """A stack in one of the two revisions.

    Attributes:
        stack: the stack.
        charts: digests of its local charts and of its catalog's file, by the path in the configuration.
    """

    stack: Stack
    charts: Mapping[str, str] = {}


class Pair(NamedTuple):
    """A stack in both revisions, planned.

    Attributes:
        name: the stack's name.
        state: how the stack file changes. An ``unchanged`` stack is not planned.
        base: the base's plan; None if the stack is not there, is unchanged or has errors.
        head: the head's plan, likewise.
        findings: the findings about the upgrade from base to head.
        base_errors: why the base cannot be planned.
        charts: digests of local charts by path, in base and head.
    """

    name: str
    state: State
    base: Plan | None = None
    head: Plan | None = None
    findings: tuple[Finding, ...] = ()
    base_errors: tuple[Finding, ...] = ()
    charts: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})


class RenderJob(NamedTuple):
    """A release to render.

    Attributes:
        release: the release.
        rendering: the cluster to render for.
        side: the revision that has its chart, if the chart is local.
    """

    release: Release
    rendering: Rendering
    side: Literal["base", "head"]


class StepChange(NamedTuple):
    """A step of the plan that is added, changed or removed.

    Attributes:
        kind: ``release``, ``gate`` or ``queue``; ``plan`` for settings of the whole plan.
        name: the step's name.
        sign: ``+``, ``-`` or ``~``.
        facts: for a changed step, each change as ``label before → after``; else the step's settings.
    """

    kind: str
    name: str
    sign: str
    facts: tuple[str, ...]


class Comparison(NamedTuple):
    """The changes of a stack, or between two folders.

    Attributes:
        name: the name of the stack or folder.
        state: as in :class:`Pair`.
        findings: the findings about the upgrade, errors first.
        base_errors: why the base cannot be planned or rendered.
        steps: the changed steps of the plan.
        equal: releases that are equal on both sides, each with its version. Their objects are equal too.
        objects: the changed objects; None if they are not known.
        unknown: releases whose objects are not known on one of the sides.
        images: the images that only the head runs, and those that only the base runs.
    """

    name: str
    state: State
    findings: tuple[Finding, ...] = ()
    base_errors: tuple[Finding, ...] = ()
    steps: tuple[StepChange, ...] = ()
    equal: tuple[str, ...] = ()
    objects: tuple[Change, ...] | None = ()
    unknown: tuple[str, ...] = ()
    images: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def differs(self) -> bool:
        """Whether an update would change anything, as far as that is known."""
        return self.state in {"added", "removed"} or self.objects is None or bool(self.steps or self.objects)


class Report(NamedTuple):
    """All comparisons of a ``diff``.

    Attributes:
        project: the project's name; None for files and folders.
        selected: the stacks that ``--stack`` names; empty for all.
        base: the base, as it was given.
        head: the head, as it was given.
        helm: the version of Helm that rendered; None if nothing was rendered.
        comparisons: one for each stack.
    """

    project: str | None
    selected: tuple[str, ...]
    base: str
    head: str
    helm: str | None
    comparisons: tuple[Comparison, ...]

    @property
    def ok(self) -> bool:
        """Whether no stack has errors."""
        return all(each.ok for each in self.comparisons)

    @property
    def differs(self) -> bool:
        """Whether any stack differs."""
        return any(each.differs for each in self.comparisons)


def by_importance(comparisons: Iterable[Comparison]) -> Sequence[Comparison]:
    """Stacks with errors first, then stacks that differ, then the others."""
    return sorted(comparisons, key=lambda each: (each.ok, not each.differs, each.state == "unchanged"))
