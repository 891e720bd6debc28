"""Rules about the cluster: which one it is, and what it serves."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.choices import Choices
from dynamo_platform.findings import shown

from .base import GUIDE, Verdict, rule

PROMETHEUS_API = "monitoring.coreos.com/v1"
"""The API of the Prometheus operator's monitors."""


@rule("CLU001")
def one_answer_to_which_cluster(c: Choices) -> Iterator[Verdict]:
    """A context beside an explicit provider would be ignored."""
    if c.provider_given and c.config.cluster and c.config.cluster.context is not None:
        yield Verdict(
            "cluster.context",
            shown(c.config.cluster.context),
            "no context beside a Kubernetes provider",
            "The component was given a provider, and that decides the cluster.",
            GUIDE,
        )


@rule("CLU002")
def kubernetes_is_new_enough(c: Choices) -> Iterator[Verdict]:
    """Each band has its Kubernetes floor; the chart checks it from 1.4 on."""
    if c.band is None or c.config.kubernetes_version is None:
        return
    given, floor = (
        tuple(int(part) for part in text.removeprefix("v").split(".")[:2])
        for text in (c.config.kubernetes_version, c.band.kubernetes)
    )
    if given < floor:
        yield Verdict(
            "kubernetesVersion",
            shown(c.config.kubernetes_version),
            f">= {c.band.kubernetes}",
            f"dynamo-platform {c.version} needs it.",
            c.band.source,
        )


@rule("CLU004", acceptable=True)
def monitors_have_their_api(c: Choices) -> Iterator[Verdict]:
    """Monitors that are forced on fail the release where the Prometheus operator's CRDs are missing."""
    monitoring, served = c.config.monitoring, c.config.api_versions
    if monitoring is None or served is None or PROMETHEUS_API in served:
        return
    for path, forced in (("podMonitors", monitoring.pod_monitors), ("metricsService", monitoring.metrics_service)):
        if forced:
            yield Verdict(
                f"monitoring.{path}",
                "true",
                f"false, auto, or {PROMETHEUS_API} among apiVersions",
                "By apiVersions the cluster does not serve the Prometheus operator's kinds, and the release would fail "
                "with `no matches for kind`.",
                GUIDE,
            )
