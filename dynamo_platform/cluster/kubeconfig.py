"""The kubeconfig files of the environment, and their contexts."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
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


def same_cluster(context: str) -> frozenset[str]:
    """The contexts of the environment's kubeconfig that select the same cluster as ``context``, by their server and its
    certificate authority; none if it has no such context.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for path in files():
        content = parse_file(path)
        clusters = {name: _address(entry, path) for name, entry in _entries(content, "clusters", "cluster")}
        for name, entry in _entries(content, "contexts", "context"):
            if entry.get("cluster") in clusters:
                found.setdefault(name, clusters[entry["cluster"]])
    return frozenset(name for name, address in found.items() if address == found.get(context))


def _address(cluster: Mapping[str, Any], file: Path) -> tuple[Any, ...]:
    authority = cluster.get("certificate-authority")
    data = cluster.get("certificate-authority-data")
    if isinstance(authority, str) and (path := file.parent / authority).is_file():
        data = base64.b64encode(path.read_bytes()).decode()
    return str(cluster.get("server")).rstrip("/"), data


def _entries(content: Mapping[str, Any], table: str, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = content.get(table)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get(kind), dict):
            yield entry["name"], entry[kind]


def contexts(path: Path) -> set[str]:
    """The names of a file's contexts."""
    entries = parse_file(path).get("contexts")
    named = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {name for name in named if isinstance(name, str)}
