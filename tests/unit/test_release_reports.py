"""The report about a release that failed."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dynamo_platform.cluster import releases
from dynamo_platform.cluster.observe import ClusterAccess, LiveObject, UnreadableError
from dynamo_platform.cluster.releases import Namespace, describe_release
from dynamo_platform.planning.model import Release
from tests.unit.test_observe import CREATED, deployment, event, pod

RELEASE = Release("dynamo-platform", "dynamo", "dynamo-platform", None, "1.5.1", {}, hooks=True, timeout=600)
OWN = {"meta.helm.sh/release-name": "dynamo-platform", "meta.helm.sh/release-namespace": "dynamo"}
UNSCHEDULED = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "unbound claims"}],
}
DEFAULT = {"metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
OTHER: LiveObject = {"metadata": {"name": "slow"}}


def annotated(item: LiveObject, annotations: dict[str, str] = OWN, **labels: str) -> LiveObject:
    return {**item, "metadata": {**item["metadata"], "annotations": annotations, "labels": labels}}


def claiming(**status: Any) -> LiveObject:
    claim = {"persistentVolumeClaim": {"claimName": "data-nats-0"}}
    return {**pod("nats-0", "nats", **UNSCHEDULED | status), "spec": {"volumes": [{"emptyDir": {}}, claim]}}


def claim(name: str = "data-nats-0", phase: str = "Pending", storage_class: str | None = None) -> LiveObject:
    metadata = {"name": name, "creationTimestamp": CREATED}
    return {"metadata": metadata, "spec": {"storageClassName": storage_class}, "status": {"phase": phase}}


def job(name: str = "crd-upgrader", hook: str | None = "pre-install,pre-upgrade", **status: Any) -> LiveObject:
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": CREATED,
            "annotations": {"helm.sh/hook": hook} if hook else {},
        },
        "spec": {"completions": 1, "selector": {"matchLabels": {"app": name}}},
        "status": status,
    }


NATS = Namespace(
    workloads={"StatefulSet": [annotated(deployment("nats"))]},
    pods=[claiming()],
    claims=[claim(), claim("data-other-0")],
    events=[
        event("PersistentVolumeClaim", "data-nats-0", reason="FailedBinding", message="no storage class is set"),
        event("PersistentVolumeClaim", "data-other-0", reason="NotOurs"),
    ],
    storage_classes=[OTHER],
)


def test_workload_is_listed_with_its_pods_and_pending_claims() -> None:
    assert describe_release(RELEASE, NATS) == [
        "StatefulSet nats: 0 of 1 pods available",
        "  Pod nats-0: Pending; not scheduled: Unschedulable: unbound claims",
        "  PersistentVolumeClaim data-nats-0: Pending, StorageClass not set, and the cluster has no default one",
        "    2026-11-25T10:00:01Z Normal PersistentVolumeClaim data-nats-0: FailedBinding: no storage class is set",
    ]


@pytest.mark.parametrize(
    ("storage_class", "classes", "said"),
    [
        (None, [], "StorageClass not set, and the cluster has no default one"),
        (None, [DEFAULT], "StorageClass not set"),
        (None, None, "StorageClass not set"),
        ("gone", [DEFAULT], 'StorageClass "gone", which does not exist'),
        ("slow", [OTHER], 'StorageClass "slow"'),
        ("slow", None, 'StorageClass "slow"'),
        ("", [DEFAULT], 'StorageClass ""'),
    ],
)
def test_claim_says_which_storage_class_is_missing(
    storage_class: str | None, classes: list[LiveObject] | None, said: str
) -> None:
    found = replace(NATS, claims=[claim(storage_class=storage_class)], storage_classes=classes, events=[])
    assert describe_release(RELEASE, found)[-1] == f"  PersistentVolumeClaim data-nats-0: Pending, {said}"


def test_bound_claim_is_not_listed() -> None:
    assert not any("Claim" in line for line in describe_release(RELEASE, replace(NATS, claims=[claim(phase="Bound")])))


def test_claim_of_the_release_itself_is_listed_until_it_is_bound() -> None:
    claims = [annotated(claim("cache", "Bound")), annotated(claim("models", storage_class="slow"))]
    found = replace(NATS, workloads={}, claims=claims, events=[])
    assert describe_release(RELEASE, found) == ['PersistentVolumeClaim models: Pending, StorageClass "slow"']


def test_image_that_cannot_be_pulled_is_named() -> None:
    message = 'Back-off pulling image "registry.example.com/nats:2"'
    waiting = {"reason": "ImagePullBackOff", "message": message}
    stuck = {"name": "nats", "ready": False, "state": {"waiting": waiting}}
    found = replace(NATS, pods=[pod("nats-0", "nats", phase="Pending", containerStatuses=[stuck])], claims=[])
    assert describe_release(RELEASE, found)[1] == (
        f"  Pod nats-0: Pending; container nats waiting: ImagePullBackOff: {message}"
    )


@pytest.mark.parametrize(
    "annotations",
    [{}, OWN | {"meta.helm.sh/release-name": "grove"}, OWN | {"meta.helm.sh/release-namespace": "elsewhere"}],
)
def test_objects_of_others_are_not_listed(annotations: dict[str, str]) -> None:
    found = Namespace(
        workloads={"Deployment": [annotated(deployment(), annotations)]}, jobs=[annotated(job(hook=None), annotations)]
    )
    assert describe_release(RELEASE, found) == []


@pytest.mark.parametrize(
    ("status", "listed"),
    [
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}, []),
        (
            {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2},
            ["DaemonSet agent: 2 of 3 pods available"],
        ),
        (
            {"desiredNumberScheduled": 3, "updatedNumberScheduled": 1, "numberAvailable": 3},
            ["DaemonSet agent: 3 of 3 pods available"],
        ),
        ({"desiredNumberScheduled": 0}, []),
    ],
)
def test_daemon_set_is_ready_on_every_node(status: dict[str, Any], listed: list[str]) -> None:
    found = Namespace(workloads={"DaemonSet": [annotated({**deployment("agent"), "status": status})]})
    assert describe_release(RELEASE, found) == listed


def test_ready_release_has_no_report() -> None:
    assert (
        describe_release(RELEASE, replace(NATS, workloads={"StatefulSet": [annotated(deployment(available=1))]})) == []
    )


def test_failed_hook_is_listed_with_its_pods_and_events() -> None:
    exceeded = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
    terminated = {"exitCode": 1, "reason": "Error", "message": "no CRD"}
    crashed = {"name": "crds", "ready": False, "state": {"terminated": terminated}}
    found = Namespace(
        jobs=[job(failed=2, conditions=[exceeded])],
        pods=[
            pod("crd-upgrader-a", "crd-upgrader", phase="Failed", containerStatuses=[crashed]),
            pod("crd-upgrader-b", "crd-upgrader", phase="Succeeded"),
        ],
        events=[event("Job", "crd-upgrader", type="Warning", reason="BackoffLimitExceeded")],
    )
    assert describe_release(RELEASE, found) == [
        "Job crd-upgrader (hook pre-install,pre-upgrade): 0 of 1 completed, 2 failed",
        "  Failed: BackoffLimitExceeded: too often",
        "  Pod crd-upgrader-a: Failed; container crds terminated with exit code 1: Error: no CRD",
        "  2026-11-25T10:00:01Z Warning Job crd-upgrader: BackoffLimitExceeded",
    ]


@pytest.mark.parametrize(
    ("instance", "status", "listed"),
    [
        ("dynamo-platform", {}, True),
        (None, {}, True),
        ("grove", {}, False),
        (None, {"conditions": [{"type": "Complete", "status": "True"}]}, False),
    ],
)
def test_hooks_of_the_release_that_are_not_complete_are_listed(
    instance: str | None, status: dict[str, Any], listed: bool
) -> None:
    hook = job(**status)
    hook["metadata"]["labels"] = {"app.kubernetes.io/instance": instance} if instance else None
    assert bool(describe_release(RELEASE, Namespace(jobs=[hook]))) is listed


def test_only_the_first_objects_are_listed() -> None:
    many = [annotated(deployment(f"d{n}")) for n in range(14)]
    lines = describe_release(RELEASE, Namespace(workloads={"Deployment": many}))
    assert (lines[-2:], len(lines)) == (["Deployment d9: 0 of 1 pods available", "and 4 more"], 11)


def test_unreadable_namespace_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async def strange(*_: object) -> Namespace:
        return Namespace(workloads={"Deployment": [{}]})

    monkeypatch.setattr(releases, "_read_namespace", strange)
    with pytest.raises(UnreadableError, match="KeyError"):
        asyncio.run(releases.diagnose_release(RELEASE, ClusterAccess(context=None, readable=True)))
    with pytest.raises(UnreadableError, match="the program's own provider"):
        asyncio.run(releases.diagnose_release(RELEASE, ClusterAccess(context=None, readable=False)))
