"""The report about a gate that did not open, and how the cluster is read."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dynamo_platform.cluster import observe
from dynamo_platform.cluster.observe import KaiInstallation, LiveObject, Observation, UnreadableError
from dynamo_platform.planning.model import Gate

GATE = Gate(
    name="kai-config",
    api_version="kai.scheduler/v1",
    kind="Config",
    object_name="kai-config",
    namespace=None,
    condition="Available",
    stamp="v0.17.0",
    timeout=600,
)
KAI = KaiInstallation(namespace="kai", context="eu", readable=True, external=False)
CREATED = "2026-11-25T10:00:00Z"
FAILING = {"type": "Available", "status": "False", "reason": "available", "message": "Binder:\n  not available"}


def config(*conditions: dict[str, Any]) -> LiveObject:
    return {"metadata": {"name": "kai-config", "generation": 3}, "status": {"conditions": conditions}}


def deployment(name: str = "binder", *, available: int = 0, **status: Any) -> LiveObject:
    counts = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": available}
    return {
        "metadata": {"name": name, "generation": 1, "creationTimestamp": CREATED},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}},
        "status": counts | status,
    }


def pod(name: str = "binder-1-a", app: str = "binder", **status: Any) -> LiveObject:
    return {"metadata": {"name": name, "labels": {"app": app}}, "status": {"phase": "Running"} | status}


def event(kind: str, name: str, time: str = "2026-11-25T10:00:01Z", **content: Any) -> LiveObject:
    about = {"kind": kind, "name": name}
    return {"involvedObject": about, "lastTimestamp": time, "metadata": {"creationTimestamp": time}, **content}


def described(**observed: Any) -> list[str]:
    return observe.describe(
        GATE, KAI, Observation(**{"target": config(FAILING), "deployments": [deployment()]} | observed)
    )


def test_conditions_are_one_line_each_with_reason_and_message() -> None:
    assert described()[:2] == ["Config kai-config, generation 3", "  Available False: available: Binder: not available"]


@pytest.mark.parametrize(
    ("observed", "line"), [(2, "  Ready True (observed generation 2)"), (3, "  Ready True"), (None, "  Ready True")]
)
def test_condition_of_an_older_generation_is_marked(observed: int | None, line: str) -> None:
    condition = {"type": "Ready", "status": "True"} | ({"observedGeneration": observed} if observed else {})
    assert described(target=config(condition))[1] == line


def test_object_without_conditions_was_not_reconciled() -> None:
    assert (
        described(target=config())[0]
        == "Config kai-config, generation 3, has no conditions: no controller has reconciled it yet"
    )


def test_absent_object_does_not_exist() -> None:
    assert described(target=None)[0] == "Config kai-config does not exist"


def test_only_objects_that_are_not_ready_are_listed() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    lines = described(
        deployments=[deployment("admission", available=1), deployment()],
        pods=[pod("admission-1", "admission"), pod("binder-1-a"), pod("binder-1-b", conditions=ready)],
    )[2:]
    assert lines == ["Deployment binder: 0 of 1 pods available", "  Pod binder-1-a: Running"]


@pytest.mark.parametrize("status", [{"observedGeneration": 0}, {"updatedReplicas": 0}])
def test_deployment_in_a_rollout_is_not_ready(status: dict[str, Any]) -> None:
    assert "Deployment binder: 1 of 1 pods available" in described(deployments=[deployment(available=1, **status)])


@pytest.mark.parametrize(
    ("deployments", "line"),
    [
        ([], "no Deployment in namespace kai"),
        ([deployment(available=1)], "every Deployment in namespace kai is ready"),
    ],
)
def test_missing_and_ready_deployments_are_reported(deployments: list[LiveObject], line: str) -> None:
    assert described(deployments=deployments)[2:] == [line]


def test_deployment_is_listed_with_its_replica_failure() -> None:
    quota = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    fine = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    lines = described(deployments=[deployment(conditions=[fine, quota])])
    assert lines[3:] == ["  ReplicaFailure True: FailedCreate: exceeded quota"]


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
                ],
            },
            "Pending; not scheduled: Unschedulable: 0/3 nodes",
        ),
        (
            {
                "containerStatuses": [
                    {"name": "binder", "ready": False, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
                ]
            },
            "Running; container binder waiting: ImagePullBackOff",
        ),
        (
            {
                "initContainerStatuses": [
                    {
                        "name": "crds",
                        "ready": False,
                        "restartCount": 4,
                        "state": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no CRD"}},
                    }
                ],
                "containerStatuses": [{"name": "binder", "ready": False}],
            },
            "Running; container crds terminated with exit code 1: Error: no CRD, restarts 4; container binder waiting",
        ),
    ],
    ids=["unschedulable", "no image", "init container fails"],
)
def test_pod_is_listed_with_its_problems(status: dict[str, Any], problem: str) -> None:
    assert described(pods=[pod(**status)])[-1] == f"  Pod binder-1-a: {problem}"


def test_latest_events_of_the_deployment_its_replica_sets_and_pods_are_shown_in_order() -> None:
    events = [
        event("Pod", "binder-1-a", "2026-11-25T10:00:09Z", type="Warning", reason="BackOff", message="again", count=7),
        event("Deployment", "binder", "2026-11-25T10:00:01Z", reason="ScalingReplicaSet"),
        event("ReplicaSet", "binder-1", "2026-11-25T10:00:02Z", reason="SuccessfulCreate"),
        event("ReplicaSet", "binder-other-1", reason="NotOurs"),
        event("Pod", "admission-1", reason="NotOurs"),
        event("Deployment", "binder", "2026-11-24T10:00:00Z", reason="OfOneBefore"),
    ]
    assert described(pods=[pod()], events=events)[-3:] == [
        "  2026-11-25T10:00:01Z Normal Deployment binder: ScalingReplicaSet",
        "  2026-11-25T10:00:02Z Normal ReplicaSet binder-1: SuccessfulCreate",
        "  2026-11-25T10:00:09Z Warning Pod binder-1-a: BackOff: again (7 times)",
    ]


def test_only_the_latest_events_are_listed() -> None:
    events = [event("Deployment", "binder", f"2026-11-25T10:00:{second:02}Z") for second in range(9)]
    assert [line.split()[0][-3:-1] for line in described(events=events)[3:]] == ["04", "05", "06", "07", "08"]


def test_event_of_the_newer_api_has_its_time() -> None:
    newer = {**event("Deployment", "binder"), "lastTimestamp": None, "eventTime": "2026-11-25T10:00:07.123456Z"}
    assert described(events=[newer])[-1].strip().startswith("2026-11-25T10:00:07Z ")


def test_long_message_is_cut() -> None:
    line = described(target=config(FAILING | {"message": "x" * 1000}))[1]
    assert line.endswith("xxx…")
    assert len(line) < 400


def test_commands_show_the_same_with_kubectl() -> None:
    assert observe.kubectl_commands(GATE, KAI) == [
        "kubectl --context eu describe configs.kai.scheduler kai-config",
        "kubectl --context eu get deployments,pods -n kai",
        "kubectl --context eu get events -n kai --sort-by=.lastTimestamp",
    ]


def test_commands_without_a_context_use_the_current_one() -> None:
    kai = KaiInstallation(namespace="kai", context=None, readable=False, external=False)
    webhook = Gate(
        name="kai-queue-controller",
        api_version="apps/v1",
        kind="Deployment",
        object_name="queue-controller",
        namespace="kai",
        condition=None,
        stamp="",
        timeout=600,
    )
    assert observe.kubectl_commands(webhook, kai)[0] == "kubectl describe deployments.apps queue-controller -n kai"


@pytest.mark.parametrize(
    ("external", "target", "reported"), [(True, None, True), (True, config(), False), (False, None, False)]
)
def test_missing_external_kai_scheduler_is_reported(external: bool, target: LiveObject | None, reported: bool) -> None:
    lines = observe.describe(GATE, replace(KAI, external=external), Observation(target=target))
    assert any("KAI Scheduler was not found, and its mode is external" in line for line in lines) is reported


# Reading


def read(kai: KaiInstallation) -> list[str]:
    return asyncio.run(observe.diagnose(GATE, kai))


@pytest.fixture
def kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_cluster_of_the_programs_own_provider_is_not_read() -> None:
    with pytest.raises(UnreadableError, match="the program's own provider"):
        read(KaiInstallation(namespace="kai", context=None, readable=False, external=False))


def test_missing_kubeconfig_is_reported(kubeconfig: Path) -> None:
    with pytest.raises(UnreadableError, match="no kubeconfig has the context eu"):
        read(KAI)


def test_output_of_a_credential_plugin_is_not_reported(kubeconfig: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "sh",
        "args": ["-c", "echo hunter2 >&2; exit 1"],
    }
    document = {
        "contexts": [{"name": "eu", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
    }
    kubeconfig.write_text(yaml.safe_dump(document))
    with pytest.raises(UnreadableError) as raised:
        read(KAI)
    assert str(raised.value) == "ConfigError"


def test_context_is_looked_for_in_every_file(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kubeconfig.write_text(yaml.safe_dump({"contexts": [{"name": "us"}], "current-context": "us"}))
    second = tmp_path / "second"
    second.write_text(yaml.safe_dump({"contexts": [{"name": "eu"}]}))
    monkeypatch.setenv("KUBECONFIG", f"{kubeconfig}:{tmp_path / 'absent'}:{second}")
    assert observe.kubeconfig_for("eu") == second
    assert observe.kubeconfig_for(None) == kubeconfig


def test_reading_times_out(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> Observation:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(observe, "_read_cluster", hang)
    monkeypatch.setattr(observe, "TIMEOUT_SECONDS", 0.01)
    with pytest.raises(UnreadableError, match="TimeoutError"):
        read(KAI)


def test_malformed_objects_do_not_hide_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def strange(*_: object) -> Observation:
        return Observation(target={})

    monkeypatch.setattr(observe, "_read_cluster", strange)
    with pytest.raises(UnreadableError, match="KeyError"):
        read(KAI)
