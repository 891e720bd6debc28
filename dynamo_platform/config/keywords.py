"""The settings as keyword arguments of the component, for editors and type checkers.

Imported by type checkers only, so it costs no time at run time. The models in ``model.py`` describe the settings.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from .model import (
    BackendConfig,
    BackendMode,
    CertificateMode,
    ClusterConfig,
    GroveConfig,
    KaiSchedulerConfig,
    Mode,
    MonitoringConfig,
    PlacementConfig,
    Profile,
    QueueConfig,
    QueueResource,
    RegistryConfig,
    TolerationConfig,
    WebhookCertificatesConfig,
)


class ReleaseSettings(TypedDict, total=False):
    """As :class:`.model.ReleaseConfig`."""

    version: str | None
    namespace: str | None
    namespace_labels: Mapping[str, str] | None
    namespace_annotations: Mapping[str, str] | None
    values: Mapping[str, Any] | None
    timeout: int | None
    chart: str | None
    repository: str | None


class DependencySettings(ReleaseSettings, total=False):
    """As :class:`.model.DependencyConfig`."""

    mode: Mode | None


class KaiSchedulerSettings(DependencySettings, total=False):
    """As :class:`.model.KaiSchedulerConfig`."""

    staleness_grace_period: str | None
    topology_migration: bool | None
    gpu_runtime_class: str | None
    post_cleanup: bool | None


class GroveSettings(DependencySettings, total=False):
    """As :class:`.model.GroveConfig`."""

    webhook_secret: bool | None
    health_probes: bool | None
    crd_installer: bool | None


class MonitoringSettings(TypedDict, total=False):
    """As :class:`.model.MonitoringConfig`."""

    pod_monitors: bool | Literal["auto"] | None
    metrics_service: bool | Literal["auto"] | None
    grove_service_monitor: bool | None
    labels: Mapping[str, str] | None
    prometheus_endpoint: str | None


class WebhookCertificatesSettings(TypedDict, total=False):
    """As :class:`.model.WebhookCertificatesConfig`."""

    mode: CertificateMode | None
    secret: str | None
    ca_bundle: str | None


class RegistrySettings(TypedDict, total=False):
    """As :class:`.model.RegistryConfig`."""

    mirror: str | None
    mirrors: Mapping[str, str] | None
    mirror_charts: bool | None
    pull_secrets: list[str] | tuple[str, ...] | None


class TolerationSettings(TypedDict, total=False):
    """As :class:`.model.TolerationConfig`."""

    key: str | None
    operator: Literal["Equal", "Exists"] | None
    value: str | None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None
    toleration_seconds: int | None


class PlacementSettings(TypedDict, total=False):
    """As :class:`.model.PlacementConfig`."""

    tolerations: Sequence[TolerationConfig | TolerationSettings] | None
    node_selector: Mapping[str, str] | None


class QueueResourceSettings(TypedDict, total=False):
    """As :class:`.model.QueueResource`."""

    quota: Required[float]
    limit: Required[float]
    over_quota_weight: float


class QueueSettings(TypedDict, total=False):
    """As :class:`.model.QueueConfig`."""

    name: Required[str]
    parent: str | None
    display_name: str | None
    priority: int | None
    preempt_min_runtime: str | None
    reclaim_min_runtime: str | None
    labels: Mapping[str, str] | None
    cpu: QueueResource | QueueResourceSettings | None
    gpu: QueueResource | QueueResourceSettings | None
    memory: QueueResource | QueueResourceSettings | None


class BackendSettings(TypedDict, total=False):
    """As :class:`.model.BackendConfig`."""

    mode: BackendMode | None
    address: str | None


class ClusterSettings(TypedDict, total=False):
    """As :class:`.model.ClusterConfig`."""

    context: str | None


class PlatformSettings(ReleaseSettings, total=False):
    """As :class:`.model.PlatformConfig`."""

    profile: Profile | None
    kai_scheduler: KaiSchedulerConfig | KaiSchedulerSettings | None
    grove: GroveConfig | GroveSettings | None
    monitoring: MonitoringConfig | MonitoringSettings | None
    queues: Sequence[QueueConfig | QueueSettings] | None
    default_queues: bool | None
    nats: BackendConfig | BackendSettings | None
    etcd: BackendConfig | BackendSettings | None
    discovery_backend: Literal["kubernetes", "etcd"] | None
    cluster: ClusterConfig | ClusterSettings | None
    kubernetes_version: str | None
    api_versions: list[str] | tuple[str, ...] | None
    webhook_certificates: WebhookCertificatesConfig | WebhookCertificatesSettings | None
    registry: RegistryConfig | RegistrySettings | None
    placement: PlacementConfig | PlacementSettings | None
    replicas: int | None
    protect: bool | None
    preview_objects: bool | None
    catalog: str | None
    accept: list[str] | tuple[str, ...] | None
