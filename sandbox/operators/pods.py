"""Pods that kwok skips: this process reports their status, like a kubelet."""

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
"""The delay before a failed init container is restarted."""
INJECTED_FAULT = "held back by the fault that was injected"


class PodRunner(Operator):
    """An operator that runs pods."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.pods = cluster.store(Pod)
        self.config_maps = cluster.store(ConfigMap)
        self._initialized: set[str] = set()

    def scheduled_pods(self, label: str) -> Iterator[tuple[str, Pod]]:
        """Yield the label's value and the pod, for each scheduled, unfinished pod with that label."""
        for pod in self.pods:
            metadata, spec, status = pod.metadata, pod.spec, pod.status
            if not (metadata and spec and spec.nodeName and status) or metadata.deletionTimestamp:
                continue
            if label in (metadata.labels or {}) and status.phase in {"Pending", "Running"}:
                yield (metadata.labels or {})[label], pod

    def can_start(self, workload: str, pod: Pod) -> bool:
        """Return whether the pod can start: its ConfigMaps exist, and its delay is over."""
        left = max(self.cluster.pod_delay, self.faults.delay(workload)) - seconds_since_scheduled(pod)
        if left > 0:
            self.requeue_after(left)
        return left <= 0 and None not in self._config_maps(pod)

    def configuration(self, pod: Pod) -> Any:
        """Return the parsed `config.yaml` that is mounted into the pod; empty if there is none."""
        texts = [(config_map.data or {}).get("config.yaml", "") for config_map in self._config_maps(pod) if config_map]
        return yaml.safe_load("".join(texts)) or {}

    async def apply_crds(self, crds: Sequence[Manifest], manager: str) -> None:
        """Server-side apply the CRDs in parallel; raise the first ApiError."""
        applied = (self.cluster.apply(CustomResourceDefinition, crd, manager) for crd in crds)
        for outcome in await asyncio.gather(*applied, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def initialize(self, pod: Any, load: Callable[[], Sequence[Manifest]], manager: str) -> str | None:
        """Apply CRDs like an init container, once for each pod; on failure, return the reason and retry later.

        `load` reads the CRDs in a thread, because this takes seconds with real charts.
        """
        if pod.metadata.uid not in self._initialized:
            crds = await asyncio.to_thread(load)
            if not self._exists(pod):  # the pod was deleted: CRDs applied now would be left over
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
        """Report the pod as ready, or as waiting with that problem, unless it was reported before."""
        if reported_problem(pod) != (problem or ""):
            pulled = self.faults.pulls
            status = waiting_status(pod, problem, pulled=pulled) if problem else ready_status(pod)
            await self._report(pod, status, problem or "ready")
            if problem:
                await self.cluster.client.create(cast("Any", Event).from_dict(back_off_event(pod, pulled=pulled)))

    async def report_finished(self, pod: Pod, problem: str | None = None) -> None:
        """Report the pod of a Job as succeeded, or as failed with that problem."""
        await self._report(pod, finished_status(pod, problem), problem or "succeeded")


def image_version(pod: Pod) -> str:
    """Return the image tag of the first container."""
    return image_tag(pod.spec.containers[0].image if pod.spec else None)


def init_image_version(pod: Pod, name: str) -> str | None:
    """Return the image tag of the init container with that name, or None."""
    containers = (pod.spec.initContainers if pod.spec else None) or []
    return next((image_tag(container.image) for container in containers if container.name == name), None)


def image_tag(image: str | None) -> str:
    """Return the tag of an image reference, without KAI's suffix for FIPS builds; may be empty."""
    return (image or "").rpartition("/")[2].partition(":")[2].removesuffix("-fips")


def seconds_since_scheduled(pod: Pod) -> float:
    """Return the seconds since the pod was scheduled."""
    for condition in (pod.status.conditions if pod.status else None) or []:
        if condition.type == "PodScheduled" and condition.lastTransitionTime:
            return (datetime.now(UTC) - condition.lastTransitionTime).total_seconds()
    return 0.0


def reported_problem(pod: Pod) -> str | None:
    """Return what `report_state` last reported: the problem, "" for ready, None for nothing yet."""
    for container in (pod.status.containerStatuses if pod.status else None) or []:
        if container.state and container.state.waiting and container.state.waiting.message:
            return container.state.waiting.message
        if container.state and container.state.running:
            return ""
    return None


def ready_status(pod: Pod) -> Manifest:
    """Return the status of a pod whose containers are all running."""
    now = _now()
    return {
        "phase": "Running",
        "startTime": now,
        "conditions": _conditions(now, ready=True),
        "initContainerStatuses": _statuses(pod, "initContainers", {"terminated": _exit(now)}, ready=True),
        "containerStatuses": _statuses(pod, "containers", {"running": {"startedAt": now}}, ready=True),
    }


def waiting_status(pod: Pod, problem: str, *, pulled: bool = True) -> Manifest:
    """Return the status of a pod whose containers crash, or have no image, with the problem as message."""
    now = _now()
    waiting = {"waiting": {"reason": "CrashLoopBackOff" if pulled else "ImagePullBackOff", "message": problem}}
    return {
        "phase": "Running" if pulled else "Pending",
        "startTime": now,
        "conditions": _conditions(now, ready=False),
        "initContainerStatuses": _statuses(pod, "initContainers", {"terminated": _exit(now)}, ready=True),
        "containerStatuses": _statuses(pod, "containers", waiting, ready=False, restarts=int(pulled)),
    }


def back_off_event(pod: Any, *, pulled: bool = True) -> Manifest:
    """Return the kubelet's event for a container that keeps failing, or whose image it cannot pull."""
    now, name, namespace = _now(), pod.metadata.name, pod.metadata.namespace
    container, image = pod.spec.containers[0].name, pod.spec.containers[0].image
    message = f"Back-off restarting failed container {container} in pod {name}_{namespace}({pod.metadata.uid})"
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
        "message": message if pulled else f'Back-off pulling image "{image}"',
        "source": {"component": "kubelet", "host": pod.spec.nodeName},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def finished_status(pod: Pod, problem: str | None) -> Manifest:
    """Return the status of a finished pod."""
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
