"""Dynamo's operator: applies its CRDs, and does not start while an API of an enabled orchestrator is missing."""

from typing import NamedTuple

from lightkube.resources.core_v1 import Pod

from sandbox.operators.charts import Charts, parse_version
from sandbox.operators.cluster import Cluster, Manifest
from sandbox.operators.pods import INJECTED_FAULT, PodRunner, init_image_version, reported_problem

WORKLOAD = "dynamo-operator"
"""The chart's name, and the label `app.kubernetes.io/name` of its pods."""
API_GROUPS = {"grove": "grove.io", "kaiScheduler": "scheduling.run.ai"}
"""The API group of each key of `orchestrators` in the operator's configuration."""
FIRST_STORING_BETA = (1, 5, 0, False)


class Names(NamedTuple):
    """The names of a custom resource of Dynamo, and whether it has a version v1beta1."""

    kind: str
    short: str
    beta: bool


CRDS = (
    Names("DynamoCheckpoint", "dckpt", beta=False),
    Names("DynamoComponentDeployment", "dcd", beta=True),
    Names("DynamoGraphDeployment", "dgd", beta=True),
    Names("DynamoGraphDeploymentRequest", "dgdr", beta=True),
    Names("DynamoGraphDeploymentScalingAdapter", "dgdsa", beta=True),
    Names("DynamoModel", "dm", beta=False),
    Names("DynamoWorkerMetadata", "dwm", beta=False),
)
"""The CRDs in the operator's image; from 1.3 on, the chart has none."""


class DynamoOperator(PodRunner):
    """Runs the operator's pods."""

    def __init__(self, cluster: Cluster, charts: Charts) -> None:
        super().__init__(cluster)
        self.charts = charts

    async def reconcile(self) -> None:
        """Start pods, and restart those that failed."""
        for workload, pod in self.scheduled_pods("app.kubernetes.io/name"):
            if workload == WORKLOAD and self.can_start(workload, pod):
                await self.report_state(pod, await self._problem(pod))

    async def _problem(self, pod: Pod) -> str | None:
        if not self.faults.ready(WORKLOAD):
            return INJECTED_FAULT
        if reported_problem(pod) == "":  # already started; it does not check again
            return None
        tag = init_image_version(pod, "crd-apply")
        if tag is not None:
            problem = await self.initialize(
                pod, lambda: self.charts.crds(WORKLOAD, tag) or crds(tag), "dynamo-crd-apply"
            )
            if problem is not None:
                return problem
        orchestrators = self.configuration(pod).get("orchestrators", {})
        enabled = [group for key, group in API_GROUPS.items() if orchestrators.get(key, {}).get("enabled")]
        missing = [group for group in enabled if not self.cluster.serves(group)]
        return f"enabled, but not served by the cluster: {', '.join(missing)}" if missing else None


def crds(operator_version: str) -> list[Manifest]:
    """Return Dynamo's CRDs without schemas. The storage version is v1beta1 from 1.5 on."""
    stored = "v1beta1" if parse_version(operator_version) >= FIRST_STORING_BETA else "v1alpha1"
    return [_crd(names, stored) for names in CRDS]


def _crd(names: Names, stored: str) -> Manifest:
    singular = names.kind.lower()
    versions = ["v1alpha1", "v1beta1"] if names.beta else ["v1alpha1"]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.nvidia.com", "annotations": {"helm.sh/resource-policy": "keep"}},
        "spec": {
            "group": "nvidia.com",
            "scope": "Namespaced",
            "names": {
                "kind": names.kind,
                "listKind": f"{names.kind}List",
                "singular": singular,
                "plural": f"{singular}s",
                "shortNames": [names.short],
            },
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == stored or not names.beta,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
                for name in versions
            ],
        },
    }
