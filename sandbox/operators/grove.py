"""Grove's operator: applies its CRDs, and creates the certificate of its webhooks."""

import base64
from functools import partial
from typing import Any

import trustme
from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration, ValidatingWebhookConfiguration
from lightkube.resources.core_v1 import Pod, Secret

from sandbox.operators.charts import Charts
from sandbox.operators.cluster import Cluster, Manifest
from sandbox.operators.pods import INJECTED_FAULT, PodRunner, init_image_version, reported_problem

WORKLOAD = "grove-operator"
"""The label `app.kubernetes.io/name` of the operator's pods, and the name of its webhooks' Service."""
SECRET = "grove-webhook-server-cert"  # noqa: S105 - a name
WEBHOOKS = (
    "podcliqueset-defaulting-webhook",
    "podcliqueset-validating-webhook",
    "clustertopology-validating-webhook",
    "authorizer-webhook",
)


class GroveOperator(PodRunner):
    """Runs the operator's pods; in mode `auto`, a ready pod keeps the Secret and each `caBundle` filled."""

    def __init__(self, cluster: Cluster, charts: Charts) -> None:
        super().__init__(cluster)
        self.charts = charts
        self.secrets = cluster.store(Secret, fields={"metadata.name": SECRET})
        self.mutating = cluster.store(MutatingWebhookConfiguration)
        self.validating = cluster.store(ValidatingWebhookConfiguration)

    async def reconcile(self) -> None:
        """Start pods, and create the certificate."""
        for workload, pod in self.scheduled_pods("app.kubernetes.io/name"):
            if workload == WORKLOAD and self.can_start(workload, pod):
                await self.report_state(pod, await self._problem(pod))
                if reported_problem(pod) == "" and self._provisions_certificates(pod):
                    await self._provision(pod)

    async def _problem(self, pod: Pod) -> str | None:
        if not self.faults.ready(WORKLOAD):
            return INJECTED_FAULT
        tag = init_image_version(pod, "crd-installer")
        if reported_problem(pod) == "" or tag is None:
            return None
        return await self.initialize(pod, partial(self.charts.crds, "grove-charts", tag), "grove-crd-installer")

    def _provisions_certificates(self, pod: Pod) -> bool:
        webhooks = self.configuration(pod).get("server", {}).get("webhooks", {})
        return bool(webhooks.get("certProvisionMode", "auto") == "auto")

    async def _provision(self, pod: Any) -> None:
        namespace = pod.metadata.namespace
        secret = self.secrets.get(SECRET, namespace)
        data = (secret.data if secret else None) or {}
        if not data.get("tls.crt"):
            data = certificate(namespace)
            kind = secret.type if secret else "kubernetes.io/tls"
            manifest = {"metadata": {"name": SECRET, "namespace": namespace}, "type": kind, "data": data}
            await self.cluster.apply(Secret, {"apiVersion": "v1", "kind": "Secret", **manifest}, WORKLOAD)
        for configuration in (*self.mutating, *self.validating):
            await self._inject(configuration, data["ca.crt"])

    async def _inject(self, configuration: Any, ca_bundle: str) -> None:
        if configuration.metadata.name not in WEBHOOKS:
            return
        stale = [hook.name for hook in configuration.webhooks or [] if hook.clientConfig.caBundle != ca_bundle]
        if stale:
            webhooks = [{"name": name, "clientConfig": {"caBundle": ca_bundle}} for name in stale]
            await self.cluster.client.patch(type(configuration), configuration.metadata.name, {"webhooks": webhooks})


def certificate(namespace: str) -> Manifest:
    """Return the data of a Secret with a certificate for the webhooks' Service in the namespace."""
    authority = trustme.CA()
    server = authority.issue_cert(f"{WORKLOAD}.{namespace}.svc", WORKLOAD)
    content = {
        "ca.crt": authority.cert_pem,
        "tls.crt": server.cert_chain_pems[0],
        "tls.key": server.private_key_pem,
    }
    return {key: base64.b64encode(blob.bytes()).decode() for key, blob in content.items()}
