"""Gates on a real API server: they wait, they report why they fail, and the next update resumes after a repair."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from lightkube import Client
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Pod, Secret

from sandbox.cluster import client
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.engine.engine import CONFIG, QUEUE, SHARD, Engine
from tests.engine.injected import RETRYING, inject_faults, up_repaired_at
from tests.engine.stacks import DYNAMO_QUEUES, KAI_QUEUES, NEW, separate, stack

BEFORE = {"version": "1.4.2", "kai": "v0.14.7", "grove": "v0.1.0-alpha.12-rc1"}
STAMP = "dynamo-platform/waited-for"
GATES: dict[str, tuple[Any, str, str | None]] = {
    "kai-config": (CONFIG, "kai-config", None),
    "kai-shard": (SHARD, "default", None),
    "kai-queue-controller": (Deployment, "queue-controller", "kai-scheduler"),
}
AWAY = 20
"""Seconds without a scheduler for a shard during the upgrade."""
PROGRAM = """
import pulumi
import pulumi_kubernetes
from dynamo_platform import DynamoPlatform

class One(pulumi.ComponentResource): ...
class Other(pulumi.ComponentResource): ...

mine = pulumi_kubernetes.Provider("mine")
for kind in (One, Other):
    parent = kind(f"test:index:{kind.__name__}", "same", opts=pulumi.ResourceOptions(providers=[mine]))
    DynamoPlatform(
        "same",
        version="1.5.1",
        profile="development",
        kai_scheduler={"mode": "external", "version": "v0.17.0", "namespace": "default"},
        grove={"mode": "disabled"},
        # The chart is upstream's, and cannot be fetched.
        preview_objects=False,
        opts=pulumi.ResourceOptions(parent=parent),
    )
"""


@pytest.fixture
def api(sandbox: Sandbox) -> Client:
    return client(sandbox.paths.kubeconfig)


def fails(engine: Engine) -> str:
    """Return the output of an `up` that fails."""
    with pytest.raises(CommandError) as failed:
        engine.up()
    return failed.value.output


def made(engine: Engine) -> list[str]:
    """Return the types of all Kubernetes objects and releases in the stack's state."""
    types = [resource["type"] for resource in engine.resources()]
    return [each for each in types if each.startswith("kubernetes:")]


def revision(api: Client, release: str, namespace: str, number: int) -> Secret:
    """Return Helm's record of a release's revision, which it creates first."""
    return api.get(Secret, f"sh.helm.release.v1.{release}.v{number}", namespace=namespace)


def available(api: Client, kind: Any, name: str) -> dict[str, Any]:
    """Return the condition Available, which must be true."""
    (condition,) = [each for each in api.get(kind, name)["status"]["conditions"] if each["type"] == "Available"]
    assert condition["status"] == "True"
    return cast("dict[str, Any]", condition)


def stamp(api: Client, kind: Any, name: str, namespace: str | None = None) -> str | None:
    found = api.get(kind, name, namespace=namespace) if namespace else api.get(kind, name)
    return (found.metadata.annotations or {}).get(STAMP)


def created(item: Any) -> datetime:
    """Return the creation time of the object, in whole seconds."""
    return cast("datetime", item.metadata.creationTimestamp)


def test_gate_that_never_opens_says_what_it_saw_and_the_next_update_goes_on(engine: Engine, api: Client) -> None:
    config = separate(NEW)
    config["kaiScheduler"]["timeout"] = 15
    engine.configure(config)
    with inject_faults(api, {"binder.ready": "false"}):
        said = fails(engine)
        assert "gate kai-config did not open: Config kai-config is not Available." in said
        assert "Config kai-config, generation 1" in said
        assert "Available False: available: Binder: Deployment [binder] is not available" in said
        assert "Deployment binder: 0 of 1 pods available" in said
        assert "container binder waiting: CrashLoopBackOff: held back by the fault that was injected" in said
        assert "Warning Pod binder-" in said
        assert "BackOff: Back-off restarting failed container binder" in said
        assert "Deployment admission" not in said
        assert engine.releases().keys() == {"kai-scheduler", "grove"}
        assert engine.uids(QUEUE).keys() == KAI_QUEUES

    engine.up()
    assert engine.releases()["dynamo-platform"] == (NEW["version"], "deployed")
    assert engine.uids(QUEUE).keys() == KAI_QUEUES | DYNAMO_QUEUES
    engine.assert_unchanged()
    engine.destroy()
    assert engine.releases() == {}


def test_gates_record_the_object_that_they_patched(engine: Engine, api: Client) -> None:
    """The operator does nothing while the gates wait, so that only their own patch distinguishes the objects."""
    config = separate(NEW)
    engine.configure(config)
    engine.up()
    with inject_faults(api, {"kai-operator.reconciling": "false"}):
        for qps in (60, 70, 80):
            config["kaiScheduler"]["values"] = {"operator": {"qps": qps}}
            engine.configure(config)
            engine.up()
            recorded = {
                gate: resource["outputs"]["metadata"]["annotations"][STAMP]
                for resource in engine.resources()
                if (gate := resource["urn"].rpartition("::dynamo-platform-")[2]) in GATES
            }
            live = {gate: stamp(api, kind, name, namespace) for gate, (kind, name, namespace) in GATES.items()}
            assert recorded == live
            engine.up("--expect-no-changes", "--diff")
    engine.destroy()


@pytest.mark.slow
def test_gates_wait_again_when_kai_is_upgraded(engine: Engine, api: Client) -> None:
    engine.configure(separate(BEFORE))
    engine.up()

    # Available does not change: the gates open immediately.
    untouched, stamped = available(api, CONFIG, "kai-config"), stamp(api, CONFIG, "kai-config")
    config = separate(BEFORE)
    config["kaiScheduler"]["values"] = {"operator": {"qps": 60}}
    engine.configure(config)
    engine.up()
    assert revision(api, "kai-scheduler", "kai-scheduler", 2)
    assert available(api, CONFIG, "kai-config") == untouched
    assert stamp(api, CONFIG, "kai-config") not in {stamped, None}

    # The new scheduler starts late, after the old one is gone: the shard is not Available until then.
    engine.configure(separate(NEW))
    with inject_faults(api, {"kai-scheduler-default.delay": str(AWAY)}):
        engine.up()
    (pod,) = api.list(Pod, namespace="kai-scheduler", labels={"app": "kai-scheduler-default"})
    back = datetime.fromisoformat(available(api, SHARD, "default")["lastTransitionTime"])
    upgraded, platform = (
        created(revision(api, release, namespace, number))
        for release, namespace, number in (
            ("kai-scheduler", "kai-scheduler", 3),
            ("dynamo-platform", "dynamo-system", 2),
        )
    )
    assert upgraded <= created(pod)
    assert created(pod) + timedelta(seconds=AWAY - 1) <= back <= platform
    engine.assert_unchanged()
    engine.destroy()


@pytest.mark.slow
def test_external_kai_scheduler_is_looked_for_and_its_webhook_waited_for(engine: Engine, api: Client) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kai-scheduler"}}
    api.apply(cast("Any", Namespace).from_dict(namespace), field_manager="test")
    config = stack("external", "external", NEW)
    config["kaiScheduler"]["timeout"] = 5
    engine.configure(config)
    said = fails(engine)
    assert "gate kai-queue-controller did not open: Deployment queue-controller is not rolled out." in said
    assert "no Deployment in namespace kai-scheduler" in said
    assert "KAI Scheduler was not found, and its mode is external: nothing was created." in said
    assert engine.releases() == {}
    assert made(engine) == []

    charts = engine.sandbox.paths.charts
    with inject_faults(api, {"queue-controller.ready": "false"}):
        engine.helm(
            "install", "kai-scheduler", str(charts / f"kai-scheduler-{NEW['kai']}.tgz"), "-n", "kai-scheduler", "--wait"
        )
        engine.helm(
            *("install", "grove", str(charts / f"grove-charts-{NEW['grove']}.tgz")),
            *("-n", "grove-system", "--create-namespace", "--wait"),
            # A Secret of the operator may be left over, and the chart's would not adopt it.
            *("--set", "webhookServerSecret.enabled=false"),
        )
        said = fails(engine)
        assert "gate kai-queue-controller did not open" in said
        assert "Deployment queue-controller: 0 of 1 pods available" in said
        assert "KAI Scheduler was not found" not in said

    with inject_faults(api, {"queue-webhook.listening": "false"}):
        said = fails(engine)
        assert "tried for 5 s. The webhook's pod runs, but does not listen." in said
        assert engine.uids(QUEUE).keys() == KAI_QUEUES

    config["kaiScheduler"]["timeout"] = 120
    engine.configure(config)
    with inject_faults(api, {"queue-webhook.listening": "false"}):
        up_repaired_at(engine, api, RETRYING)
    assert engine.releases()["dynamo-platform"] == (NEW["version"], "deployed")
    assert engine.uids(QUEUE).keys() == KAI_QUEUES | DYNAMO_QUEUES
    engine.assert_unchanged()
    engine.destroy()
    engine.helm("uninstall", "grove", "-n", "grove-system")
    engine.helm("uninstall", "kai-scheduler", "-n", "kai-scheduler")


@pytest.mark.slow
def test_two_components_of_one_name_and_a_provider_of_the_programs(sandbox: Sandbox, tmp_path: Path) -> None:
    engine = Engine(sandbox, tmp_path / "project", PROGRAM)
    engine.configure({}, charts=False)
    said = fails(engine)
    assert said.count("could not be read (the program's own provider selects the cluster)") == 2
    assert "  kubectl describe deployments.apps queue-controller -n default" in said
    assert "  kubectl get events -n default --sort-by=.lastTimestamp" in said
