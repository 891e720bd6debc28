"""Pods that kwok leaves alone: this process reports their status, as a kubelet would."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import yaml
from lightkube import ApiError
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.core_v1 import ConfigMap, Event, Pod

from sandbox.operators.cluster import Cluster, Manifest
from sandbox.operators.operator import Operator

BACK_OFF_SECONDS = 2.0
"""Seconds before a failed init container runs again."""
INJECTED_FAULT = "held back by the fault that was injected"


class PodRunner(Operator):
    """An operator that runs pods of its own."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.pods = cluster.store(Pod)
        self.config_maps = cluster.store(ConfigMap)
        self._initialized: set[str] = set()

    def scheduled_pods(self, label: str) -> Iterator[tuple[str, Pod]]:
        """The label's value and the pod, for each unfinished pod with that label that its node should be running."""
        for pod in self.pods:
            metadata, spec, status = pod.metadata, pod.spec, pod.status
            if not (metadata and spec and spec.nodeName and status) or metadata.deletionTimestamp:
                continue
            if label in (metadata.labels or {}) and status.phase in {"Pending", "Running"}:
                yield (metadata.labels or {})[label], pod

    def can_start(self, workload: str, pod: Pod) -> bool:
        """Whether the pod can start: its ConfigMaps exist, and its delay is over."""
        left = max(self.cluster.pod_delay, self.faults.delay(workload)) - seconds_since_scheduled(pod)
        if left > 0:
            self.requeue_after(left)
        return left <= 0 and None not in self._config_maps(pod)

    def configuration(self, pod: Pod) -> Any:
        """The parsed `config.yaml` that is mounted into the pod; an empty mapping if there is none."""
        texts = [(config_map.data or {}).get("config.yaml", "") for config_map in self._config_maps(pod) if config_map]
        return yaml.safe_load("".join(texts)) or {}

    async def apply_crds(self, crds: Sequence[Manifest], manager: str) -> None:
        """Server-side applies the CRDs, all at once; raises the first one's ApiError."""
        applied = (self.cluster.apply(CustomResourceDefinition, crd, manager) for crd in crds)
        for outcome in await asyncio.gather(*applied, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def initialize(self, pod: Any, load: Callable[[], Sequence[Manifest]], manager: str) -> str | None:
        """Applies CRDs as an init container: once for each pod; returns why that fails, and tries again.

        `load` reads them; with real charts that takes seconds, so it runs in a thread.
        """
        if pod.metadata.uid not in self._initialized:
            crds = await asyncio.to_thread(load)
            if not self._exists(pod):  # deleted meanwhile: CRDs applied now would stay behind
                return None
            try:
                await self.apply_crds(crds, manager)
            except ApiError as error:
                self.requeue_after(BACK_OFF_SECONDS)
                return str(error)
            self._initialized.add(pod.metadata.uid)
        return None

    def _exists(self, pod: Any) -> bool:
        now = self.pods.get(pod.metadata.name, pod.metadata.namespace)
        return bool(
            now and now.metadata and now.metadata.uid == pod.metadata.uid and not now.metadata.deletionTimestamp
        )

    async def _report(self, pod: Pod, status: Manifest, summary: str) -> None:
        if pod.metadata and await self.cluster.patch_status(pod, status):
            self.log.info("%s/%s: %s", pod.metadata.namespace, pod.metadata.name, summary)

    def _config_maps(self, pod: Pod) -> list[ConfigMap | None]:
        namespace = pod.metadata.namespace if pod.metadata else None
        volumes = (pod.spec.volumes if pod.spec else None) or []
        sources = [volume.configMap for volume in volumes if volume.configMap and not volume.configMap.optional]
        return [self.config_maps.get(source.name or "", namespace) for source in sources]

    async def report_state(self, pod: Pod, problem: str | None = None) -> None:
        """Reports the pod ready, or crashing with that problem, unless it already says so."""
        if reported_problem(pod) != (problem or ""):
            await self._report(pod, crashing_status(pod, problem) if problem else ready_status(pod), problem or "ready")
            if problem:
                await self.cluster.client.create(cast("Any", Event).from_dict(back_off_event(pod)))

    async def report_finished(self, pod: Pod, problem: str | None = None) -> None:
        """Reports the pod of a Job succeeded, or failed with that problem."""
        await self._report(pod, finished_status(pod, problem), problem or "succeeded")


def image_version(pod: Pod) -> str:
    """Image tag of the first container."""
    return image_tag(pod.spec.containers[0].image if pod.spec else None)


def init_image_version(pod: Pod, name: str) -> str | None:
    """Image tag of the init container of that name; None if there is none such."""
    containers = (pod.spec.initContainers if pod.spec else None) or []
    return next((image_tag(container.image) for container in containers if container.name == name), None)


def image_tag(image: str | None) -> str:
    """What follows the last colon of an image reference, without KAI's suffix for FIPS builds; may be empty."""
    return (image or "").rpartition("/")[2].partition(":")[2].removesuffix("-fips")


def seconds_since_scheduled(pod: Pod) -> float:
    """Seconds since the pod was scheduled."""
    for condition in (pod.status.conditions if pod.status else None) or []:
        if condition.type == "PodScheduled" and condition.lastTransitionTime:
            return (datetime.now(UTC) - condition.lastTransitionTime).total_seconds()
    return 0.0


def reported_problem(pod: Pod) -> str | None:
    """What `keep` last reported: the problem, "" for ready, None when it has said nothing yet."""
    for container in (pod.status.containerStatuses if pod.status else None) or []:
        if container.state and container.state.waiting and container.state.waiting.reason == "CrashLoopBackOff":
            return container.state.waiting.message
        if container.state and container.state.running:
            return ""
    return None


def ready_status(pod: Pod) -> Manifest:
    """Status of a pod whose containers all run."""
    now = _now()
    return {
        "phase": "Running",
        "startTime": now,
        "conditions": _conditions(now, ready=True),
        "initContainerStatuses": _statuses(pod, "initContainers", {"terminated": _exit(now)}, ready=True),
        "containerStatuses": _statuses(pod, "containers", {"running": {"startedAt": now}}, ready=True),
    }


def crashing_status(pod: Pod, problem: str) -> Manifest:
    """Status of a pod whose containers exit and are started again, with the problem as their last words."""
    now = _now()
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": problem}}
    return {
        "phase": "Running",
        "startTime": now,
        "conditions": _conditions(now, ready=False),
        "initContainerStatuses": _statuses(pod, "initContainers", {"terminated": _exit(now)}, ready=True),
        "containerStatuses": _statuses(pod, "containers", waiting, ready=False, restarts=1),
    }


def back_off_event(pod: Any) -> Manifest:
    """The kubelet's event about a container that it starts again and again."""
    now, name, namespace = _now(), pod.metadata.name, pod.metadata.namespace
    container = pod.spec.containers[0].name
    return {
        "metadata": {"generateName": f"{name}.", "namespace": namespace},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": name,
            "namespace": namespace,
            "uid": pod.metadata.uid,
            "fieldPath": f"spec.containers{{{container}}}",
        },
        "type": "Warning",
        "reason": "BackOff",
        "message": f"Back-off restarting failed container {container} in pod {name}_{namespace}({pod.metadata.uid})",
        "source": {"component": "kubelet", "host": pod.spec.nodeName},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def finished_status(pod: Pod, problem: str | None) -> Manifest:
    """Status of a pod that ran to its end."""
    now = _now()
    return {
        "phase": "Failed" if problem else "Succeeded",
        "startTime": now,
        "message": problem,
        "conditions": _conditions(now, ready=False),
        "containerStatuses": _statuses(pod, "containers", {"terminated": _exit(now, problem)}, ready=False),
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(now: str, *, ready: bool) -> list[Manifest]:
    states = {"Initialized": True, "ContainersReady": ready, "Ready": ready}
    reason = None if ready else "ContainersNotReady"
    return [
        {"type": kind, "status": str(state), "lastTransitionTime": now, "reason": None if state else reason}
        for kind, state in states.items()
    ]


def _exit(now: str, problem: str | None = None) -> Manifest:
    code, reason = (1, "Error") if problem else (0, "Completed")
    return {"exitCode": code, "reason": reason, "message": problem, "startedAt": now, "finishedAt": now}


def _statuses(pod: Pod, kind: str, state: Manifest, *, ready: bool, restarts: int = 0) -> list[Manifest]:
    listed: list[Any] = getattr(pod.spec, kind) or []
    return [
        {
            "name": container.name,
            "image": container.image or "",
            "imageID": "",
            "ready": ready,
            "restartCount": restarts,
            "state": state,
        }
        for container in listed
    ]
