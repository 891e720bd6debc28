"""Reads the cluster, and finds out why a gate did not open.

In an update, nothing but this and ``releases.py`` reads the cluster: after a failure, for the report only, and for at
most ``TIMEOUT_SECONDS``. The report has conditions, replica counts, container states and events, but no spec and no
Secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynamo_platform.planning.model import Gate

from . import kubeconfig

if TYPE_CHECKING:
    from lightkube import AsyncClient

TIMEOUT_SECONDS = 20.0
"""The time limit for reading the cluster, in seconds. After that, the report lists kubectl commands instead."""

MAX_EVENTS = 5
"""Events that the report shows for each workload and claim: the latest."""

MAX_MESSAGE_CHARS = 300
"""Characters that the report shows of a message."""

LiveObject = Mapping[str, Any]
"""An object of the cluster as JSON."""


class UnreadableError(Exception):
    """The cluster could not be read. The text is the reason."""


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """The cluster, and whether it can be read.

    Attributes:
        context: the kubeconfig context; None for the current one.
        readable: False if the program's own provider selects the cluster, because its kubeconfig is unknown here.
    """

    context: str | None
    readable: bool


@dataclass(frozen=True, kw_only=True)
class KaiInstallation(ClusterAccess):
    """The location of KAI Scheduler.

    Attributes:
        namespace: its namespace.
        external: whether its mode is ``external``.
    """

    namespace: str
    external: bool


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The objects that were read.

    Attributes:
        target: the gate's object; None if it does not exist.
        deployments: the Deployments in KAI Scheduler's namespace.
        pods: the Pods in that namespace.
        events: the events in that namespace.
    """

    target: LiveObject | None
    deployments: Sequence[LiveObject] = ()
    pods: Sequence[LiveObject] = ()
    events: Sequence[LiveObject] = ()


async def diagnose(gate: Gate, kai: KaiInstallation) -> list[str]:
    """Read the gate's object and the workloads in KAI Scheduler's namespace, and report what is not ready.

    Returns:
        The report, line by line.

    Raises:
        UnreadableError: the cluster could not be read, for any reason. A failing report must not hide the failed gate.
    """

    async def report() -> list[str]:
        return describe(gate, kai, await _read_cluster(gate, kai))

    return await read_within_limit(kai, report)


async def read_within_limit(cluster: ClusterAccess, report: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """Read the cluster for a report, for at most ``TIMEOUT_SECONDS``.

    Args:
        cluster: the cluster.
        report: reads it, and returns the report.

    Raises:
        UnreadableError: the cluster could not be read, for any reason. A failing report must not hide the failure that
            it is about.
    """
    if not cluster.readable:
        raise UnreadableError("the program's own provider selects the cluster")
    try:
        return await asyncio.wait_for(report(), TIMEOUT_SECONDS)
    except UnreadableError:
        raise
    except Exception as error:
        # The API server's message is useful. Other messages may quote the output of a credential plugin.
        from lightkube import ApiError  # noqa: PLC0415  not needed until a gate or release fails

        raise UnreadableError(str(error) if isinstance(error, ApiError) else type(error).__name__) from error


async def _read_cluster(gate: Gate, kai: KaiInstallation) -> Observation:
    from lightkube import ApiError  # noqa: PLC0415  not needed until a gate fails
    from lightkube.generic_resource import create_global_resource  # noqa: PLC0415
    from lightkube.resources.apps_v1 import Deployment  # noqa: PLC0415
    from lightkube.resources.core_v1 import Event, Pod  # noqa: PLC0415

    client = client_of(kai)
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
    return Observation(
        target=found and found.to_dict(),
        deployments=await list_objects(client, Deployment, kai.namespace),
        pods=await list_objects(client, Pod, kai.namespace),
        events=await list_objects(client, Event, kai.namespace),
    )


def client_of(cluster: ClusterAccess) -> AsyncClient:
    """A client for the cluster."""
    from lightkube import AsyncClient, KubeConfig  # noqa: PLC0415  not needed until a gate or release fails

    return AsyncClient(KubeConfig.from_file(kubeconfig_for(cluster.context)).get(cluster.context))


async def list_objects(client: AsyncClient, kind: Any, namespace: str | None = None) -> list[LiveObject]:
    """The objects of a kind, in the namespace if it has one."""
    return [item.to_dict() async for item in client.list(kind, namespace=namespace)]


def kubeconfig_for(context: str | None) -> Path:
    """The first kubeconfig file that has the context, or that has a current context if it is None."""
    for path in kubeconfig.files():
        found = context in kubeconfig.contexts(path) if context else kubeconfig.parse_file(path).get("current-context")
        if found:
            return path
    wanted = f"the context {context}" if context else "a current context"
    raise UnreadableError(f"no kubeconfig has {wanted}")


def describe(gate: Gate, kai: KaiInstallation, observation: Observation) -> list[str]:
    """The conditions of the gate's object, then the Deployments that are not ready, each with its pods and events."""
    lines = _describe_target(gate, observation.target)
    waiting = [deployment for deployment in observation.deployments if not is_rolled_out(deployment)]
    for deployment in waiting:
        lines += describe_workload("Deployment", deployment, observation.pods, observation.events)
    if not observation.deployments:
        lines.append(f"no Deployment in namespace {kai.namespace}")
    elif not waiting:
        lines.append(f"every Deployment in namespace {kai.namespace} is ready")
    if kai.external and observation.target is None:
        lines += [
            "KAI Scheduler was not found, and its mode is external: nothing was created. Install it in namespace",
            f"{kai.namespace}, set kaiScheduler.namespace to its namespace, or set kaiScheduler.mode to separate.",
        ]
    return lines


def kubectl(cluster: ClusterAccess) -> str:
    """The kubectl command for the cluster."""
    return f"kubectl --context {cluster.context}" if cluster.context else "kubectl"


def kubectl_commands(gate: Gate, kai: KaiInstallation) -> list[str]:
    """The kubectl commands that show the same."""
    group = gate.api_version.partition("/")[0]
    scope = f" -n {gate.namespace}" if gate.namespace else ""
    return [
        f"{kubectl(kai)} describe {gate.kind.lower()}s.{group} {gate.object_name}{scope}",
        f"{kubectl(kai)} get deployments,pods -n {kai.namespace}",
        f"{kubectl(kai)} get events -n {kai.namespace} --sort-by=.lastTimestamp",
    ]


def _describe_target(gate: Gate, target: LiveObject | None) -> list[str]:
    title = f"{gate.kind} {gate.object_name}"
    if target is None:
        return [f"{title} does not exist"]
    generation = target["metadata"].get("generation")
    conditions = target.get("status", {}).get("conditions") or []
    note = "" if conditions else ", has no conditions: no controller has reconciled it yet"
    lines = [f"{title}, generation {generation}{note}"]
    for condition in conditions:
        observed = condition.get("observedGeneration", generation)
        stale = "" if observed == generation else f" (observed generation {observed})"
        lines.append(f"  {condition['type']} {condition['status']}{stale}{reason_of(condition)}")
    return lines


def describe_workload(
    kind: str, workload: LiveObject, pods: Iterable[LiveObject], events: Iterable[LiveObject]
) -> list[str]:
    """A workload that is not ready: its pods that are not ready, and the latest events."""
    name, status = workload["metadata"]["name"], workload.get("status", {})
    available = status.get("numberAvailable" if kind == "DaemonSet" else "availableReplicas", 0)
    lines = [f"{kind} {name}: {available} of {_wanted_pods(workload)} pods available"]
    lines += [
        f"  {condition['type']} {condition['status']}{reason_of(condition)}"
        for condition in status.get("conditions") or []
        if (condition["status"] == "True") == (condition["type"] == "ReplicaFailure")
    ]
    own_pods = pods_of(workload, pods)
    return [*lines, *describe_pods(own_pods), *describe_events(kind, workload, events, own_pods)]


def pods_of(workload: LiveObject, pods: Iterable[LiveObject]) -> list[LiveObject]:
    """The pods that a workload selects."""
    labels = (workload["spec"]["selector"].get("matchLabels") or {}).items()
    return [pod for pod in pods if labels <= (pod["metadata"].get("labels") or {}).items()]


def describe_pods(pods: Iterable[LiveObject]) -> list[str]:
    """The pods that are neither ready nor done, each with its problems."""
    waiting = [pod for pod in pods if not _is_ready(pod) and pod.get("status", {}).get("phase") != "Succeeded"]
    return [f"  Pod {pod['metadata']['name']}: {'; '.join(_problems(pod))}" for pod in waiting]


def describe_events(
    kind: str, item: LiveObject, events: Iterable[LiveObject], pods: Iterable[LiveObject] = ()
) -> list[str]:
    """The latest events of an object and of its pods."""
    name = item["metadata"]["name"]
    names = {(kind, name), *(("Pod", pod["metadata"]["name"]) for pod in pods)}
    since = item["metadata"]["creationTimestamp"]  # there may still be events of a deleted one with its name
    own_events = [event for event in events if _is_about(event, kind, name, names) and _last_seen(event) >= since]
    return [f"  {_describe_event(event)}" for event in sorted(own_events, key=_last_seen)[-MAX_EVENTS:]]


def is_rolled_out(workload: LiveObject) -> bool:
    """Whether every pod of a Deployment or StatefulSet is of its newest generation, and available."""
    status, wanted = workload.get("status", {}), _wanted_pods(workload)
    return bool(
        status.get("observedGeneration") == workload["metadata"].get("generation")
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
    )


def _wanted_pods(workload: LiveObject) -> int:
    per_node = workload.get("status", {}).get("desiredNumberScheduled")
    return int(workload["spec"].get("replicas", 1) if per_node is None else per_node)


def _is_ready(pod: LiveObject) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _problems(pod: LiveObject) -> list[str]:
    """The phase, the reason why the pod is not scheduled, and the state of each container that is not ready."""
    status = pod.get("status", {})
    problems = [status.get("phase", "Unknown")]
    problems += [
        f"not scheduled{reason_of(condition)}"
        for condition in status.get("conditions") or []
        if condition["type"] == "PodScheduled" and condition["status"] != "True"
    ]
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in containers:
        if not container["ready"]:
            ((state, detail),) = (container.get("state") or {"waiting": {}}).items()
            code = f" with exit code {detail['exitCode']}" if "exitCode" in detail else ""
            restarts = f", restarts {container['restartCount']}" if container.get("restartCount") else ""
            problems.append(f"container {container['name']} {state}{code}{reason_of(detail)}{restarts}")
    return problems


def _is_about(event: LiveObject, kind: str, name: str, names: set[tuple[str, str]]) -> bool:
    about = event["involvedObject"]
    if kind == "Deployment" and about.get("kind") == "ReplicaSet":  # its name is the Deployment's and a hash
        return bool(about.get("name", "").rpartition("-")[0] == name)
    return (about.get("kind"), about.get("name")) in names


def _describe_event(event: LiveObject) -> str:
    about = event["involvedObject"]
    times = f" ({event['count']} times)" if event.get("count", 1) > 1 else ""
    return f"{_last_seen(event)} {event.get('type', 'Normal')} {about['kind']} {about['name']}{reason_of(event)}{times}"


def _last_seen(event: LiveObject) -> str:
    """The time of the last occurrence, to the second."""
    return f"{event.get('lastTimestamp') or event.get('eventTime') or event['metadata']['creationTimestamp']:.19}Z"


def reason_of(status: LiveObject) -> str:
    """The reason and message of a condition, a container's state or an event, in one line."""
    text = ": ".join(" ".join(str(status[key]).split()) for key in ("reason", "message") if status.get(key))
    return f": {text if len(text) <= MAX_MESSAGE_CHARS else text[:MAX_MESSAGE_CHARS] + '…'}" if text else ""
