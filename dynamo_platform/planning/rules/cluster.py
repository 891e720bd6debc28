"""Rules about the cluster: which one it is, and what it serves."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.catalog.model import Chart, latest
from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices
from dynamo_platform.versions import Version

from .base import Verdict, minor_of, rule


@rule("CLU001")
def one_answer_to_which_cluster(c: Choices) -> Iterator[Verdict]:
    """A context beside an explicit provider would be ignored."""
    if c.provider_given and c.config.cluster and c.config.cluster.context is not None:
        yield Verdict(
            "cluster.context",
            shown(c.config.cluster.context),
            "no context beside a Kubernetes provider",
            "The component was given a provider, and that decides the cluster.",
        )


@rule("CLU002")
def kubernetes_is_new_enough(c: Choices) -> Iterator[Verdict]:
    """The platform and KAI Scheduler have their floors; the platform's chart checks its own from 1.4 on."""
    text = c.config.kubernetes_version
    for name, floor, source in _kubernetes_floors(c) if text else ():
        if text and minor_of(text) < minor_of(floor):
            yield Verdict("kubernetesVersion", shown(text), f">= {floor}", f"{name} needs it.", source)


def _kubernetes_floors(c: Choices) -> Iterator[tuple[str, str, str]]:
    charts: list[tuple[Chart, Version | None]] = [(c.catalog.platform, c.version if c.minor else None)]
    charts += [(d.chart, d.version) for d in c.dependencies if d.on]
    for chart, version in charts:
        row = latest(chart.kubernetes, version) if version else None
        if row:
            yield f"{chart.chart} {version}", row.floor, row.source


@rule("CLU004", acceptable=True)
def monitors_have_their_api(c: Choices) -> Iterator[Verdict]:
    """Monitors that are forced on fail the release where the Prometheus operator's CRDs are missing."""
    monitoring, served = c.config.monitoring, c.config.api_versions
    if monitoring is None or served is None or c.catalog.platform.monitors.api in served:
        return
    for path, forced in (("podMonitors", monitoring.pod_monitors), ("metricsService", monitoring.metrics_service)):
        if forced:
            yield Verdict(
                f"monitoring.{path}",
                "true",
                f"false, auto, or {c.catalog.platform.monitors.api} among apiVersions",
                "By apiVersions the cluster does not serve the Prometheus operator's kinds, and the release would fail "
                "with `no matches for kind`.",
            )


@rule("CLU005", "warning")
def external_ones_are_served(c: Choices) -> Iterator[Verdict]:
    """The operator exits where it is told of KAI Scheduler or Grove and their API is not there."""
    served = c.config.api_versions
    for d in c.dependencies:
        if d.mode == "external" and served is not None and d.chart.api not in {api.partition("/")[0] for api in served}:
            yield Verdict(
                f"{d.key}.mode",
                "external",
                f"an API of {d.chart.api} among apiVersions, or another mode",
                f"By apiVersions the cluster does not serve {d.chart.api}, and the operator would exit at every start.",
            )
