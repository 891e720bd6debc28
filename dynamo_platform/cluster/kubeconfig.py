"""The kubeconfig files of the environment, and their contexts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def files() -> list[Path]:
    """The files in ``$KUBECONFIG`` that exist, in order; ``~/.kube/config`` if the variable is not set."""
    default = str(Path.home() / ".kube" / "config")
    paths = [Path(each) for each in os.environ.get("KUBECONFIG", default).split(os.pathsep) if each]
    return [path for path in paths if path.is_file()]


def parse_file(path: Path) -> Mapping[str, Any]:
    """A file's content; empty if the file cannot be read or is not a mapping."""
    try:
        document = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}


def contexts(path: Path) -> set[str]:
    """The names of a file's contexts."""
    entries = parse_file(path).get("contexts")
    named = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {name for name in named if isinstance(name, str)}
