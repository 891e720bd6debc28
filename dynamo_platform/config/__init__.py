"""The configuration: settings, stack files, and YAML as Pulumi reads it."""

from .model import (
    BackendConfig,
    ClusterConfig,
    GroveConfig,
    KaiSchedulerConfig,
    MonitoringConfig,
    PlacementConfig,
    PlatformConfig,
    QueueConfig,
    QueueResource,
    RegistryConfig,
    TolerationConfig,
    WebhookCertificatesConfig,
)

__all__ = [
    "BackendConfig",
    "ClusterConfig",
    "GroveConfig",
    "KaiSchedulerConfig",
    "MonitoringConfig",
    "PlacementConfig",
    "PlatformConfig",
    "QueueConfig",
    "QueueResource",
    "RegistryConfig",
    "TolerationConfig",
    "WebhookCertificatesConfig",
]
