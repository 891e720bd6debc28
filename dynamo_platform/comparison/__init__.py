"""What a change of stack files does: the verdict on the upgrade, and the releases, queues and objects that change.

Pure. A stack's two sides are paired and planned, what has to be rendered is named, and what was rendered is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from dynamo_platform import catalog
from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import Finding, PlatformError, ordered, shown
from dynamo_platform.planning.choices import parse_version
from dynamo_platform.planning.model import Gate, Plan, Queue, Release, Rendering, Running, Step
from dynamo_platform.planning.running import from_plan
from dynamo_platform.planning.stacks import plan_stack, running_at
from dynamo_platform.rendering.changes import Change, changes
from dynamo_platform.rendering.objects import Key, Object, Objects, read
from dynamo_platform.trees import digest, value_at, walk

State = Literal["added", "changed", "removed", "unchanged"]

OF_THE_STACK = "the stack"
"""What has the objects that no release has: the queues that a plan owns."""

_CHARTS = ("chart", "kaiScheduler.chart", "grove.chart")
"""Where a configuration names a chart."""

_NOT_COMPARED = {"name", "depends_on", "values", "spec", "stamp", "adopted", "chart", "repository"}
"""Fields of steps that are compared otherwise, or follow from the others."""


class Side(NamedTuple):
    """A stack as one side has it.

    Attributes:
        stack: the stack.
        charts: digests of its local charts' content, by the path that the configuration has.
    """

    stack: Stack
    charts: Mapping[str, str] = {}


class Pair(NamedTuple):
    """A stack on both sides, planned.

    Attributes:
        name: the stack's.
        state: whether there is a difference to look for; ``unchanged`` is not planned.
        base: None where it is not there, is unchanged, or has errors.
        head: the same for the other side.
        findings: what there is to say about going from the one to the other.
        base_errors: why the base cannot be planned.
        charts: digests of local charts by path, on both sides.
    """

    name: str
    state: State
    base: Plan | None = None
    head: Plan | None = None
    findings: tuple[Finding, ...] = ()
    base_errors: tuple[Finding, ...] = ()
    charts: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})


class Job(NamedTuple):
    """A release to render.

    Attributes:
        release: which.
        rendering: the cluster that is assumed.
        side: whose files have its chart, where that is local.
    """

    release: Release
    rendering: Rendering
    side: Literal["base", "head"]


class StepChange(NamedTuple):
    """A step of the plan that is added, changed or removed.

    Attributes:
        kind: ``release``, ``gate`` or ``queue``; ``plan`` for what is about all of them.
        name: the step's.
        sign: ``+``, ``-`` or ``~``.
        facts: what changes, each as ``label before → after``; of an added step what it is.
    """

    kind: str
    name: str
    sign: str
    facts: tuple[str, ...]


class Comparison(NamedTuple):
    """What changes of a stack, or between two folders.

    Attributes:
        name: the stack's.
        state: as in :class:`Pair`.
        findings: the verdict, errors first.
        base_errors: why something of the base is not known.
        steps: what changes of the plan.
        equal: releases that are the same on both sides, and so are their objects.
        objects: what changes of the objects; None where they are not known.
        unknown: releases whose objects are not known on one of the sides.
        images: those that no compared object ran before, and those that none runs any more.
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
        """Whether nothing stops it."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def differs(self) -> bool:
        """Whether an update would do something else than before, as far as that is known."""
        return self.state in {"added", "removed"} or self.objects is None or bool(self.steps or self.objects)


class Report(NamedTuple):
    """What changes of everything that was compared.

    Attributes:
        project: whose stacks they are; None for folders and files without one.
        asked: the stacks that were asked for; empty for all.
        base: what was compared, as it was given.
        head: with what.
        helm: the version of Helm that rendered; None where nothing had to be rendered.
        comparisons: one for each stack.
    """

    project: str | None
    asked: tuple[str, ...]
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


def local_charts(stack: Stack) -> list[str]:
    """Paths of the charts that a configuration has beside it, as it spells them."""
    charts = [value_at(stack.settings or {}, path) for path in _CHARTS]
    return [
        chart
        for chart in charts
        if isinstance(chart, str) and "://" not in chart and ("/" in chart or chart.endswith(".tgz"))
    ]


def pair(name: str, base: Side | None, head: Side | None) -> Pair:
    """Plan both sides of a stack, the head as an upgrade from the base."""
    if base and head and _settings(base) == _settings(head):
        return Pair(name, "unchanged")
    before, base_errors = _plan(base.stack, None) if base else (None, ())
    running = from_plan(before, catalog.load()) if before else _assumed(base.stack) if base else None
    after, findings = _plan(head.stack, running) if head else (None, ())
    return Pair(
        name=name,
        state="changed" if base and head else "added" if head else "removed",
        base=before,
        head=after,
        findings=findings,
        base_errors=() if before else tuple(each for each in base_errors if each.severity == "error"),
        charts=(base.charts if base else {}, head.charts if head else {}),
    )


def _settings(side: Side) -> str:
    """All that decides a plan, types included: `true` is not 1."""
    return digest([side.stack.settings, side.stack.problems, side.charts])


def _plan(stack: Stack, running: Running | None) -> tuple[Plan | None, tuple[Finding, ...]]:
    try:
        plan = plan_stack(stack, running)
    except PlatformError as error:
        return None, error.findings
    return plan, plan.findings


def _assumed(stack: Stack) -> Running | None:
    """What runs where the base cannot be planned any more, as with a version from which one can only upgrade."""
    given = (stack.settings or {}).get("version")
    version = parse_version(given) if isinstance(given, str) else None
    known = catalog.load().platform.known_minors
    return running_at(stack, str(version)) if version and version.minor_line in known else None


def jobs(pair: Pair) -> dict[str, Job]:
    """The releases that have to be rendered, by a digest of all that decides their objects; none that are equal."""
    if pair.head is None:
        return {}
    base, head = _contents(pair, 0), _contents(pair, 1)
    found: dict[str, Job] = {}
    if pair.base:
        found |= {each: Job(base[each], pair.base.rendering, "base") for each in base if each not in head}
    return found | {each: Job(head[each], pair.head.rendering, "head") for each in head if each not in base}


def _contents(pair: Pair, side: Literal[0, 1]) -> dict[str, Release]:
    plan, charts = (pair.base, pair.head)[side], pair.charts[side]
    return {_content(release, plan.rendering, charts): release for release in plan.releases} if plan else {}


def _content(release: Release, rendering: Rendering, charts: Mapping[str, str]) -> str:
    decisive = release._replace(timeout=0, depends_on=())
    return digest([decisive, rendering, charts.get(release.chart)])


def compare(pair: Pair, rendered: Mapping[str, Mapping[Key, Object] | Finding]) -> Comparison:
    """What changes of a stack.

    Args:
        pair: the stack.
        rendered: objects, or what is wrong with them, by the digests of :func:`jobs`.
    """
    if pair.state == "unchanged":
        return Comparison(pair.name, "unchanged")
    if pair.head is None:
        return Comparison(pair.name, pair.state, pair.findings, pair.base_errors, objects=None)
    base, head = _contents(pair, 0), _contents(pair, 1)
    failed = [
        {release.name: found for content, release in own.items() if isinstance(found := rendered.get(content), Finding)}
        for own in (base, head)
    ]
    unknown = failed[0] | failed[1]
    before, after = (
        {
            release.name: found
            for content, release in own.items()
            if not isinstance(found := rendered.get(content, {}), Finding) and release.name not in unknown
        }
        | {OF_THE_STACK: _queues(plan)}
        for own, plan in ((base, pair.base), (head, pair.head))
    )
    known = pair.base is not None or pair.state == "added"
    return Comparison(
        name=pair.name,
        state=pair.state,
        findings=ordered([*pair.findings, *failed[1].values()]),
        base_errors=ordered([*pair.base_errors, *failed[0].values()]),
        steps=tuple(_steps(pair)) if known else (),
        equal=tuple(f"{head[each].name} {head[each].version}" for each in head if each in base),
        objects=tuple(changes(before, after)) if known else None,
        unknown=tuple(unknown),
        images=_images(before, after) if known else ((), ()),
    )


def compare_objects(name: str, base: Objects, head: Objects) -> Comparison:
    """What changes between two sets of objects."""
    found = tuple(changes(base, head))
    return Comparison(name, "changed" if found else "unchanged", objects=found, images=_images(base, head))


def _images(base: Objects, head: Objects) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = (
        {image for items in side.values() for item in items.values() for image in item.images} for side in (base, head)
    )
    return tuple(sorted(after - before)), tuple(sorted(before - after))


def _queues(plan: Plan | None) -> dict[Key, Object]:
    manifests = [queue.manifest for queue in (plan.queues if plan else ())]
    return read(manifests, manifests, "", hooks=False)


def _steps(pair: Pair) -> Iterator[StepChange]:
    """What changes of a plan, in the order of the head's, and what it loses."""
    if pair.base and pair.head and (facts := _changed(_about(pair.base), _about(pair.head))):
        yield StepChange("plan", "", "~", facts)
    old, new = (
        {(type(step), step.name): step for step in plan.steps} if plan else {} for plan in (pair.base, pair.head)
    )
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key), new.get(key)
        kind, name = key[0].__name__.lower(), key[1]
        if before and after:
            facts = _changed(_facts(before), _facts(after)) + _waits_or_repacked(before, after, pair.charts)
            if facts:
                yield StepChange(kind, name, "~", facts)
        else:
            said = _facts(after or before)
            facts = tuple(f"{label} {text}" for label, text in said.items() if not label.startswith("value "))
            yield StepChange(kind, name, "+" if after else "-", facts)


def _waits_or_repacked(
    before: Step, after: Step, charts: tuple[Mapping[str, str], Mapping[str, str]]
) -> tuple[str, ...]:
    """What changes of a step although its texts are the same."""
    match before, after:
        case Gate(), Gate() if before.stamp != after.stamp:
            return ("waits again",)
        case Release(), Release() if before.chart == after.chart:
            same = charts[0].get(before.chart) == charts[1].get(after.chart)
            return () if same else ("another chart at the same path",)
    return ()


def _about(plan: Plan) -> dict[str, str]:
    """What is about all of a plan's steps."""
    return {
        "cluster": plan.cluster or "the current context",
        "profile": plan.profile,
        "protect": shown(plan.protect),
        **{f"mode of {name}": mode for name, mode in plan.modes.items()},
        "Kubernetes version": plan.rendering.kubernetes_version,
        "optional APIs": ", ".join([*plan.rendering.api_versions, *(f"{api}?" for api in plan.rendering.open_apis)]),
    }


def _facts(step: Step | None) -> dict[str, str]:
    """A step as labels and texts."""
    facts = {
        field.replace("_", " "): value if isinstance(value, str) else shown(value)
        for field, value in (step._asdict() if step else {}).items()
        if field not in _NOT_COMPARED and value is not None
    }
    match step:
        case Release():
            facts["chart"] = step.source
            facts |= {f"value {path}": shown(value) for path, value in walk(step.values)}
        case Queue():
            facts |= {path: shown(value) for path, value in walk(step.spec)}
    return facts


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{label} {before.get(label, 'nothing')} → {after.get(label, 'nothing')}"
        for label in [*after, *(label for label in before if label not in after)]
        if before.get(label) != after.get(label)
    )


def by_importance(comparisons: Iterable[Comparison]) -> Sequence[Comparison]:
    """What has errors first, then what differs, then the rest."""
    return sorted(comparisons, key=lambda each: (each.ok, not each.differs, each.state == "unchanged"))


def as_data(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "project": report.project,
        "base": report.base,
        "head": report.head,
        "helm": report.helm,
        "ok": report.ok,
        "differs": report.differs,
        "stacks": [_as_data(each) for each in report.comparisons],
    }


def _as_data(comparison: Comparison) -> dict[str, Any]:
    new, gone = comparison.images
    return {
        "stack": comparison.name,
        "state": comparison.state,
        "ok": comparison.ok,
        "differs": comparison.differs,
        "findings": [finding.as_dict() for finding in comparison.findings],
        "baseErrors": [finding.as_dict() for finding in comparison.base_errors],
        "steps": [{**step._asdict(), "facts": list(step.facts)} for step in comparison.steps],
        "equal": list(comparison.equal),
        "unknown": list(comparison.unknown),
        "objects": None if comparison.objects is None else [_object(change) for change in comparison.objects],
        "images": {"added": list(new), "removed": list(gone)},
    }


def _object(change: Change) -> dict[str, Any]:
    before, after = (None if side is None else str(side[1]) for side in (change.before, change.after))
    return {
        "sign": change.sign,
        "apiVersion": change.key.api_version,
        "kind": change.key.kind,
        "namespace": change.key.namespace,
        "name": change.key.name,
        "release": change.release,
        "before": before,
        "after": after,
        "text": change.text,
    }
