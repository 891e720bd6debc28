"""Where a chart is pulled from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .config import RegistryConfig, ReleaseConfig


def path_of(repository: str) -> str:
    """``a/b`` of ``oci://host/a/b``; upstream has the images below the same path as the chart."""
    return repository.partition("://")[2].partition("/")[2]


def mirrored(repository: str, registry: RegistryConfig | None) -> str:
    """Upstream's repository, or the same path on the mirror."""
    if registry is None or registry.mirror is None:
        return repository
    return f"oci://{registry.mirror}/{path_of(repository)}"


def located(chart: str, repository: str) -> tuple[str, str | None]:
    """A chart and its repository as Helm takes them: OCI references and local charts need no repository."""
    if "/" in chart or chart.endswith(".tgz"):
        return chart, None
    if repository.startswith("oci://"):
        return f"{repository.rstrip('/')}/{chart}", None
    return chart, repository


def reference(config: ReleaseConfig, chart: str, repository: str, registry: RegistryConfig | None) -> str:
    """Upstream's chart, or what the configuration has instead, as one reference."""
    name, source = located(config.chart or chart, config.repository or mirrored(repository, registry))
    return f"{source.rstrip('/')}/{name}" if source else name


def content(chart: Path) -> str:
    """A digest of a local chart's archive or folder, 12 hexadecimal digits; of one that is not there, of nothing."""
    files = sorted(path for path in chart.rglob("*") if path.is_file()) if chart.is_dir() else [chart]
    whole = hashlib.sha256()
    for path in files:
        data = path.read_bytes() if path.is_file() else b""
        whole.update(f"{path.relative_to(chart)} {len(data)}\n".encode() + data)
    return whole.hexdigest()[:12]
