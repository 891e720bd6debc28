"""Typed settings: those that apply to each chart of a plan, with defaults, in the configuration's terms.

The ``settings`` of each chart in ``catalog/data/`` map them to chart values.
"""

from collections.abc import Iterator
from typing import Any

from dynamo_platform.config.model import GroveConfig, KaiSchedulerConfig

from .choices import Choices, Part, Setting

PRODUCTION_REPLICAS = 2
"""With one replica, a webhook that fails closed rejects every request during a restart: https://github.com/ai-dynamo/dynamo/pull/12712"""


def parts_of(c: Choices) -> Iterator[Part]:
    """Every chart that the plan installs and whose version is known."""
    version = c.version if c.minor else None
    if version:
        yield Part("dynamo-platform", version, c.catalog.platform.repository(version))
    for d in c.dependencies:
        if d.version and d.mode in {"separate", "bundled"}:
            yield Part(d.name, d.version, d.chart.repository(d.version), d.name if d.mode == "bundled" else "")
    for backend in (c.nats, c.etcd):
        if version and backend.mode == "bundled":
            yield Part(backend.key, version, "", backend.key)


def settings_of(c: Choices, part: Part) -> Iterator[Setting]:
    """The settings that apply to a chart."""
    yield from _everywhere(c)
    if part.name in {"dynamo-platform", "kai-scheduler", "grove"}:
        yield from _replicas(c)
    if part.name == "dynamo-platform":
        yield from _platform(c)
    elif part.name == "kai-scheduler":
        yield from _kai(c)
    elif part.name == "grove":
        yield from _grove(c)


def _everywhere(c: Choices) -> Iterator[Setting]:
    if registry := c.config.registry:
        yield from _unless_unset("registry.mirror", registry.mirror or registry.mirrors or None)
        yield from _unless_unset("registry.pullSecrets", registry.pull_secrets and list(registry.pull_secrets))
    if placement := c.config.placement:
        tolerations = [each.model_dump(by_alias=True, exclude_none=True) for each in placement.tolerations or ()]
        yield from _unless_unset("placement.tolerations", tolerations or None)
        yield from _unless_unset("placement.nodeSelector", placement.node_selector or None)


def _replicas(c: Choices) -> Iterator[Setting]:
    given = c.config.replicas
    replicas = PRODUCTION_REPLICAS if given is None and c.config.profile == "production" else given
    if replicas is not None:
        yield Setting("replicas", replicas, given is not None)
        yield Setting("replicas.several", replicas > 1, given=False)


def _platform(c: Choices) -> Iterator[Setting]:
    for dependency in c.dependencies:
        # Always both flags: install alone implies enabled today, but an omitted flag is a default that may change.
        yield Setting(f"{dependency.key}.install", dependency.mode == "bundled")
        yield Setting(f"{dependency.key}.enabled", dependency.on)
    for backend in (c.nats, c.etcd):
        yield Setting(f"{backend.key}.install", backend.mode == "bundled")
        if backend.mode == "external":
            yield Setting(f"{backend.key}.address", backend.address)
    yield Setting("discoveryBackend", c.config.discovery_backend or "kubernetes")
    if monitoring := c.config.monitoring:
        # Auto omits the key: a null parent breaks the chart's templates.
        yield from _unless_unset("monitoring.podMonitors", monitoring.pod_monitors)
        yield from _unless_unset("monitoring.metricsService", monitoring.metrics_service)
        yield from _unless_unset("monitoring.labels", monitoring.labels)
        yield from _unless_unset("monitoring.prometheusEndpoint", monitoring.prometheus_endpoint)
    if certificates := c.config.webhook_certificates:
        yield Setting("webhookCertificates.certManager", certificates.mode == "cert-manager")
        yield Setting("webhookCertificates.own", certificates.mode == "own")
        yield from _unless_unset("webhookCertificates.secret", certificates.secret)
        yield from _unless_unset("webhookCertificates.caBundle", certificates.ca_bundle)


def _kai(c: Choices) -> Iterator[Setting]:
    config = c.config.kai_scheduler or KaiSchedulerConfig()
    cleanup = c.catalog.kai_scheduler.post_cleanup
    harms = c.kai.version and cleanup.holds(c.kai.version) and c.kai.namespace != cleanup.namespace
    yield from _unless_unset("kaiScheduler.stalenessGracePeriod", config.staleness_grace_period, needed_grace_period(c))
    yield from _unless_unset("kaiScheduler.topologyMigration", config.topology_migration)
    yield from _unless_unset("kaiScheduler.gpuRuntimeClass", config.gpu_runtime_class)
    yield from _unless_unset("kaiScheduler.postCleanup", config.post_cleanup, False if harms else None)


def needed_grace_period(c: Choices) -> str | None:
    """The staleness grace period that this version of Grove needs in KAI Scheduler; None if it needs none."""
    staleness = c.catalog.kai_and_grove.staleness
    builds_gangs = c.grove.on and c.grove.version is not None and staleness.holds(c.grove.version)
    return staleness.value if builds_gangs else None


def _grove(c: Choices) -> Iterator[Setting]:
    config = c.config.grove or GroveConfig()
    # An empty Secret in the release overwrites the operator's certificate at every upgrade:
    # https://github.com/ai-dynamo/grove/issues/453
    yield from _unless_unset("grove.webhookSecret", config.webhook_secret, False)
    # Without probes Ready proves nothing, and the first workload can reach a webhook that is not listening yet:
    # https://github.com/ai-dynamo/grove/issues/742
    yield from _unless_unset("grove.healthProbes", config.health_probes, True)
    # Helm never upgrades a chart's crds/: https://github.com/ai-dynamo/grove/issues/436
    yield from _unless_unset("grove.crdInstaller", config.crd_installer, True)
    if monitoring := c.config.monitoring:
        yield from _unless_unset("monitoring.groveServiceMonitor", monitoring.grove_service_monitor)
        if monitoring.grove_service_monitor:
            yield from _unless_unset("monitoring.labels", monitoring.labels)


def _unless_unset(path: str, given: Any, default: Any = None) -> Iterator[Setting]:
    """A setting that is given or has a default here; otherwise the chart's own default applies."""
    value = default if given is None else given
    if value is not None:
        yield Setting(path, value, given is not None)
