"""Finds out from the cluster why a Helm release failed: Helm's own error names no object.

The objects are those that Helm marks as the release's, and the Jobs of hooks. The release's Secret is not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from dynamo_platform.planning.model import Release

from .observe import (
    ClusterAccess,
    LiveObject,
    client_of,
    describe_events,
    describe_pods,
    describe_workload,
    is_rolled_out,
    kubectl,
    list_objects,
    pods_of,
    read_within_limit,
    reason_of,
)

MAX_OBJECTS = 10
"""Objects that the report lists, each with its pods and events."""

_RELEASE = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
"""Annotations of every object that Helm manages, except those of hooks."""
_HOOK = "helm.sh/hook"
_INSTANCE = "app.kubernetes.io/instance"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """The objects of a release's namespace.

    Attributes:
        workloads: Deployments, StatefulSets and DaemonSets, by kind.
        jobs: the Jobs.
        pods: the Pods.
        claims: the PersistentVolumeClaims.
        events: the events.
        storage_classes: the cluster's StorageClasses; None if they may not be read.
    """

    workloads: Mapping[str, Sequence[LiveObject]] = field(default_factory=dict)
    jobs: Sequence[LiveObject] = ()
    pods: Sequence[LiveObject] = ()
    claims: Sequence[LiveObject] = ()
    events: Sequence[LiveObject] = ()
    storage_classes: Sequence[LiveObject] | None = ()


async def diagnose_release(release: Release, cluster: ClusterAccess) -> list[str]:
    """Read the release's objects, and report which are not ready, and why.

    Returns:
        The report, line by line; empty if everything that exists is ready.

    Raises:
        UnreadableError: the cluster could not be read, for any reason.
    """

    async def report() -> list[str]:
        return describe_release(release, await _read_namespace(release.namespace, cluster))

    return await read_within_limit(cluster, report)


async def _read_namespace(namespace: str, cluster: ClusterAccess) -> Namespace:
    from lightkube import ApiError  # noqa: PLC0415  not needed until a release fails
    from lightkube.resources.apps_v1 import DaemonSet, Deployment, StatefulSet  # noqa: PLC0415
    from lightkube.resources.batch_v1 import Job  # noqa: PLC0415
    from lightkube.resources.core_v1 import Event, PersistentVolumeClaim, Pod  # noqa: PLC0415
    from lightkube.resources.storage_v1 import StorageClass  # noqa: PLC0415

    client = client_of(cluster)
    kinds = (Deployment, StatefulSet, DaemonSet)
    *workloads, jobs, pods, claims, events = await asyncio.gather(
        *(list_objects(client, kind, namespace) for kind in (*kinds, Job, Pod, PersistentVolumeClaim, Event))
    )
    try:
        storage_classes = await list_objects(client, StorageClass)
    except ApiError as error:
        if error.status.code != HTTPStatus.FORBIDDEN:
            raise
        storage_classes = None
    return Namespace(
        workloads={kind.__name__: found for kind, found in zip(kinds, workloads, strict=True)},
        jobs=jobs,
        pods=pods,
        claims=claims,
        events=events,
        storage_classes=storage_classes,
    )


def describe_release(release: Release, found: Namespace) -> list[str]:
    """The release's workloads, claims and Jobs that are not ready, each with its pods and events."""
    reports = [
        describe_workload(kind, workload, found.pods, found.events) + _describe_claims(workload, found)
        for kind, workloads in found.workloads.items()
        for workload in workloads
        if _is_managed(workload, release) and not _is_available(kind, workload)
    ]
    reports += [
        _describe_claim(claim, found) for claim in found.claims if _is_managed(claim, release) and not _is_bound(claim)
    ]
    reports += [
        _describe_job(job, found)
        for job in found.jobs
        if (_is_managed(job, release) or _is_hook(job, release)) and not _has_condition(job, "Complete")
    ]
    lines = [line for report in reports[:MAX_OBJECTS] for line in report]
    return lines if len(reports) <= MAX_OBJECTS else [*lines, f"and {len(reports) - MAX_OBJECTS} more"]


def release_commands(release: Release, cluster: ClusterAccess) -> list[str]:
    """The kubectl commands that show the same."""
    kinds = "deployments,statefulsets,daemonsets,jobs,pods,persistentvolumeclaims"
    return [
        f"{kubectl(cluster)} get {kinds} -n {release.namespace}",
        f"{kubectl(cluster)} get events -n {release.namespace} --sort-by=.lastTimestamp",
    ]


def _annotations(item: LiveObject) -> Mapping[str, str]:
    return item["metadata"].get("annotations") or {}


def _is_managed(item: LiveObject, release: Release) -> bool:
    name, namespace = (_annotations(item).get(key) for key in _RELEASE)
    return (name, namespace) == (release.name, release.namespace)


def _is_hook(item: LiveObject, release: Release) -> bool:
    """Whether it is a hook of the release, or of an unknown one in its namespace: Helm does not mark them."""
    instance = (item["metadata"].get("labels") or {}).get(_INSTANCE)
    return _HOOK in _annotations(item) and instance in {release.name, None}


def _is_available(kind: str, workload: LiveObject) -> bool:
    if kind != "DaemonSet":
        return is_rolled_out(workload)
    status = workload.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    return bool(status.get("numberAvailable", 0) == wanted and status.get("updatedNumberScheduled", 0) == wanted)


def _has_condition(item: LiveObject, kind: str) -> bool:
    conditions = item.get("status", {}).get("conditions") or []
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def _describe_job(job: LiveObject, found: Namespace) -> list[str]:
    name, status = job["metadata"]["name"], job.get("status", {})
    hook = f" (hook {_annotations(job)[_HOOK]})" if _HOOK in _annotations(job) else ""
    counts = f"{status.get('succeeded', 0)} of {job['spec'].get('completions', 1)} completed"
    lines = [f"Job {name}{hook}: {counts}, {status.get('failed', 0)} failed"]
    lines += [
        f"  {condition['type']}{reason_of(condition)}"
        for condition in status.get("conditions") or []
        if condition["type"] == "Failed" and condition["status"] == "True"
    ]
    pods = pods_of(job, found.pods)
    return [*lines, *describe_pods(pods), *describe_events("Job", job, found.events, pods)]


def _describe_claims(workload: LiveObject, found: Namespace) -> list[str]:
    """The claims that a workload's pods wait for, indented."""
    volumes = [volume for pod in pods_of(workload, found.pods) for volume in pod.get("spec", {}).get("volumes") or []]
    names = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if volume.get("persistentVolumeClaim")}
    waiting = [claim for claim in found.claims if claim["metadata"]["name"] in names and not _is_bound(claim)]
    return [f"  {line}" for claim in waiting for line in _describe_claim(claim, found)]


def _is_bound(claim: LiveObject) -> bool:
    return bool(claim.get("status", {}).get("phase") == "Bound")


def _describe_claim(claim: LiveObject, found: Namespace) -> list[str]:
    phase = claim.get("status", {}).get("phase", "Pending")
    line = f"PersistentVolumeClaim {claim['metadata']['name']}: {phase}, {_storage_class(claim, found)}"
    return [line, *describe_events("PersistentVolumeClaim", claim, found.events)]


def _storage_class(claim: LiveObject, found: Namespace) -> str:
    """The StorageClass of a claim, and whether it is missing."""
    name = claim["spec"].get("storageClassName")
    classes = (
        None if found.storage_classes is None else {each["metadata"]["name"]: each for each in found.storage_classes}
    )
    if name is None:
        default = classes is None or any(
            "true" in map(_annotations(each).get, _DEFAULT_CLASS) for each in classes.values()
        )
        return "StorageClass not set" if default else "StorageClass not set, and the cluster has no default one"
    missing = ", which does not exist" if classes is not None and name and name not in classes else ""
    return f'StorageClass "{name}"{missing}'
