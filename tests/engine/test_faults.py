"""Faults on an installed platform: what is seen, what the runbook does, and that nothing is lost."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lightkube import Client
from lightkube.resources.admissionregistration_v1 import ValidatingWebhookConfiguration
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from sandbox.cluster import client
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.engine import runbooks
from tests.engine.engine import QUEUE, SHARD, STACK, Engine
from tests.engine.injected import RETRYING, inject_faults, up_repaired_at
from tests.engine.results import Trial, create_workload, watch
from tests.engine.stacks import NEW, separate

Config = dict[str, Any]
SILENT_SECONDS = 5


@pytest.fixture(scope="module")
def installed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An installed platform with a workload."""
    engine = Engine(sandbox, tmp_path_factory.mktemp("installed") / "project")
    engine.configure(config())
    engine.up()
    create_workload(engine)
    return engine


@pytest.fixture
def api(sandbox: Sandbox) -> Client:
    return client(sandbox.paths.kubeconfig)


def config(qps: int = 50, quota: int = 4, timeout: int = 60) -> Config:
    """Return the configuration with a value of KAI's chart, the quota of a queue, and the timeout of KAI's release."""
    found = separate(NEW)
    found["kaiScheduler"] |= {"values": {"operator": {"qps": qps}}, "timeout": timeout}
    found["queues"] = [{"name": "dynamo", "parent": "dynamo-default", "gpu": {"quota": quota, "limit": -1}}]
    return found


def fails(engine: Engine) -> str:
    """Return the output of an `up` that fails, on one line."""
    with pytest.raises(CommandError) as failed:
        engine.up()
    return " ".join(failed.value.output.split())


def converges(engine: Engine, wanted: Config | None = None) -> None:
    """Bring the stack back, and assert that nothing is left to do."""
    engine.configure(wanted or config())
    engine.up()
    engine.assert_unchanged()


def restore(engine: Engine, release: str, namespace: str) -> None:
    """Apply the manifests of a release again, as the runbook says."""
    (found,) = json.loads(engine.helm("list", "-n", namespace, "--filter", f"^{release}$", "-o", "json"))
    words = {"NAME": release, "NAMESPACE": namespace, "REVISION": found["revision"]}
    runbooks.follow(engine, "an-object-of-a-release-is-missing", **words)


def quota(engine: Engine) -> Any:
    return engine.specs(QUEUE)["dynamo"]["resources"]["gpu"]["quota"]


# The release's own steps


@pytest.mark.slow
def test_failing_hook_job(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault", "a hook Job fails", "The error names the Job, its exit code and its events. The next `up` goes on."
    )
    with watch(installed, trial) as saw:
        installed.configure(config(qps=60, timeout=10))
        with inject_faults(api, {"crd-upgrader.ready": "false"}):
            said = fails(installed)
        assert "release kai-scheduler failed." in said
        assert "Job crd-upgrader" in said
        assert "terminated with exit code 1" in said
        saw("the error names the Job and its exit code")
        converges(installed, config(qps=60))
        saw("one `up`")


@pytest.mark.slow
def test_hanging_hook_job(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "a hook Job hangs",
        "The release fails after `timeout`, and the error names the Job. The next `up` goes on.",
    )
    with watch(installed, trial) as saw:
        installed.configure(config(qps=61, timeout=10))
        with inject_faults(api, {"crd-upgrader.delay": "600"}):
            said = fails(installed)
        assert "release kai-scheduler failed." in said
        assert "Job crd-upgrader" in said
        assert "0 of 1 completed" in said
        saw("the error names the Job")
        converges(installed, config(qps=61))
        saw("one `up`")


@pytest.mark.slow
def test_operator_that_is_not_ready(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault", "a gate does not open", "The error says what is not ready, and why. The next `up` resumes there."
    )
    with watch(installed, trial) as saw:
        installed.configure(config(qps=62, timeout=10))
        with inject_faults(api, {"binder.ready": "false"}):
            said = fails(installed)
        assert "gate kai-config did not open" in said
        assert "Deployment binder: 0 of 1 pods available" in said
        saw("the error names the Deployment, its container and its events")
        converges(installed, config(qps=62))
        saw("one `up`")


# The webhook of queues

REFUSALS = {
    "has a certificate that is not trusted": ("queue-webhook.trusted", "false", "x509"),
    "names a Service that is gone": ("queue-webhook.service", "nowhere", 'service "nowhere" not found'),
    "refuses a queue": ("queue-webhook.status", "404", "the server could not find the requested resource"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", REFUSALS)
def test_webhook_that_refuses(installed: Engine, api: Client, what: str) -> None:
    fault, value, error = REFUSALS[what]
    trial = Trial(
        "fault",
        f"the webhook of queues {what}",
        "It is not tried again. The error says what it means. The next `up` goes on.",
    )
    with watch(installed, trial) as saw:
        installed.configure(config(quota=5))
        with inject_faults(api, {fault: value}):
            said = fails(installed)
            assert quota(installed) == 4
        assert error in said
        assert RETRYING not in said
        saw("given up at once, with the cause")
        converges(installed, config(quota=5))
        assert quota(installed) == 5
        saw("one `up`")
    converges(installed)


@pytest.mark.slow
def test_webhook_that_is_starting(installed: Engine, api: Client) -> None:
    trial = Trial("fault", "the webhook of queues answers 502", "It is tried again until `timeout`, in the same `up`.")
    with watch(installed, trial) as saw:
        installed.configure(config(quota=6))
        with inject_faults(api, {"queue-webhook.status": "502"}):
            up_repaired_at(installed, api, RETRYING)
        assert quota(installed) == 6
        saw("the same `up` succeeds")
        # The engine keeps the error of the first attempt in the state, and writes the queue again.
        assert "1 updated" in installed.up()
        saw("the next `up` writes the queue once more, with no change")
        installed.assert_unchanged()
    converges(installed)


# The API server


@contextmanager
def silent(sandbox: Sandbox) -> Iterator[None]:
    """Stop the API server from answering."""
    (pid,) = sandbox.paths.kwok.glob("clusters/*/pids/kube-apiserver.pid")
    os.kill(int(pid.read_text()), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(int(pid.read_text()), signal.SIGCONT)


@pytest.mark.slow
def test_api_server_that_is_silent_during_an_update(installed: Engine, sandbox: Sandbox) -> None:
    trial = Trial("fault", "the API server is silent during an `up`", "The same `up` goes on when it answers again.")
    with watch(installed, trial) as saw:
        installed.configure(config(qps=63))
        update = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK],
            cwd=installed.folder,
            env=installed.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        stopped = False
        printed = ""
        for line in update.stdout or ():
            printed += line
            if "kai-scheduler updating" in line.replace("  ", " ") and not stopped:
                stopped = True
                with silent(sandbox):
                    time.sleep(SILENT_SECONDS)
        assert (update.wait(), stopped) == (0, True), printed
        saw(f"{SILENT_SECONDS} s of silence while the release was upgraded, and the same `up` succeeds")
        installed.assert_unchanged()


def test_registry_gone_between_preview_and_up(installed: Engine, sandbox: Sandbox) -> None:
    trial = Trial(
        "fault",
        "the chart registry is gone between preview and `up`",
        "Nothing changes, and the error names the chart. The next `up` goes on.",
    )
    with watch(installed, trial) as saw:
        installed.configure(config(qps=64))
        installed.preview()
        before = installed.releases()
        sandbox.registry.stop()
        try:
            said = fails(installed)
            assert "error REN003 kaiScheduler.chart" in said
            assert installed.releases() == before
        finally:
            sandbox.registry.start()
        saw("REN003 before anything is registered")
        converges(installed, config(qps=64))


# Changes by hand


def test_quota_edited_by_hand(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "a queue's quota is edited with kubectl",
        "`pulumi up` alone does not see it. The runbook restores the quota of the stack file.",
        "drift",
    )
    with watch(installed, trial) as saw:
        api.patch(
            QUEUE,
            "dynamo",
            {"spec": {"resources": {"gpu": {"quota": 1}}}},
            patch_type=PatchType.MERGE,
            field_manager="kubectl-edit",
        )
        installed.up("--expect-no-changes")
        assert quota(installed) == 1
        saw("an `up` without refresh changes nothing")
        runbooks.follow(installed, "drift")
        assert quota(installed) == 4
        saw("the runbook restores it")
        installed.assert_unchanged()


@pytest.mark.slow
def test_queue_deleted_by_hand(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "a queue is deleted with kubectl",
        "The runbook creates it again.",
        "drift",
        frozenset({"Queue dynamo"}),
    )
    with watch(installed, trial) as saw:
        api.delete(QUEUE, "dynamo")
        runbooks.follow(installed, "drift")
        assert quota(installed) == 4
        saw("the runbook creates it again")
        installed.assert_unchanged()


@pytest.mark.slow
def test_shard_edited_by_hand(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "the SchedulingShard is edited with kubectl",
        "Pulumi and Helm do not see it, and keep the edit.",
    )
    edit = {"spec": {"args": {"v": "9"}}}
    with watch(installed, trial) as saw:
        api.patch(SHARD, "default", edit, patch_type=PatchType.MERGE, field_manager="kubectl-edit")
        installed.refresh("--expect-no-changes")
        converges(installed, config(qps=65))
        assert installed.specs(SHARD)["default"]["args"]["v"] == "9"
        saw("the edit is still there after an upgrade of the release")
    api.patch(SHARD, "default", {"spec": {"args": {"v": None}}}, patch_type=PatchType.MERGE)
    converges(installed)


@pytest.mark.slow
def test_release_rolled_back_by_hand(installed: Engine) -> None:
    trial = Trial(
        "fault",
        "`helm rollback` by hand",
        "The runbook brings the release back to what the stack file says.",
        "drift",
    )
    converges(installed, config(qps=70))
    with watch(installed, trial) as saw:
        installed.helm("rollback", "kai-scheduler", "-n", "kai-scheduler")
        runbooks.follow(installed, "drift")
        values = json.loads(installed.helm("get", "values", "kai-scheduler", "-n", "kai-scheduler", "-o", "json"))
        assert values["operator"]["qps"] == 70
        saw("the runbook restores the values")
        installed.assert_unchanged()
    converges(installed)


@pytest.mark.slow
def test_release_uninstalled_by_hand(installed: Engine) -> None:
    trial = Trial(
        "fault",
        "`helm uninstall` of Grove by hand",
        "CRDs and workloads stay. The runbook installs the release again.",
        "drift",
    )
    with watch(installed, trial) as saw:
        installed.helm("uninstall", "grove", "-n", "grove-system")
        runbooks.follow(installed, "drift")
        assert installed.releases()["grove"] == (NEW["grove"], "deployed")
        saw("the runbook installs it again")
        installed.assert_unchanged()


def test_object_of_a_release_deleted_by_hand(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "a Deployment of a release is deleted with kubectl",
        "Pulumi does not see it. The runbook applies the release's manifests again.",
        "an-object-of-a-release-is-missing",
    )
    with watch(installed, trial) as saw:
        api.delete(Deployment, "grove-operator", namespace="grove-system")
        installed.refresh("--expect-no-changes")
        saw("a refresh does not see it")
        restore(installed, "grove", "grove-system")
        assert "grove-system/grove-operator" in installed.objects(Deployment)
        saw("the runbook restores it")
        installed.assert_unchanged()


@pytest.mark.slow
def test_crd_deleted_by_hand(installed: Engine, api: Client) -> None:
    name = "podgangs.scheduler.grove.io"
    trial = Trial(
        "fault",
        "a CRD of Grove is deleted with kubectl",
        "Its objects are lost with it. The runbook installs the CRD again.",
        "no-matches-for-kind",
        frozenset({f"CustomResourceDefinition {name}"}),
    )
    with watch(installed, trial) as saw:
        api.delete(CustomResourceDefinition, name)
        while name in installed.objects(CustomResourceDefinition):
            time.sleep(0.1)
        archive = installed.sandbox.paths.charts / f"grove-charts-{NEW['grove']}.tgz"
        runbooks.follow(installed, "no-matches-for-kind", CHART=str(archive))
        assert name in installed.objects(CustomResourceDefinition)
        saw("the runbook installs it again")
        installed.assert_unchanged()


@pytest.mark.slow
def test_values_changed_by_hand(installed: Engine) -> None:
    trial = Trial(
        "fault",
        "`helm upgrade` with other values by hand",
        "The runbook brings the release back to what the stack file says.",
        "drift",
    )
    with watch(installed, trial) as saw:
        archive = installed.sandbox.paths.charts / f"kai-scheduler-{NEW['kai']}.tgz"
        change = ("--reuse-values", "--set", "operator.qps=99", "-n", "kai-scheduler")
        installed.helm("upgrade", "kai-scheduler", str(archive), *change)
        runbooks.follow(installed, "drift")
        values = json.loads(installed.helm("get", "values", "kai-scheduler", "-n", "kai-scheduler", "-o", "json"))
        assert values["operator"]["qps"] == 50
        saw("the runbook restores the values")
        installed.assert_unchanged()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("release", "namespace"), [("kai-scheduler", "kai-scheduler"), ("dynamo-platform", "dynamo-system")]
)
def test_other_release_uninstalled_by_hand(installed: Engine, release: str, namespace: str) -> None:
    trial = Trial(
        "fault",
        f"`helm uninstall` of {release} by hand",
        "CRDs, queues and workloads stay. The runbook installs the release again.",
        "drift",
    )
    with watch(installed, trial) as saw:
        before = installed.releases()
        installed.helm("uninstall", release, "-n", namespace)
        runbooks.follow(installed, "drift")
        assert installed.releases() == before
        saw("the runbook installs it again")
        installed.assert_unchanged()


@pytest.mark.slow
def test_namespace_deleted_by_hand(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "the namespace of Grove is deleted with kubectl",
        "CRDs and workloads elsewhere stay. The runbook installs the release again.",
        "drift",
        frozenset({"Namespace grove-system"}),
    )
    with watch(installed, trial) as saw:
        api.delete(Namespace, "grove-system")
        while "grove-system" in installed.objects(Namespace):
            time.sleep(0.1)
        runbooks.follow(installed, "drift")
        assert installed.releases()["grove"] == (NEW["grove"], "deployed")
        saw("the runbook installs it again")
        installed.assert_unchanged()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["shard", "webhook"])
def test_other_object_of_a_release_deleted_by_hand(installed: Engine, api: Client, what: str) -> None:
    kind: Any = SHARD if what == "shard" else ValidatingWebhookConfiguration
    release, namespace = ("kai-scheduler",) * 2 if what == "shard" else ("dynamo-platform", "dynamo-system")
    trial = Trial(
        "fault",
        f"the {kind.__name__} of {release} is deleted with kubectl",
        "The runbook applies the release's manifests again.",
        "an-object-of-a-release-is-missing",
    )
    with watch(installed, trial) as saw:
        name = next(each for each in installed.objects(kind) if each == "default" or each.startswith(release))
        api.delete(kind, name)
        restore(installed, release, namespace)
        assert name in installed.objects(kind)
        saw("the runbook restores it")
        installed.assert_unchanged()


@pytest.mark.slow
def test_object_of_a_release_edited_by_hand(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "a Deployment of a release is edited with kubectl",
        "Pulumi does not see it. The runbook restores what the chart says.",
        "an-object-of-a-release-is-missing",
    )
    with watch(installed, trial) as saw:
        api.patch(Deployment, "grove-operator", {"spec": {"replicas": 3}}, namespace="grove-system")
        installed.refresh("--expect-no-changes")
        saw("a refresh does not see it")
        restore(installed, "grove", "grove-system")
        assert installed.objects(Deployment)["grove-system/grove-operator"].spec.replicas == 1
        saw("the runbook restores it")
        installed.assert_unchanged()


@pytest.mark.slow
def test_image_that_cannot_be_pulled(installed: Engine, api: Client) -> None:
    trial = Trial(
        "fault",
        "an image cannot be pulled",
        "The error names the pod and the image. The next `up` goes on.",
    )
    with watch(installed, trial) as saw:
        wanted = config() | {"grove": separate(NEW)["grove"] | {"timeout": 10, "values": {"replicaCount": 2}}}
        installed.configure(wanted)
        with inject_faults(api, {"grove-operator.ready": "false", "images.pulled": "false"}):
            said = fails(installed)
        assert "release grove failed." in said
        assert "Deployment grove-operator: 0 of 2 pods available" in said
        assert "container grove-operator waiting: ImagePullBackOff" in said
        assert 'Back-off pulling image "' in said
        saw("the error names the container and the image")
        converges(installed, wanted)
        saw("one `up`")
    converges(installed)


# The state


@pytest.mark.slow
def test_older_state_restored(installed: Engine, tmp_path: Path) -> None:
    backup = tmp_path / "state.json"
    installed.run("pulumi", "stack", "export", "--stack", STACK, "--file", str(backup))
    trial = Trial(
        "fault",
        "the state is restored from an older backup",
        "The runbook makes the state equal to the cluster, and the next `up` goes on.",
        "the-state-is-older-than-the-cluster",
    )
    with watch(installed, trial) as saw:
        converges(installed, config(qps=80, quota=7))
        runbooks.follow(installed, "the-state-is-older-than-the-cluster", BACKUP=str(backup))
        assert quota(installed) == 7
        saw("the runbook succeeds, and the quota stays")
        installed.assert_unchanged()
    converges(installed)


def test_two_updates_at_once(installed: Engine) -> None:
    trial = Trial("fault", "two `up` at once", "The second stops at the lock, and the first one ends.", "")
    with watch(installed, trial) as saw:
        installed.configure(config(qps=81))
        with subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK],
            cwd=installed.folder,
            env=installed.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as first:
            for line in first.stdout or ():
                if "updating" in line:
                    break
            said = fails(installed)
            first.communicate()
        assert "the stack is currently locked" in said
        assert first.returncode == 0
        saw("the second one fails and changes nothing")
        installed.assert_unchanged()
    converges(installed)
