"""The repository that a chart is pulled from."""

from __future__ import annotations

from dynamo_platform.config.model import RegistryConfig, ReleaseConfig


def repository_path(repository: str) -> str:
    """``a/b`` of ``oci://host/a/b``; upstream publishes images below the same path as the chart."""
    return repository.partition("://")[2].partition("/")[2]


def repository_host(repository: str) -> str:
    """``host`` of ``oci://host/a/b``."""
    return repository.partition("://")[2].partition("/")[0]


def mirror_of(host: str, registry: RegistryConfig | None) -> str | None:
    """The mirror of an upstream registry; None if it has none."""
    return (registry.mirrors or {}).get(host, registry.mirror) if registry else None


def mirrored(repository: str, registry: RegistryConfig | None) -> str:
    """Upstream's repository of charts, or the same path on its mirror."""
    mirror = mirror_of(repository_host(repository), registry)
    if mirror is None or (registry and registry.mirror_charts is False):
        return repository
    return f"oci://{mirror}/{repository_path(repository)}"


def is_local(chart: str | None) -> bool:
    """Whether a chart of the configuration is an archive or a folder on the local disk."""
    return chart is not None and "://" not in chart and ("/" in chart or chart.endswith(".tgz"))


def located(chart: str, repository: str) -> tuple[str, str | None]:
    """A chart and its repository in Helm's form.

    OCI references, local charts, and charts of a repository that `helm repo add` named have no repository.
    """
    if "/" in chart or chart.endswith(".tgz"):
        return chart, None
    if repository.startswith("@"):
        return f"{repository[1:]}/{chart}", None
    if repository.startswith("oci://"):
        return f"{repository.rstrip('/')}/{chart}", None
    return chart, repository


def reference(config: ReleaseConfig, chart: str, repository: str, registry: RegistryConfig | None) -> str:
    """The chart that the configuration names, or upstream's, as one reference."""
    name, source = located(config.chart or chart, config.repository or mirrored(repository, registry))
    return f"{source.rstrip('/')}/{name}" if source else name
