"""The changes between the steps of two plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dynamo_platform.findings import quote_value
from dynamo_platform.planning.model import Gate, Plan, Queue, Release, Step
from dynamo_platform.trees import walk

from .model import Pair, StepChange

VALUE_LABEL = "value "
"""The start of a fact about a chart value."""

_NOT_FACTS = {"name", "depends_on", "values", "spec", "stamp", "adopted", "chart", "repository"}
"""Fields of steps that are compared in another way, or that follow from other fields."""


def find_step_changes(pair: Pair) -> Iterator[StepChange]:
    """The changes of a plan, in the order of the head's steps, then the steps that are removed."""
    if pair.base and pair.head and (facts := _changed_facts(_plan_facts(pair.base), _plan_facts(pair.head))):
        yield StepChange("plan", "", "~", facts)
    old, new = (
        {(type(step), step.name): step for step in plan.steps} if plan else {} for plan in (pair.base, pair.head)
    )
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key), new.get(key)
        kind, name = key[0].__name__.lower(), key[1]
        if before and after:
            facts = _changed_facts(_step_facts(before), _step_facts(after)) + _hidden_changes(
                before, after, pair.charts
            )
            if facts:
                yield StepChange(kind, name, "~", facts)
        else:
            settings = _step_facts(after or before)
            facts = tuple(f"{label} {text}" for label, text in settings.items() if not label.startswith(VALUE_LABEL))
            yield StepChange(kind, name, "+" if after else "-", facts)


def _hidden_changes(before: Step, after: Step, charts: tuple[Mapping[str, str], Mapping[str, str]]) -> tuple[str, ...]:
    """The changes of a step that its facts do not show."""
    match before, after:
        case Gate(), Gate() if before.stamp != after.stamp:
            return ("waits again",)
        case Release(), Release() if before.chart == after.chart:
            same = charts[0].get(before.chart) == charts[1].get(after.chart)
            return () if same else ("another chart at the same path",)
    return ()


def _plan_facts(plan: Plan) -> dict[str, str]:
    """The settings of the whole plan, as labels and texts."""
    return {
        "cluster": plan.cluster or "the current context",
        "profile": plan.profile,
        "protect": quote_value(plan.protect),
        **{f"mode of {name}": mode for name, mode in plan.modes.items()},
        "Kubernetes version": plan.rendering.kubernetes_version,
        "optional APIs": ", ".join([*plan.rendering.api_versions, *(f"{api}?" for api in plan.rendering.open_apis)]),
    }


def _step_facts(step: Step | None) -> dict[str, str]:
    """The settings of a step, as labels and texts."""
    facts = {
        field.replace("_", " "): value if isinstance(value, str) else quote_value(value)
        for field, value in (step._asdict() if step else {}).items()
        if field not in _NOT_FACTS and value is not None and value != {}
    }
    match step:
        case Release():
            facts["chart"] = step.source
            facts |= {f"{VALUE_LABEL}{path}": quote_value(value) for path, value in walk(step.values)}
        case Queue():
            facts |= {path: quote_value(value) for path, value in walk(step.spec)}
    return facts


def _changed_facts(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{label} {before.get(label, 'nothing')} → {after.get(label, 'nothing')}"
        for label in [*after, *(label for label in before if label not in after)]
        if before.get(label) != after.get(label)
    )
