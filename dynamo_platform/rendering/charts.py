"""Charts on the local disk."""

from __future__ import annotations

import hashlib
from pathlib import Path


def chart_digest(chart: Path) -> str:
    """12 hexadecimal digits for the content of a chart's archive or folder; a missing chart counts as empty."""
    files = sorted(path for path in chart.rglob("*") if path.is_file()) if chart.is_dir() else [chart]
    whole = hashlib.sha256()
    for path in files:
        data = path.read_bytes() if path.is_file() else b""
        whole.update(f"{path.relative_to(chart)} {len(data)}\n".encode() + data)
    return whole.hexdigest()[:12]
