"""The repository that a chart is pulled from."""

from __future__ import annotations

from dynamo_platform.config.model import RegistryConfig, ReleaseConfig


def repository_path(repository: str) -> str:
    """``a/b`` of ``oci://host/a/b``; upstream publishes images below the same path as the chart."""
    return repository.partition("://")[2].partition("/")[2]


def mirrored(repository: str, registry: RegistryConfig | None) -> str:
    """Upstream's repository, or the same path on the mirror."""
    if registry is None or registry.mirror is None:
        return repository
    return f"oci://{registry.mirror}/{repository_path(repository)}"


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
