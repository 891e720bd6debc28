"""The kubeconfig of the environment: which files there are, and which contexts they know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def files() -> list[Path]:
    """The files of ``$KUBECONFIG``, or ``~/.kube/config``, that exist, in their order."""
    default = str(Path.home() / ".kube" / "config")
    paths = [Path(each) for each in os.environ.get("KUBECONFIG", default).split(os.pathsep) if each]
    return [path for path in paths if path.is_file()]


def load(path: Path) -> Mapping[str, Any]:
    """A file's content; empty where it cannot be read or holds no mapping."""
    try:
        document = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}


def contexts(path: Path) -> set[str]:
    """The names of a file's contexts."""
    entries = load(path).get("contexts")
    named = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {name for name in named if isinstance(name, str)}
