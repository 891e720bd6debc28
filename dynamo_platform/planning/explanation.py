"""A plan explained: as text, as data, and as a flow chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dynamo_platform.config.model import to_camel
from dynamo_platform.findings import listed, quote_value
from dynamo_platform.trees import walk
from dynamo_platform.versions import Version

from .model import Gate, Namespace, Plan, Queue, Release, Running, Step

PLATFORM = "dynamo-platform"
"""The platform's own release."""


class StepExplanation(NamedTuple):
    """An explained step.

    Attributes:
        kind: ``release``, ``gate``, ``queue`` or ``namespace``.
        name: the step's name.
        facts: the details, as pairs of label and text.
        why: the reason for the step, or for its place in the order.
    """

    kind: str
    name: str
    facts: tuple[tuple[str, str], ...]
    why: str


def explain_steps(plan: Plan, running: Running | None = None) -> tuple[StepExplanation, ...]:
    """Explain each step of a plan, in order.

    Args:
        plan: the plan.
        running: what is installed now; None for a new installation.
    """
    before = _running_versions(running)
    return tuple(
        StepExplanation(
            kind=_kind(step),
            name=step.name,
            facts=tuple(_facts(step, plan, before)),
            why=_why(step, plan),
        )
        for step in plan.steps
    )


def plan_data(plan: Plan, running: Running | None = None) -> dict[str, Any]:
    """The plan with its explanations for programs, with camelCase names; arguments as for :func:`explain_steps`."""
    before = _running_versions(running)
    steps = []
    for step in plan.steps:
        data: dict[str, Any] = {"step": _kind(step)} | {to_camel(name): value for name, value in step._asdict().items()}
        if step.name in before:
            data["running"] = before[step.name]
        steps.append(data | {"why": _why(step, plan)})
    return {
        "profile": plan.profile,
        "cluster": plan.cluster,
        "protect": plan.protect,
        "modes": dict(plan.modes),
        "bundled": _subchart_versions(plan),
        "steps": steps,
        "findings": [finding.as_dict() for finding in plan.findings],
    }


def mermaid(plan: Plan) -> str:
    """The steps in order, as a Mermaid flow chart for Markdown."""
    names = {step.name: f"s{number}" for number, step in enumerate(plan.steps, 1)}
    lines = ["flowchart LR"]
    lines += [f"    {names[step.name]}{_node(step)}" for step in plan.steps]
    lines += [f"    {names[before]} --> {names[after]}" for before, after in _edges(plan)]
    return "\n".join(lines)


def _kind(step: Step) -> str:
    return type(step).__name__.lower()


def _running_versions(running: Running | None) -> dict[str, str]:
    """The running versions, by the name of the release or the subchart."""
    if running is None:
        return {}
    installed = {"kai-scheduler": running.kai, "grove": running.grove, PLATFORM: running.platform}
    return {name: str(each.version) for name, each in installed.items() if each and each.on and each.version}


def _subchart_versions(plan: Plan) -> dict[str, str]:
    """The versions of the platform's subcharts, by name."""
    version = Version.parse(plan.platform.version)
    minor = plan.catalog.minor(version)
    bundles = {"kai-scheduler": minor.kai_scheduler, "grove": minor.grove} if minor else {}
    return {name: str(window.bundled) for name, window in bundles.items() if plan.modes[name] == "bundled"}


def _version_change(before: str | None, after: str) -> str:
    return f"{before} → {after}" if before and before != after else after


def _facts(step: Step, plan: Plan, before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    match step:
        case Release():
            yield "chart", step.source
            yield "version", _version_change(before.get(step.name), step.version)
            if step.name == PLATFORM:
                for name, version in _subchart_versions(plan).items():
                    yield "bundles", f"{name} {_version_change(before.get(name), version)}"
            yield "namespace", step.namespace
            yield "hooks", "on" if step.hooks else "off"
            yield "timeout", f"{step.timeout} s"
            for path, value in walk(step.values):
                yield "value", f"{path}: {quote_value(value)}"
        case Gate():
            place = f" in {step.namespace}" if step.namespace else ""
            yield "waits", f"until {step.kind} {step.object_name}{place} is {step.ready}"
            yield "timeout", f"{step.timeout} s"
        case Queue():
            yield from _queue_facts(step)
        case Namespace():
            for kind, entries in (("label", step.labels), ("annotation", step.annotations)):
                yield from ((kind, f"{key}: {text}") for key, text in entries.items())
    if step.depends_on:
        yield "after", listed(step.depends_on)


def _queue_facts(step: Queue) -> Iterator[tuple[str, str]]:
    if parent := step.spec.get("parentQueue"):
        yield "parent", parent
    for field in (each for each in step.spec if each not in {"parentQueue", "resources"}):
        yield field, str(step.spec[field])
    for label, text in (step.labels or {}).items():
        yield "label", f"{label}: {text}"
    for resource, share in step.spec["resources"].items():
        yield resource, ", ".join(f"{name} {amount}" for name, amount in share.items())


def _why(step: Step, plan: Plan) -> str:
    queue_names = plan.catalog.platform.queues.names
    match step:
        case Release(name=name, hooks=False) if name == PLATFORM:
            owner = "the stack" if any(queue.name in queue_names for queue in plan.queues) else "someone else"
            why = f"Its hooks would delete and recreate the queues at every upgrade; {owner} owns them instead."
        case Release(name=name) if name == PLATFORM and plan.modes["kai-scheduler"] == "bundled":
            why = "Its hooks create the queues dynamo-default and dynamo, and recreate them at every upgrade."
        case Release(name=name) if name == PLATFORM:
            why = "Without KAI Scheduler there are no queues, and nothing to wait for."
        case Release(depends_on=before) if set(before) <= {each.name for each in plan.namespaces}:
            why = "A separate release is upgraded on its own, with its CRDs; a bundled one never upgrades them."
        case Release():
            why = "A separate release; with these values, it needs KAI Scheduler's CRDs when it starts."
        case Gate():
            gates = plan.catalog.kai_scheduler.gates_for(external=plan.modes["kai-scheduler"] == "external")
            why = next(reason for row, reason in gates if row.name == step.name)
        case Queue(name=name) if name in queue_names:
            why = "Dynamo's workloads use it. The stack owns it, so it stays the same object through upgrades."
        case Queue():
            why = "The configuration adds it."
        case Namespace():
            why = "Pods are admitted by the labels of their namespace, so these come first. Helm keeps the namespace."
    return why


def _node(step: Step) -> str:
    match step:
        case Release():
            return f'["release<br/>{step.name} {step.version}{"" if step.hooks else "<br/>hooks off"}"]'
        case Gate():
            return f'{{{{"gate<br/>{step.kind} {step.object_name}<br/>{step.ready}"}}}}'
        case Queue():
            return f'(["queue<br/>{step.name}"])'
        case Namespace():
            return f'["namespace<br/>{step.namespace}"]'


def _edges(plan: Plan) -> Iterator[tuple[str, str]]:
    """The direct dependencies: those that other dependencies do not imply."""
    names = [step.name for step in plan.steps]
    numbers = {name: number for number, name in enumerate(names)}
    before = [[numbers[name] for name in step.depends_on] for step in plan.steps]
    for name, direct in zip(names, before, strict=True):
        implied = _implied(direct, before)
        yield from ((names[number], name) for number in direct if number not in implied)


def _implied(direct: Sequence[int], before: Sequence[Sequence[int]]) -> set[int]:
    """The steps among ``direct`` and before them that another of ``direct`` depends on; as many as decide about all."""
    found: set[int] = set()
    undecided = {*direct} - {max(direct, default=-1)}
    ahead = list(direct)
    while ahead and undecided:
        new = [number for number in before[ahead.pop()] if number not in found]
        found.update(new)
        undecided.difference_update(new)
        ahead += new
    return found
