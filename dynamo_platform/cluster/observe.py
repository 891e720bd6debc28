"""What the cluster shows of a gate that did not open.

The cluster is read here and nowhere else in the package: after a failure, for the report alone, and never for longer
than ``PATIENCE``. What is read are conditions, replica counts, container states and events; no spec, no Secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynamo_platform.planning.model import Gate

from . import kubeconfig

if TYPE_CHECKING:
    from lightkube import AsyncClient

PATIENCE = 20.0
"""Seconds that reading may take before the report does without."""

EVENTS = 5
"""Events shown of each Deployment, the latest ones."""

LONGEST = 300
"""Characters shown of a message."""

Object = Mapping[str, Any]
"""A Kubernetes object as JSON."""


class UnreadableError(Exception):
    """The cluster could not be read; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where KAI Scheduler is, and whether it can be looked at.

    Attributes:
        namespace: KAI Scheduler's.
        context: the kubeconfig's context; None for the current one.
        readable: False where a provider of the program's, whose kubeconfig is not known here, decides the cluster.
        external: whether someone else installed KAI Scheduler.
    """

    namespace: str
    context: str | None
    readable: bool
    external: bool


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was read.

    Attributes:
        target: the gate's object; None where there is none.
        deployments: all of KAI Scheduler's namespace, like the next two.
        pods: the pods.
        events: the events.
    """

    target: Object | None
    deployments: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    events: Sequence[Object] = ()


async def look(gate: Gate, around: Surroundings) -> list[str]:
    """Read the gate's object and what runs in KAI Scheduler's namespace, and say in lines what is wrong.

    Raises:
        UnreadableError: for whatever reason; a report that fails must not hide what it is about.
    """
    if not around.readable:
        raise UnreadableError("the program's own provider decides which cluster it is")
    try:
        return describe(gate, around, await asyncio.wait_for(_read(gate, around), PATIENCE))
    except UnreadableError:
        raise
    except Exception as error:
        # The API server's own words are worth showing; other texts may quote what a credential plugin printed.
        from lightkube import ApiError  # noqa: PLC0415  not needed until a gate fails

        raise UnreadableError(str(error) if isinstance(error, ApiError) else type(error).__name__) from error


async def _read(gate: Gate, around: Surroundings) -> Seen:
    from lightkube import ApiError, AsyncClient, KubeConfig  # noqa: PLC0415  not needed until a gate fails
    from lightkube.generic_resource import create_global_resource  # noqa: PLC0415
    from lightkube.resources.apps_v1 import Deployment  # noqa: PLC0415
    from lightkube.resources.core_v1 import Event, Pod  # noqa: PLC0415

    client = AsyncClient(KubeConfig.from_file(_file(around.context)).get(around.context))
    found: Any = None
    try:
        if gate.kind == "Deployment":
            found = await client.get(Deployment, gate.object_name, namespace=gate.namespace)
        else:
            group, _, version = gate.api_version.partition("/")
            kind = create_global_resource(group, version, gate.kind, f"{gate.kind.lower()}s")
            found = await client.get(kind, gate.object_name)
    except ApiError as error:
        if error.status.code != HTTPStatus.NOT_FOUND:
            raise
    return Seen(
        target=found and found.to_dict(),
        deployments=await _listed(client, Deployment, around.namespace),
        pods=await _listed(client, Pod, around.namespace),
        events=await _listed(client, Event, around.namespace),
    )


async def _listed(client: AsyncClient, kind: Any, namespace: str) -> list[Object]:
    return [item.to_dict() async for item in client.list(kind, namespace=namespace)]


def _file(context: str | None) -> Path:
    """The first kubeconfig that has the context, or says which is the current one."""
    for path in kubeconfig.files():
        if kubeconfig.load(path).get("current-context") if context is None else context in kubeconfig.contexts(path):
            return path
    raise UnreadableError("no kubeconfig names the cluster")


def describe(gate: Gate, around: Surroundings, seen: Seen) -> list[str]:
    """What was seen, in lines: the object's conditions, then the Deployments that are not ready, each with its pods."""
    lines = _object(gate, seen.target)
    waiting = [deployment for deployment in seen.deployments if not _rolled_out(deployment)]
    for deployment in waiting:
        lines += _deployment(deployment, seen.pods, seen.events)
    if not seen.deployments:
        lines.append(f"no Deployment in namespace {around.namespace}")
    elif not waiting:
        lines.append(f"every Deployment in namespace {around.namespace} is ready")
    if around.external and seen.target is None:
        lines += [
            "KAI Scheduler is not there, and its mode is external: nothing was created. Install it in namespace",
            f"{around.namespace}, set its namespace to where it is, or set its mode to separate.",
        ]
    return lines


def commands(gate: Gate, around: Surroundings) -> list[str]:
    """What shows the same with kubectl."""
    kubectl = f"kubectl --context {around.context}" if around.context else "kubectl"
    group = gate.api_version.partition("/")[0]
    where = f" -n {gate.namespace}" if gate.namespace else ""
    return [
        f"{kubectl} describe {gate.kind.lower()}s.{group} {gate.object_name}{where}",
        f"{kubectl} get deployments,pods -n {around.namespace}",
        f"{kubectl} get events -n {around.namespace} --sort-by=.lastTimestamp",
    ]


def _object(gate: Gate, target: Object | None) -> list[str]:
    title = f"{gate.kind} {gate.object_name}"
    if target is None:
        return [f"{title} is not there"]
    generation = target["metadata"].get("generation")
    conditions = target.get("status", {}).get("conditions") or []
    lines = [f"{title}, generation {generation}{'' if conditions else ', has no conditions: nobody looked at it yet'}"]
    for condition in conditions:
        observed = condition.get("observedGeneration", generation)
        of = "" if observed == generation else f" (of generation {observed})"
        lines.append(f"  {condition['type']} {condition['status']}{of}{_why(condition)}")
    return lines


def _deployment(deployment: Object, pods: Iterable[Object], events: Iterable[Object]) -> list[str]:
    name, spec, status = deployment["metadata"]["name"], deployment["spec"], deployment.get("status", {})
    lines = [f"Deployment {name}: {status.get('availableReplicas', 0)} of {_replicas(deployment)} pods available"]
    lines += [
        f"  {condition['type']} {condition['status']}{_why(condition)}"
        for condition in status.get("conditions") or []
        if (condition["status"] == "True") == (condition["type"] == "ReplicaFailure")
    ]
    labels = (spec["selector"].get("matchLabels") or {}).items()
    mine = [pod for pod in pods if labels <= (pod["metadata"].get("labels") or {}).items()]
    lines += [f"  Pod {pod['metadata']['name']}: {'; '.join(_troubles(pod))}" for pod in mine if not _ready(pod)]
    names = {name, *(pod["metadata"]["name"] for pod in mine)}
    since = deployment["metadata"]["creationTimestamp"]  # events of an earlier one of that name may still be there
    told = [event for event in events if _is_about(event, name, names) and _time(event) >= since]
    lines += [f"  {_event(event)}" for event in sorted(told, key=_time)[-EVENTS:]]
    return lines


def _rolled_out(deployment: Object) -> bool:
    status, wanted = deployment.get("status", {}), _replicas(deployment)
    return bool(
        status.get("observedGeneration") == deployment["metadata"].get("generation")
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
    )


def _replicas(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _troubles(pod: Object) -> list[str]:
    """The phase, why it is not scheduled, and the state of each container that is not ready."""
    status = pod.get("status", {})
    troubles = [status.get("phase", "Unknown")]
    troubles += [
        f"not scheduled{_why(condition)}"
        for condition in status.get("conditions") or []
        if condition["type"] == "PodScheduled" and condition["status"] != "True"
    ]
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in containers:
        if not container["ready"]:
            ((state, detail),) = (container.get("state") or {"waiting": {}}).items()
            code = f" with exit code {detail['exitCode']}" if "exitCode" in detail else ""
            restarts = f", restarts {container['restartCount']}" if container.get("restartCount") else ""
            troubles.append(f"container {container['name']} {state}{code}{_why(detail)}{restarts}")
    return troubles


def _is_about(event: Object, deployment: str, names: set[str]) -> bool:
    about = event["involvedObject"]
    if about.get("kind") == "ReplicaSet":  # named after its Deployment, and a hash
        return bool(about.get("name", "").rpartition("-")[0] == deployment)
    return about.get("kind") in {"Deployment", "Pod"} and about.get("name") in names


def _event(event: Object) -> str:
    about = event["involvedObject"]
    times = f" ({event['count']} times)" if event.get("count", 1) > 1 else ""
    return f"{_time(event)} {event.get('type', 'Normal')} {about['kind']} {about['name']}{_why(event)}{times}"


def _time(event: Object) -> str:
    """When it was last seen, to the second."""
    return f"{event.get('lastTimestamp') or event.get('eventTime') or event['metadata']['creationTimestamp']:.19}Z"


def _why(said: Object) -> str:
    """Reason and message of a condition, a container's state or an event, in one line."""
    text = ": ".join(" ".join(str(said[key]).split()) for key in ("reason", "message") if said.get(key))
    return f": {text if len(text) <= LONGEST else text[:LONGEST] + '…'}" if text else ""
