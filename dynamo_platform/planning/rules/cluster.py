"""Rules about the cluster: its selection, its version and its APIs."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.catalog.model import Chart, latest
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices
from dynamo_platform.versions import Version

from .base import Verdict, kubernetes_minor, rule, with_current


@rule("CLU001")
def cluster_is_selected_once(c: Choices) -> Iterator[Verdict]:
    """A context is ignored if the program passes a Kubernetes provider."""
    if c.provider_given and c.config.cluster and c.config.cluster.context is not None:
        yield Verdict(
            "cluster.context",
            quote_value(c.config.cluster.context),
            "no context if you pass a Kubernetes provider to the component",
            "The provider selects the cluster, so the context would be ignored.",
        )


@rule("CLU007", acceptable=True)
def cluster_stays_the_same(c: Choices) -> Iterator[Verdict]:
    """With another context, Pulumi installs everything into the other cluster and uninstalls it from this one."""
    before = c.running.context if c.running else None
    context = c.config.cluster.context if c.config.cluster and not c.provider_given else None
    if c.running is None or before is None or before == context:
        return
    given = with_current(quote_value(context) if context else "nothing", quote_value(before))
    if context in c.running.same_cluster:
        why = "In the kubeconfig, both contexts have the same server and certificate authority, so nothing is replaced."
        yield Verdict("cluster.context", given, "another name for the same cluster", why, severity="note")
    else:
        yield Verdict(
            "cluster.context",
            given,
            f"{quote_value(before)}; for another cluster, another stack",
            "Pulumi replaces everything: it installs all releases and queues into the other cluster, then uninstalls "
            "those of this one, with the queues of running workloads. If only the context's name has changed, keep "
            "both names in the kubeconfig for this update.",
            about=context or "nothing",
        )


@rule("CLU002")
def kubernetes_is_new_enough(c: Choices) -> Iterator[Verdict]:
    """The platform and KAI Scheduler need a minimum Kubernetes version."""
    text = c.config.kubernetes_version
    for name, floor, source in _kubernetes_floors(c) if text else ():
        if text and kubernetes_minor(text) < kubernetes_minor(floor):
            yield Verdict(
                "kubernetesVersion",
                quote_value(text),
                f">= {floor}",
                f"{name} needs this version or later.",
                source,
            )


def _kubernetes_floors(c: Choices) -> Iterator[tuple[str, str, str]]:
    charts: list[tuple[Chart, Version | None]] = [(c.catalog.platform, c.version if c.minor else None)]
    charts += [(d.chart, d.version) for d in c.dependencies if d.on]
    for chart, version in charts:
        row = latest(chart.kubernetes, version) if version else None
        if row:
            yield f"{chart.chart} {version}", row.floor, row.source


@rule("CLU004", acceptable=True)
def monitors_have_their_api(c: Choices) -> Iterator[Verdict]:
    """A release with monitors fails if the Prometheus operator's CRDs are missing."""
    monitoring, served = c.config.monitoring, c.config.api_versions
    if monitoring is None or served is None or c.catalog.platform.monitors.api in served:
        return
    for path, forced in (
        ("podMonitors", monitoring.pod_monitors),
        ("metricsService", monitoring.metrics_service),
        ("groveServiceMonitor", monitoring.grove_service_monitor),
    ):
        if forced:
            yield Verdict(
                f"monitoring.{path}",
                "true",
                f"false, auto, or {c.catalog.platform.monitors.api} in apiVersions",
                "According to apiVersions, the cluster does not serve the Prometheus operator's kinds. The release "
                "would fail with `no matches for kind`.",
            )


@rule("CLU005", "warning")
def external_dependencies_are_served(c: Choices) -> Iterator[Verdict]:
    """The operator exits if KAI Scheduler or Grove is enabled and its API is missing."""
    served = c.config.api_versions
    for d in c.dependencies:
        if d.mode == "external" and served is not None and d.chart.api not in {api.partition("/")[0] for api in served}:
            yield Verdict(
                f"{d.key}.mode",
                "external",
                f"an API of {d.chart.api} in apiVersions, or another mode",
                f"According to apiVersions, the cluster does not serve {d.chart.api}. The operator would exit at every "
                "start.",
            )
