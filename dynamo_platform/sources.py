"""Where a chart is pulled from."""

from __future__ import annotations

from .config import ReleaseConfig


def located(chart: str, repository: str) -> tuple[str, str | None]:
    """A chart and its repository as Helm takes them: OCI references and local charts need no repository."""
    if "/" in chart or chart.endswith(".tgz"):
        return chart, None
    if repository.startswith("oci://"):
        return f"{repository.rstrip('/')}/{chart}", None
    return chart, repository


def reference(config: ReleaseConfig, chart: str, repository: str) -> str:
    """Upstream's chart, or what the configuration has instead, as one reference."""
    name, source = located(config.chart or chart, config.repository or repository)
    return f"{source.rstrip('/')}/{name}" if source else name
