"""Plans the two sides of a stack, determines what has to be rendered, and compares what was rendered. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Literal

from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import Finding, PlatformError, by_severity
from dynamo_platform.planning.choices import parse_version
from dynamo_platform.planning.model import Plan, Release, Rendering, Running
from dynamo_platform.planning.running import from_plan
from dynamo_platform.planning.sources import is_local
from dynamo_platform.planning.stacks import catalog_of, plan_stack, running_at
from dynamo_platform.rendering.changes import find_changes
from dynamo_platform.rendering.objects import Key, Object, Objects, read_objects
from dynamo_platform.trees import digest, value_at

from .model import STACK_OWNED, Comparison, Pair, RenderJob, Side
from .steps import find_step_changes

_CHARTS = ("chart", "kaiScheduler.chart", "grove.chart")
"""The settings that name a chart."""


def local_files(stack: Stack) -> list[str]:
    """The local charts of a configuration and the file of its catalog, as paths in its own spelling."""
    settings = stack.settings or {}
    charts = [value_at(settings, path) for path in _CHARTS]
    found = [chart for chart in charts if isinstance(chart, str) and is_local(chart)]
    return [*found, *(file for file in [settings.get("catalog")] if isinstance(file, str))]


def plan_pair(name: str, base: Side | None, head: Side | None) -> Pair:
    """Plan both sides of a stack, with the head as an upgrade from the base."""
    if base and head and _inputs_digest(base) == _inputs_digest(head):
        return Pair(name, "unchanged")
    before, base_errors = _try_plan(base.stack, None) if base else (None, ())
    running = from_plan(before) if before else _assume_running(base.stack) if base else None
    after, findings = _try_plan(head.stack, running) if head else (None, ())
    return Pair(
        name=name,
        state="changed" if base and head else "added" if head else "removed",
        base=before,
        head=after,
        findings=findings,
        base_errors=() if before else tuple(each for each in base_errors if each.severity == "error"),
        charts=(base.charts if base else {}, head.charts if head else {}),
    )


def _inputs_digest(side: Side) -> str:
    """A digest of everything that determines the plan, including types, because ``true`` is not 1."""
    return digest([side.stack.settings, side.stack.problems, side.charts])


def _try_plan(stack: Stack, running: Running | None) -> tuple[Plan | None, tuple[Finding, ...]]:
    try:
        plan = plan_stack(stack, running)
    except PlatformError as error:
        return None, error.findings
    return plan, plan.findings


def _assume_running(stack: Stack) -> Running | None:
    """The assumed installation if the base cannot be planned, from its version alone; None for an unknown version."""
    given = (stack.settings or {}).get("version")
    version = parse_version(given) if isinstance(given, str) else None
    known = catalog_of(stack).platform.known_minors
    return running_at(stack, str(version)) if version and version.minor_line in known else None


def render_jobs(pair: Pair) -> dict[str, RenderJob]:
    """The releases to render, by a digest of everything that determines their objects. Equal releases are left out."""
    if pair.head is None:
        return {}
    base, head = _releases_by_digest(pair, 0), _releases_by_digest(pair, 1)
    jobs: dict[str, RenderJob] = {}
    if pair.base:
        jobs |= {each: RenderJob(base[each], pair.base.rendering, "base") for each in base if each not in head}
    return jobs | {each: RenderJob(head[each], pair.head.rendering, "head") for each in head if each not in base}


def _releases_by_digest(pair: Pair, side: Literal[0, 1]) -> dict[str, Release]:
    plan, charts = (pair.base, pair.head)[side], pair.charts[side]
    return {_release_digest(release, plan.rendering, charts): release for release in plan.releases} if plan else {}


def _release_digest(release: Release, rendering: Rendering, charts: Mapping[str, str]) -> str:
    decisive = release._replace(timeout=0, depends_on=())
    return digest([decisive, rendering, charts.get(release.chart)])


def compare(pair: Pair, rendered: Mapping[str, Mapping[Key, Object] | list[Finding]]) -> Comparison:
    """The changes of a stack.

    Args:
        pair: the stack.
        rendered: the objects, or the findings about a failed rendering, by the digests of :func:`render_jobs`.
    """
    if pair.state == "unchanged":
        return Comparison(pair.name, "unchanged")
    if pair.head is None:
        return Comparison(pair.name, pair.state, pair.findings, pair.base_errors, objects=None)
    base, head = _releases_by_digest(pair, 0), _releases_by_digest(pair, 1)
    failed_base, failed_head = (
        {release.name: result for digest, release in side.items() if isinstance(result := rendered.get(digest), list)}
        for side in (base, head)
    )
    unknown = failed_base | failed_head
    before, after = (
        {
            release.name: result
            for digest, release in side.items()
            if not isinstance(result := rendered.get(digest, {}), list) and release.name not in unknown
        }
        | {STACK_OWNED: _queue_objects(plan)}
        for side, plan in ((base, pair.base), (head, pair.head))
    )
    known = pair.base is not None or pair.state == "added"
    return Comparison(
        name=pair.name,
        state=pair.state,
        findings=by_severity([*pair.findings, *chain.from_iterable(failed_head.values())]),
        base_errors=by_severity([*pair.base_errors, *chain.from_iterable(failed_base.values())]),
        steps=tuple(find_step_changes(pair)) if known else (),
        equal=() if _moves(pair) else tuple(f"{head[each].name} {head[each].version}" for each in head if each in base),
        objects=tuple(find_changes(before, after)) if known else None,
        unknown=tuple(unknown),
        images=_changed_images(before, after) if known else ((), ()),
    )


def _moves(pair: Pair) -> bool:
    """Whether the head installs everything into another cluster."""
    return bool(pair.base and pair.head and pair.base.cluster and pair.base.cluster != pair.head.cluster)


def compare_objects(name: str, base: Objects, head: Objects) -> Comparison:
    """The changes between two sets of objects."""
    changes = tuple(find_changes(base, head))
    state: Literal["changed", "unchanged"] = "changed" if changes else "unchanged"
    return Comparison(name, state, objects=changes, images=_changed_images(base, head))


def _changed_images(base: Objects, head: Objects) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = (
        {image for items in side.values() for item in items.values() for image in item.images} for side in (base, head)
    )
    return tuple(sorted(after - before)), tuple(sorted(before - after))


def _queue_objects(plan: Plan | None) -> dict[Key, Object]:
    manifests = [queue.manifest for queue in (plan.queues if plan else ())]
    return read_objects(manifests, manifests, "", hooks=False)
