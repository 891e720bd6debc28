"""Charts on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path


def content(chart: Path) -> str:
    """A digest of a local chart's archive or folder, 12 hexadecimal digits; of one that is not there, of nothing."""
    files = sorted(path for path in chart.rglob("*") if path.is_file()) if chart.is_dir() else [chart]
    whole = hashlib.sha256()
    for path in files:
        data = path.read_bytes() if path.is_file() else b""
        whole.update(f"{path.relative_to(chart)} {len(data)}\n".encode() + data)
    return whole.hexdigest()[:12]
