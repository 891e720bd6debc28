"""KAI's operator: the operands of `Config/kai-config` and of each scheduling shard, conditions, and its webhook."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lightkube.resources.admissionregistration_v1 import ValidatingWebhookConfiguration
from lightkube.resources.apps_v1 import Deployment

from sandbox.operators.charts import parse_version
from sandbox.operators.cluster import Cluster, Manifest
from sandbox.operators.operands import (
    CONFIG_NAME,
    SIMULATED,
    Config,
    Images,
    SchedulingShard,
    config_operands,
    shard_operands,
)
from sandbox.operators.operator import Operator
from sandbox.operators.pods import INJECTED_FAULT, PodRunner
from sandbox.operators.queue_webhook import QueueWebhook

FIRST_WITH_READY = (0, 13, 0, True)
"""The first KAI version with the condition `Ready`; pre-releases of 0.13.0 do not have it."""


class OperandPods(PodRunner):
    """Runs the operands' pods."""

    async def reconcile(self) -> None:
        """Report every operand's pod as ready, unless a fault is injected."""
        for workload, pod in self.scheduled_pods(SIMULATED):
            if self.can_start(workload, pod):
                await self.report_state(pod, None if self.faults.ready(workload) else INJECTED_FAULT)


class KaiOperator(Operator):
    """Reconciles only while the Deployment `kai-operator` is available, like the real one."""

    manager = "kai-operator"

    def __init__(self, cluster: Cluster, webhook: QueueWebhook) -> None:
        super().__init__(cluster)
        self.webhook = webhook
        self.deployments = cluster.store(Deployment)
        self.configs = cluster.store(Config)
        self.shards = cluster.store(SchedulingShard)
        self.webhooks = cluster.store(ValidatingWebhookConfiguration)

    async def reconcile(self) -> None:
        """Create the operands of kai-config and of every shard, and report whether they are available."""
        self.webhook.status = self.faults.status("queue-webhook")
        if self.faults.listens("queue-webhook") and any(map(is_available, self._deployments_named("queue-controller"))):
            self.webhook.listen()
        else:
            self.webhook.refuse()
        operator = next((item for item in self._deployments_named("kai-operator") if is_available(item)), None)
        if operator is None or not self.faults.reconciles("kai-operator"):
            return
        images = Images.from_operator(operator)
        config = self.configs.get(CONFIG_NAME)
        if config is not None:
            await self._reconcile(config, config_operands(config, images), images.tag)
            await self.cluster.ensure(self.webhooks, self._registration(config), self.manager)
        for shard in self.shards:
            # Without kai-config, the real operator creates no operands and reports the shard as available.
            await self._reconcile(shard, shard_operands(shard, config, images) if config else {}, images.tag)

    def _registration(self, config: Any) -> Manifest:
        """Return the registration of the webhook, with the faults that are injected."""
        name = self.faults.service("queue-webhook")
        (deployment, *_) = [*self._deployments_named("queue-controller"), None]
        namespace = deployment.metadata.namespace if deployment and deployment.metadata else None
        service = {"name": name, "namespace": namespace} if name and namespace else None
        return self.webhook.registration(config, service=service, trusted=self.faults.trusted("queue-webhook"))

    def _deployments_named(self, name: str) -> list[Deployment]:
        return [item for item in self.deployments if item.metadata and item.metadata.name == name]

    async def _reconcile(self, owner: Any, operands: dict[str, Manifest], tag: str) -> None:
        missing, unavailable = [], []
        for title, manifest in operands.items():
            await self.cluster.ensure(self.deployments, manifest, self.manager)
            name = manifest["metadata"]["name"]
            live = self.deployments.get(name, manifest["metadata"]["namespace"])
            if live is None:
                missing.append(f"{title}: not deployed")
            if live is None or not is_available(live):
                unavailable.append(f"{title}: Deployment [{name}] is not available")
        if not self.faults.available(owner.kind):
            unavailable.append(INJECTED_FAULT)
        before = (owner.status or {}).get("conditions", [])
        now = conditions(missing, unavailable, owner.metadata.generation, before)
        if parse_version(tag) < FIRST_WITH_READY:
            now = [condition for condition in now if condition["type"] != "Ready"]
        if now != before and await self.cluster.patch_status(owner, {"conditions": now}):
            self.log.info("%s/%s: %s", owner.kind, owner.metadata.name, "; ".join(unavailable) or "available")


def is_available(deployment: Deployment) -> bool:
    """Return whether KAI's operator considers a Deployment available: all replicas are updated, `Available` is True.

    It does not compare `observedGeneration`, so a Deployment that has just changed is still available.
    """
    spec, status = deployment.spec, deployment.status
    if spec is None or status is None or (status.updatedReplicas or 0) != spec.replicas:
        return False
    return any(item.type == "Available" and item.status == "True" for item in status.conditions or [])


def conditions(
    missing: Sequence[str], unavailable: Sequence[str], generation: int, before: Sequence[Manifest]
) -> list[Manifest]:
    """Return the conditions of a Config or SchedulingShard; unchanged ones keep their transition time."""
    states = {
        "Reconciling": (False, "reconciled", "Reconciled"),
        "Deployed": (not missing, "deployed", "\n".join(missing) or "All resources exist"),
        "Available": (not unavailable, "available", "\n".join(unavailable) or "All operands are available"),
        "DependenciesFulfilled": (True, "dependencies_fulfilled", "Nothing is missing"),
        "Ready": (not unavailable, "not_ready" if unavailable else "ready", "\n".join(unavailable) or "Ready"),
    }
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    result = []
    for kind, (state, reason, message) in states.items():
        content: Manifest = {"type": kind, "status": str(state), "reason": reason, "message": message}
        content["observedGeneration"] = generation
        old = next((item for item in before if content.items() <= item.items()), None)
        result.append(old or {**content, "lastTransitionTime": now})
    return result
