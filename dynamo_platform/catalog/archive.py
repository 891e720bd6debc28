"""What a chart's archive or folder says about itself: its metadata and the value keys that it knows."""

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import yaml

from .model import Kind

PARTS = ("dynamo-operator",)
"""Subcharts that are a part of their chart; others are charts of their own, with keys of their own."""

_WHOLE = re.compile(r"annotations|labels|resources|merge|(.+S|s)ecurityContext")
"""Maps that templates pass on whole: what stands below is Kubernetes' or the user's, not the chart's."""

_VALUES = r"\$?\.Values((?:\.[A-Za-z]\w*)+)"
_READ = re.compile(_VALUES)
_PASSED_ON = re.compile(rf"toYaml \(?{_VALUES}")
_NOT_READ = re.compile(r'(?s:\{\{-?\s*/\*.*?\*/)|"[^"\n]*"|^\s*#.*$|\bhasKey \.Values\S*', re.MULTILINE)

Files = Mapping[str, bytes]


class ReadChart(NamedTuple):
    """A chart as its files describe it.

    Attributes:
        name: the chart's name.
        version: its version.
        kubernetes: the Kubernetes versions that it takes, where it says so.
        dependencies: version by the key that the dependency's values go below.
        keys: the keys of its values, and what each takes.
        charts: the dependencies that it carries, by the same key.
    """

    name: str
    version: str
    kubernetes: str
    dependencies: Mapping[str, str]
    keys: Mapping[str, Kind]
    charts: "Mapping[str, ReadChart]"


def charts(folder: Path) -> Iterator[ReadChart]:
    """The charts in a folder: ``.tgz`` archives, and folders with a Chart.yaml (the folder itself may be one)."""
    if (folder / "Chart.yaml").exists():
        yield read(folder)
        return
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".tgz" or (entry / "Chart.yaml").exists():
            yield read(entry)


def read(path: Path) -> ReadChart:
    """Read a chart's archive or folder.

    Raises:
        ValueError: it is not a chart.
    """
    try:
        return _read(_unpacked(path.read_bytes()) if path.is_file() else _walked(path))
    except (KeyError, tarfile.TarError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is not a Helm chart: {error}") from error


def _read(files: Files) -> ReadChart:
    metadata = yaml.safe_load(files["Chart.yaml"])
    dependencies = {entry.get("alias", entry["name"]): entry for entry in metadata.get("dependencies") or []}
    others = {key: entry for key, entry in dependencies.items() if key not in PARTS}
    carried = {key: subchart for key, entry in others.items() if (subchart := _subchart(files, entry["name"]))}
    return ReadChart(
        name=metadata["name"],
        version=metadata["version"],
        kubernetes=metadata.get("kubeVersion", ""),
        dependencies={key: str(entry["version"]) for key, entry in dependencies.items()},
        keys=_keys(files) | dict.fromkeys(others, "chart"),
        charts={key: _read(subchart) for key, subchart in carried.items()},
    )


def _walked(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """Files by path below the chart's folder."""
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            if content := members.extractfile(member):
                files[PurePosixPath(*PurePosixPath(member.name).parts[1:]).as_posix()] = content.read()
    return files


def _subchart(files: Files, name: str) -> Files | None:
    """A dependency's files, which lie in the chart as a folder or as an archive."""
    folder = {path.removeprefix(prefix): files[path] for path in files if path.startswith(prefix := f"charts/{name}/")}
    if folder:
        return folder
    archives = (files[path] for path in files if re.fullmatch(rf"charts/{re.escape(name)}-[^/]+\.tgz", path))
    return next((_unpacked(archive) for archive in archives), None)


def _keys(files: Files) -> dict[str, Kind]:
    parts = {f"{part}.": subchart for part in PARTS if (subchart := _subchart(files, part))}
    listed: dict[str, Kind] = {}
    reads: set[str] = set()
    for prefix, part in {"": files, **parts}.items():
        templates = [_NOT_READ.sub("", part[path].decode()) for path in part if path.startswith("templates/")]
        passed_on = {match[1][1:] for template in templates for match in _PASSED_ON.finditer(template)}
        values: dict[str, Any] = yaml.safe_load(part.get("values.yaml", b"")) or {}
        # What the chart says of its part's values wins over what the part says.
        listed = {f"{prefix}{path}": kind for path, kind in _leaves(values, passed_on)} | listed
        for path in {match[1][1:] for template in templates for match in _READ.finditer(template)}:
            reads.add(path if path.partition(".")[0] == "global" else f"{prefix}{path}")
    return listed | {path: "any" for path in reads if _is_new(path, listed, reads)}


def _leaves(values: Mapping[str, Any], passed_on: set[str], *where: str) -> Iterator[tuple[str, Kind]]:
    for key, value in values.items():
        path = ".".join((*where, str(key)))
        if isinstance(value, Mapping) and value and not _WHOLE.fullmatch(key) and path not in passed_on:
            yield from _leaves(value, passed_on, *where, key)
        else:
            yield path, _kind(key, value)


def _kind(key: str, value: object) -> Kind:
    if value is None:
        return "auto" if key == "enabled" else "any"
    kinds: dict[type, Kind] = {bool: "boolean", str: "text", int: "number", float: "number", list: "list", dict: "map"}
    return kinds[type(value)]


def _is_new(path: str, listed: Mapping[str, Kind], reads: set[str]) -> bool:
    """Whether a template reads a key that values.yaml says nothing of."""
    inside = any(other.startswith(f"{path}.") for other in (*listed, *reads))
    below = any(path.startswith(f"{other}.") for other in listed)
    return path not in listed and not inside and not below
