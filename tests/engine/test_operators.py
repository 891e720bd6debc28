"""The simulated operators on a live API server, with the contract charts and the helm CLI."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import pytest
from lightkube import ApiError, Client
from lightkube.generic_resource import create_global_resource
from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration, ValidatingWebhookConfiguration
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Event, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Secret

from sandbox.cluster import client
from sandbox.commands import CommandError, run
from sandbox.operators import grove, pods
from sandbox.operators.operands import Config, SchedulingShard
from sandbox.sandbox import Sandbox
from tests.engine.injected import inject_faults

Queue = create_global_resource("scheduling.run.ai", "v2", "Queue", "queues")
Value = TypeVar("Value")

KAI, GROVE, DYNAMO = "kai-scheduler", "grove-system", "dynamo-system"
OPERANDS = {
    "admission",
    "binder",
    "kai-scheduler-default",
    "pod-grouper",
    "podgroup-controller",
    "queue-controller",
}
QUEUE = {"resources": {"gpu": {"quota": -1, "limit": -1, "overQuotaWeight": 1}}}


class Live:
    """A sandbox's cluster, and helm for it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.client: Client = client(sandbox.paths.kubeconfig)

    def helm(self, *arguments: str) -> None:
        run([self.sandbox.tools["helm"], *arguments], env=self.sandbox.env)

    def install(self, release: str, chart: str, namespace: str, *arguments: str) -> None:
        archive = str(self.sandbox.paths.charts / f"{chart}.tgz")
        where = ("--namespace", namespace, "--create-namespace")
        self.helm("upgrade", "--install", release, archive, *where, *arguments)

    def deployments(self, namespace: str) -> dict[str, Deployment]:
        return {
            str(item.metadata and item.metadata.name): item
            for item in self.client.list(Deployment, namespace=namespace)
        }

    def images(self, namespace: str) -> dict[str, str]:
        found = {}
        for name, item in self.deployments(namespace).items():
            assert item.spec is not None
            assert item.spec.template.spec is not None
            found[name] = pods.image_tag(item.spec.template.spec.containers[0].image)
        return found

    def condition(self, kind: Any, name: str, condition: str) -> tuple[str, str] | None:
        """Status and message of a condition of this generation."""
        found: Any = self.client.get(kind, name)
        for item in (found.status or {}).get("conditions", []):
            if item["type"] == condition and item["observedGeneration"] == found.metadata.generation:
                return item["status"], item["message"]
        return None

    def available(self) -> bool:
        """Return whether KAI's operator reports both of its resources as available."""
        conditions = [(Config, "kai-config"), (SchedulingShard, "default")]
        return all((self.condition(kind, name, "Available") or ("",))[0] == "True" for kind, name in conditions)

    def queue(self, name: str, spec: dict[str, Any]) -> None:
        self.client.create(cast("Any", Queue)({"metadata": {"name": name}, "spec": spec}))

    def refused(self) -> str | None:
        """Return why a queue cannot be created now, or None."""
        try:
            self.client.create(cast("Any", Queue)({"metadata": {"name": "tried"}, "spec": QUEUE}), dry_run=True)
        except ApiError as error:
            return str(error)
        return None

    def events(self, pod: str, reason: str) -> list[Event]:
        """Return the events of KAI's pods whose names have this prefix."""
        found = self.client.list(Event, namespace=KAI, fields={"reason": reason, "involvedObject.kind": "Pod"})
        return [event for event in found if (event.involvedObject.name or "").startswith(pod)]

    def bystander(self) -> None:
        """Create a Deployment in KAI's namespace that does not belong to KAI."""
        labels = {"app": "bystander"}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example/main:1"}]}}
        content = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "bystander", "namespace": KAI},
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        }
        self.client.apply(cast("Any", Deployment).from_dict(content), field_manager="test")


def eventually(look: Callable[[], Value], wanted: Callable[[Value], bool] = bool, seconds: float = 20) -> Value:
    """Return the result of `look` as soon as it is the wanted one."""
    deadline = time.monotonic() + seconds
    while True:
        value = look()
        if wanted(value):
            return value
        assert time.monotonic() < deadline, f"after {seconds} s: {value!r}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def live(sandbox: Sandbox) -> Live:
    return Live(sandbox)


@pytest.fixture(scope="module")
def kai(live: Live) -> Live:
    """The newest KAI, available."""
    live.install("kai-scheduler", "kai-scheduler-v0.17.0", KAI)
    eventually(live.available)
    return live


def test_a_hook_that_fails_fails_the_release(live: Live) -> None:
    with inject_faults(live.client, {"crd-upgrader.ready": "false"}), pytest.raises(CommandError, match="pre-install"):
        live.install("kai-scheduler", "kai-scheduler-v0.17.0", "refused", "--timeout", "4s")
    assert not live.deployments("refused")
    live.helm("uninstall", "kai-scheduler", "--namespace", "refused", "--no-hooks")


def test_operands_roll_with_a_new_version_and_go_with_the_release(live: Live) -> None:
    live.install("kai-scheduler", "kai-scheduler-v0.13.4", KAI)
    eventually(live.available)
    assert live.images(KAI) == dict.fromkeys({*OPERANDS, "kai-operator"}, "v0.13.4")

    live.install("kai-scheduler", "kai-scheduler-v0.17.0", KAI)
    eventually(lambda: live.images(KAI), lambda images: set(images.values()) == {"v0.17.0"})
    eventually(live.available)

    live.bystander()
    live.helm("uninstall", "kai-scheduler", "--namespace", KAI)
    eventually(lambda: live.deployments(KAI).keys(), lambda found: found == {"bystander"})
    with pytest.raises(ApiError, match="not found"):
        live.client.get(Config, "kai-config")


@pytest.mark.slow
def test_the_first_kai_takes_all_deployments_along_and_leaves_its_config_and_webhook(live: Live) -> None:
    live.install("kai-scheduler", "kai-scheduler-v0.13.0-rc1", KAI)
    eventually(live.available)
    assert "Ready" not in {item["type"] for item in live.client.get(Config, "kai-config")["status"]["conditions"]}
    live.bystander()
    live.helm("uninstall", "kai-scheduler", "--namespace", KAI)
    eventually(lambda: live.deployments(KAI), lambda found: not found)
    assert live.client.get(Config, "kai-config")
    assert _webhook_url(live)


def test_an_operand_that_is_not_ready_makes_kai_unavailable_and_queues_unwritable(kai: Live) -> None:
    kai.queue("before", QUEUE)
    with inject_faults(kai.client, {"queue-controller.ready": "false"}):
        _, message = eventually(
            lambda: kai.condition(Config, "kai-config", "Available") or ("", ""), lambda found: found[0] == "False"
        )
        assert message == "QueueController: Deployment [queue-controller] is not available"
        with pytest.raises(ApiError, match=r"queue-validation\.kai\.scheduler.*connection refused"):
            kai.queue("during", QUEUE)
        (event,) = kai.events("queue-controller-", "BackOff")
        assert (event.type, event.source and event.source.component) == ("Warning", "kubelet")
    eventually(kai.available)
    kai.queue("after", QUEUE)


def test_the_queue_webhook_can_refuse_connections_while_all_is_available(kai: Live) -> None:
    with inject_faults(kai.client, {"queue-webhook.listening": "false"}):
        eventually(kai.refused, lambda why: "connection refused" in (why or ""))
        assert kai.available()
    eventually(kai.refused, lambda why: why is None)


def test_the_queue_webhook_refuses_a_queue_without_resources(kai: Live) -> None:
    with pytest.raises(ApiError, match="resources must be specified"):
        kai.queue("empty", {"parentQueue": "default-parent-queue"})


@pytest.mark.parametrize("faulty", ["Config", "SchedulingShard"])
def test_each_of_kais_resources_can_be_unavailable_alone_and_comes_back(kai: Live, faulty: str) -> None:
    def states() -> dict[str, str]:
        found = {"Config": (Config, "kai-config"), "SchedulingShard": (SchedulingShard, "default")}
        return {kind: (kai.condition(*where, "Available") or ("",))[0] for kind, where in found.items()}

    with inject_faults(kai.client, {f"{faulty}.available": "false"}):
        eventually(states, lambda now: now == {"Config": "True", "SchedulingShard": "True"} | {faulty: "False"})
    eventually(kai.available)


def test_a_restart_of_the_operators_changes_no_condition(kai: Live) -> None:
    before: Any = kai.client.get(Config, "kai-config")
    operators = kai.sandbox._operators
    old_url = _webhook_url(kai)
    pid = operators.pid()
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: operators.pid() is None)
    kai.sandbox.up()
    eventually(lambda: _webhook_url(kai), lambda url: url != old_url)
    after: Any = kai.client.get(Config, "kai-config")
    assert after.metadata.resourceVersion == before.metadata.resourceVersion


def test_dynamo_waits_for_the_api_that_it_is_told_to_use(live: Live) -> None:
    live.install("dynamo-platform", "dynamo-platform-1.5.1", DYNAMO, "--set", "global.grove.enabled=true")
    problem = "enabled, but not served by the cluster: grove.io"
    name = "dynamo-platform-dynamo-operator-controller-manager"
    eventually(lambda: _said(live, name), lambda said: said == problem)

    live.install("grove", "grove-charts-v0.1.0-alpha.13", GROVE, "--wait")
    assert eventually(lambda: _said(live, name), lambda said: said == "") == ""
    names = {str(crd.metadata and crd.metadata.name) for crd in live.client.list(CustomResourceDefinition)}
    assert len({crd for crd in names if crd.endswith(".nvidia.com")}) == 7


def test_grove_fills_its_secret_and_its_webhooks(live: Live) -> None:
    live.install("grove", "grove-charts-v0.1.0-alpha.13", GROVE, "--wait")
    data = eventually(
        lambda: live.client.get(Secret, grove.SECRET, namespace=GROVE).data or {}, lambda d: bool(d.get("tls.key"))
    )
    eventually(lambda: _bundles(live), lambda found: found == {data["ca.crt"]})


def test_nodes_are_ready_without_leases(live: Live) -> None:
    nodes = list(live.client.list(Node))
    assert len(nodes) == 3
    for node in nodes:
        (ready,) = [each for each in (node.status and node.status.conditions) or [] if each.type == "Ready"]
        assert ready.status == "True"
        assert not (node.spec and node.spec.taints)
    assert list(live.client.list(Lease, namespace="kube-node-lease")) == []


def test_grove_installs_its_own_crds_where_helm_did_not(live: Live) -> None:
    def grove_crds() -> list[str]:
        found = live.client.list(CustomResourceDefinition)
        return [
            str(crd.metadata and crd.metadata.name) for crd in found if crd.spec and crd.spec.group.endswith("grove.io")
        ]

    def delete_grove_crds() -> list[str]:
        found = grove_crds()
        for name in found:
            with contextlib.suppress(ApiError):
                live.client.delete(CustomResourceDefinition, name)
        return found

    live.helm("uninstall", "grove", "--namespace", GROVE, "--ignore-not-found")
    # A definition goes only after its objects: applied to before, it would take the change along. One that the
    # installer of a pod on its way out applies again is deleted again.
    eventually(delete_grove_crds, lambda found: not found, seconds=60)
    settings = ("--skip-crds", "--set", "crdInstaller.enabled=true")
    live.install("grove", "grove-charts-v0.1.0-alpha.13", GROVE, *settings, "--wait")
    assert live.client.get(CustomResourceDefinition, "podcliquesets.grove.io")


def test_a_delayed_pod_starts_later(live: Live) -> None:
    live.helm("uninstall", "grove", "--namespace", GROVE, "--ignore-not-found")
    with inject_faults(live.client, {"grove-operator.delay": "3"}):
        started = time.monotonic()
        live.install("grove", "grove-charts-v0.1.0-alpha.13", GROVE, "--wait")
        assert time.monotonic() - started > 2


def test_a_claim_gets_a_volume_and_takes_it_along(live: Live) -> None:
    live.client.apply(cast("Any", Namespace).from_dict({"metadata": {"name": "volumes"}}), field_manager="test")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    content = {"metadata": {"name": "claim", "namespace": "volumes"}, "spec": spec}
    live.client.create(cast("Any", PersistentVolumeClaim).from_dict(content))
    bound = eventually(
        lambda: live.client.get(PersistentVolumeClaim, "claim", namespace="volumes"),
        lambda claim: bool(claim.status and claim.status.phase == "Bound"),
    )
    assert bound.spec is not None
    volume = bound.spec.volumeName or ""
    live.client.delete(PersistentVolumeClaim, "claim", namespace="volumes")
    eventually(
        lambda: volume not in {item.metadata and item.metadata.name for item in live.client.list(PersistentVolume)}
    )


def _said(live: Live, deployment: str) -> str | None:
    for pod in live.client.list(Pod, namespace=DYNAMO):
        if pod.metadata and (pod.metadata.name or "").startswith(deployment):
            return pods.reported_problem(pod)
    return None


def _webhook_url(live: Live) -> str | None:
    registered = live.client.get(ValidatingWebhookConfiguration, "kai-queue-validation-v2")
    return (registered.webhooks or [])[0].clientConfig.url


def _bundles(live: Live) -> set[str | None]:
    """The `caBundle` of every webhook of Grove."""
    mutating = live.client.list(MutatingWebhookConfiguration)
    found: list[Any] = [*live.client.list(ValidatingWebhookConfiguration), *mutating]
    groves = [item for item in found if item.metadata.name in grove.WEBHOOKS]
    return {webhook.clientConfig.caBundle for item in groves for webhook in item.webhooks}
