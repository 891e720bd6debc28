"""The work of the hook Jobs in KAI's chart."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import yaml
from lightkube import ApiError
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import PatchType

from sandbox.operators.charts import Charts, parse_version
from sandbox.operators.cluster import Cluster
from sandbox.operators.operands import CONFIG_NAME, MANAGED_BY, Config
from sandbox.operators.pods import INJECTED_FAULT, PodRunner, image_version

JOB_LABEL = "batch.kubernetes.io/job-name"
DIGEST = re.compile("-[0-9a-f]{12}$")
"""The suffix of a Job that was rendered as an ordinary object instead of a hook."""

Work = Callable[[str, Pod], Awaitable[None]]
"""Called with the pod's namespace and the pod; raises ApiError or LookupError if the real Job would fail."""


class Hooks(PodRunner):
    """Runs the pods of the hook Jobs; each completes only when its work is done."""

    def __init__(self, cluster: Cluster, charts: Charts) -> None:
        super().__init__(cluster)
        self.charts = charts
        self.deployments = cluster.store(Deployment)
        self._ran: set[str] = set()
        self._work: dict[str, Work] = {
            "crd-upgrader": self._upgrade_crds,
            "topology-migration": self._migrate_topologies,
            "kai-config-deployer": self._deploy_config,
            "post-delete-cleanup": self._clean_up,
        }

    async def reconcile(self) -> None:
        """Run each hook pod once."""
        jobs = [(DIGEST.sub("", name), pod) for name, pod in self.scheduled_pods(JOB_LABEL)]
        due = [(job, pod) for job, pod in jobs if job in self._work and self.can_start(job, pod)]
        await asyncio.gather(*(self._run(job, pod) for job, pod in due))

    async def _run(self, job: str, pod: Any) -> None:
        if pod.metadata.uid in self._ran:
            return
        problem = None if self.faults.ready(job) else INJECTED_FAULT
        if problem is None:
            try:
                await self._work[job](pod.metadata.namespace, pod)
            except (ApiError, LookupError) as error:
                problem = str(error)
        await self.report_finished(pod, problem)
        self._ran.add(pod.metadata.uid)

    async def _upgrade_crds(self, _namespace: str, pod: Pod) -> None:
        tag = image_version(pod)
        crds = await asyncio.to_thread(self.charts.crds, "kai-scheduler", tag)
        if not crds:
            raise LookupError(f"no archive of chart kai-scheduler {tag} among the charts of the sandbox")
        await self.apply_crds(crds, "crd-upgrader")

    async def _migrate_topologies(self, _namespace: str, _pod: Pod) -> None:
        """Do nothing: the real Job copies Kueue's topologies to KAI's, and the sandbox has no Kueue."""

    async def _deploy_config(self, namespace: str, _pod: Pod) -> None:
        """Apply the manifest, and remove the hook annotations of older charts from an existing kai-config."""
        config_map = await self.cluster.client.get(ConfigMap, "kai-config-manifest", namespace=namespace)
        manifest = yaml.safe_load((config_map.data or {})["kai-config.yaml"])
        await self.cluster.apply(Config, manifest, "kai-config-deployer")
        unhook = {"metadata": {"annotations": {"helm.sh/hook": None, "helm.sh/hook-weight": None}}}
        await self.cluster.client.patch(Config, CONFIG_NAME, unhook, patch_type=PatchType.MERGE)

    async def _clean_up(self, namespace: str, pod: Pod) -> None:
        """Delete the Deployments that this version's script deletes, and kai-config from 0.13.0 (final) on."""
        kai = parse_version(image_version(pod))
        # Up to 0.15 the namespace is hard-coded (https://github.com/kai-scheduler/KAI-Scheduler/issues/1618).
        # 0.16.0 deletes all Deployments in the namespace; from 0.16.1 on, only those of KAI's operator.
        if kai < (0, 16, 0, False):
            namespace = "kai-scheduler"
        for deployment in self.deployments:
            metadata = deployment.metadata
            if metadata is None or metadata.namespace != namespace or metadata.name is None:
                continue
            if kai <= (0, 16, 0, True) or MANAGED_BY.items() <= (metadata.labels or {}).items():
                await self.cluster.delete(Deployment, metadata.name, namespace)
        if kai >= (0, 13, 0, True):
            await self.cluster.delete(Config, CONFIG_NAME)
