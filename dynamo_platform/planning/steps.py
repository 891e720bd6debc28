"""The steps of a plan: releases, gates and queues, each after everything it depends on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dynamo_platform.catalog.model import Chart
from dynamo_platform.config.model import QueueConfig, QueueResource, ReleaseConfig
from dynamo_platform.trees import digest, value_at
from dynamo_platform.versions import Version

from .choices import DEFAULT_TIMEOUT_SECONDS, Choices, Dependency, ReleaseName
from .model import Gate, Namespace, Queue, Release, Step
from .queues import RESOURCES, parents_first
from .sources import located, mirrored


def steps_of(c: Choices) -> list[Step]:
    """The steps, in order."""
    assert c.version  # noqa: S101  a plan without errors has a version
    # A bundled chart creates its two queues itself; only additional ones have to wait for the webhook.
    gates = _gates(c) if c.replaces_hooks or (c.kai.mode == "bundled" and c.config.queues) else []
    queues = _queues(c, gates[-1].name) if gates else []
    steps: list[Step] = [*_namespaces(c)]
    if c.kai.mode == "separate":
        steps.append(_dependency_release(c, c.kai))
    if c.replaces_hooks:
        steps += [*gates, *queues]
    if c.grove.mode == "separate":
        steps.append(_dependency_release(c, c.grove))
    platform = _planned_release(
        c,
        "dynamo-platform",
        c.config,
        c.catalog.platform,
        c.version,
        namespace=c.namespace,
        after=[step.name for step in steps],
    )
    # The chart's only hooks are the two queues, deleted and recreated at every upgrade.
    steps.append(platform._replace(hooks=not c.replaces_hooks))
    if not c.replaces_hooks:
        steps += [*gates, *queues]
    return steps


def _namespaces(c: Choices) -> list[Namespace]:
    """The namespaces of the releases that have labels or annotations; before any release, because pods need them."""
    return [
        Namespace(f"namespace-{name}", name, labels, annotations)
        for name, (labels, annotations) in c.namespaces.items()
        if labels or annotations
    ]


def _dependency_release(c: Choices, d: Dependency) -> Release:
    assert d.version  # noqa: S101  a plan without errors has a version for every release
    needs_kai = c.catalog.kai_and_grove.needs_kai_at_start.values if d is c.grove and c.kai.mode == "separate" else ()
    waits = any(value_at(c.values[d.name], path) is True for path in needs_kai)
    return _planned_release(
        c, d.name, d.config, d.chart, d.version, namespace=d.namespace, after=[c.kai.name] if waits else []
    )


def _planned_release(
    c: Choices,
    name: ReleaseName,
    config: ReleaseConfig,
    upstream: Chart,
    version: Version,
    *,
    namespace: str,
    after: Sequence[str],
) -> Release:
    repository = config.repository or mirrored(upstream.repository(version), c.config.registry)
    chart, source = located(config.chart or upstream.chart, repository)
    labelled = [f"namespace-{namespace}"] if any(c.namespaces[namespace]) else []
    return Release(
        name=name,
        namespace=namespace,
        chart=chart,
        repository=source,
        version=str(version),
        values=c.values[name],
        hooks=True,
        timeout=config.timeout or DEFAULT_TIMEOUT_SECONDS,
        depends_on=tuple(dict.fromkeys([*labelled, *after])),
    )


def _gates(c: Choices) -> list[Gate]:
    """The gates that wait until KAI Scheduler is ready, in the catalog's order."""
    external, bundled = c.kai.mode == "external", c.kai.mode == "bundled"
    release = c.catalog.platform.chart if bundled else c.kai.name
    values = c.values["dynamo-platform"].get(c.kai.name) if bundled else c.values[c.kai.name]
    stamp = f"{c.kai.version or 'external'} {digest([c.kai.mode, values])}"
    gates: list[Gate] = []
    before: tuple[str, ...] = () if external else (release,)
    for row, _ in c.catalog.kai_scheduler.gates_for(external=external):
        gates.append(
            Gate(
                name=row.name,
                api_version=row.api_version,
                kind=row.kind,
                object_name=row.object_name,
                namespace=None if row.condition else c.kai.namespace,
                condition=row.condition,
                stamp=stamp,
                timeout=c.kai.config.timeout or DEFAULT_TIMEOUT_SECONDS,
                depends_on=before,
            )
        )
        before = (row.name,)
    return gates


def _queues(c: Choices, last_gate: str) -> list[Queue]:
    """The queues that this stack owns, parents first."""
    wanted = {name: node.queue for name, node in c.queues.items() if node.owned}
    # The chart's hook created them, and Helm does not delete what a hook created.
    of_the_chart = c.catalog.platform.queues.names if c.running and c.running.kai.mode == "bundled" else ()
    queues: list[Queue] = []
    for queue in parents_first(wanted):
        spec = {key: value for key, value in _own_fields(queue).items() if value is not None}
        spec["resources"] = {kind: _resource(getattr(queue, kind)) for kind in RESOURCES}
        parent = (queue.parent,) if queue.parent in wanted else ()
        queues.append(
            Queue(
                name=queue.name,
                spec=spec,
                labels=queue.labels or None,
                adopted=queue.name in of_the_chart,
                depends_on=(last_gate, *parent),
            )
        )
    return queues


def _own_fields(queue: QueueConfig) -> dict[str, Any]:
    """The fields of a queue's spec, but for its shares."""
    return {
        "displayName": queue.display_name,
        "parentQueue": queue.parent,
        "priority": queue.priority,
        "preemptMinRuntime": queue.preempt_min_runtime,
        "reclaimMinRuntime": queue.reclaim_min_runtime,
    }


def _resource(resource: QueueResource | None) -> dict[str, float]:
    # Always write both numbers: KAI Scheduler reads a missing one as 0.
    given = resource or QueueResource.model_construct(quota=-1, limit=-1)
    amounts = {"quota": given.quota, "limit": given.limit, "overQuotaWeight": given.over_quota_weight}
    return {key: int(amount) if float(amount).is_integer() else amount for key, amount in amounts.items()}
