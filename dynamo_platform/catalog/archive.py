"""Reads a chart's archive or folder: its metadata and the keys of its values."""

import io
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from dynamo_platform.config.yamltext import YamlTextError, load_documents

from .model import Kind

OWN_SUBCHARTS = ("dynamo-operator",)
"""Subcharts that are not published on their own: their keys count as their parent's. Others have keys of their own."""

_OPAQUE = re.compile(r"annotations|labels|resources|merge|(.+S|s)ecurityContext")
"""Maps that templates pass on as a whole: the keys below them are Kubernetes' or the user's, not the chart's."""

_VALUES = r"\$?\.Values((?:\.[A-Za-z]\w*)+)"
_READ = re.compile(_VALUES)
_PASSED_ON = re.compile(rf"toYaml \(?{_VALUES}")
_COMMENT = re.compile(r"(?s:\{\{-?\s*/\*.*?\*/\s*-?\}\})|^\s*#.*$", re.MULTILINE)
_ACTION = re.compile(r'\{\{((?:"(?:[^"\\\n]|\\.)*"|`[^`]*`|(?!\}\}).)*)\}\}', re.DOTALL)
_NOT_READ = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|\bhasKey \.Values\S*')

MAX_BYTES = 100_000_000
"""Bytes of the unpacked files of a chart's archive."""

ChartFiles = Mapping[str, bytes]
"""The contents of a chart's files, by path below the chart's folder."""


class ReadChart(NamedTuple):
    """A chart as its files describe it.

    Attributes:
        name: the chart's name.
        version: its version.
        kubernetes: its constraint on the Kubernetes version; empty if it has none.
        dependencies: the version of each dependency, by the key of the dependency's values.
        keys: the keys of its values, and what each takes.
        charts: the dependencies that it contains, by the same key.
    """

    name: str
    version: str
    kubernetes: str
    dependencies: Mapping[str, str]
    keys: Mapping[str, Kind]
    charts: "Mapping[str, ReadChart]"


def read_charts(folder: Path) -> Iterator[ReadChart]:
    """The charts in a folder: ``.tgz`` archives, and folders with a Chart.yaml, which it may be itself."""
    if (folder / "Chart.yaml").exists():
        yield read_chart(folder)
        return
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".tgz" or (entry / "Chart.yaml").exists():
            yield read_chart(entry)


def read_chart(path: Path) -> ReadChart:
    """Read a chart's archive or folder.

    Raises:
        ValueError: it is not a chart.
    """
    try:
        return _read(_unpacked(path.read_bytes()) if path.is_file() else _walked(path))
    except KeyError as error:
        raise ValueError(f"{path} is not a Helm chart: it has no {error.args[0]}") from error
    except (EOFError, zlib.error, tarfile.TarError, YamlTextError) as error:
        raise ValueError(f"{path} is not a Helm chart: {error}") from error


def _read(files: ChartFiles) -> ReadChart:
    metadata: dict[str, Any] = next(load_documents(files["Chart.yaml"]), {}) or {}
    dependencies = {entry.get("alias", entry["name"]): entry for entry in metadata.get("dependencies") or []}
    others = {key: entry for key, entry in dependencies.items() if key not in OWN_SUBCHARTS}
    carried = {key: subchart for key, entry in others.items() if (subchart := _subchart(files, entry["name"]))}
    return ReadChart(
        name=metadata["name"],
        version=metadata["version"],
        kubernetes=metadata.get("kubeVersion", ""),
        dependencies={key: str(entry["version"]) for key, entry in dependencies.items()},
        keys=_keys(files, dependencies.values()) | dict.fromkeys(others, "chart"),
        charts={key: _read(subchart) for key, subchart in carried.items()},
    )


def _walked(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """ChartFiles by path below the chart's folder."""
    files = {}
    remaining = MAX_BYTES
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            remaining -= member.size
            if remaining < 0:
                raise tarfile.TarError(f"it unpacks to more than {MAX_BYTES:,} bytes")
            if member.isfile() and (content := members.extractfile(member)):
                files[PurePosixPath(*PurePosixPath(member.name).parts[1:]).as_posix()] = content.read()
    return files


def _subchart(files: ChartFiles, name: str) -> ChartFiles | None:
    """A dependency's files, which the chart contains as a folder or as an archive."""
    folder = {path.removeprefix(prefix): files[path] for path in files if path.startswith(prefix := f"charts/{name}/")}
    if folder:
        return folder
    archives = (files[path] for path in files if re.fullmatch(rf"charts/{re.escape(name)}-[^/]+\.tgz", path))
    return next((_unpacked(archive) for archive in archives), None)


def _keys(files: ChartFiles, dependencies: Iterable[Mapping[str, Any]]) -> dict[str, Kind]:
    parts = {f"{part}.": subchart for part in OWN_SUBCHARTS if (subchart := _subchart(files, part))}
    listed: dict[str, Kind] = {}
    # Helm reads the conditions, and subcharts read what is below their key.
    conditions = (entry.get("condition", "").split(",") for entry in dependencies)
    reads = {path.strip() for paths in conditions for path in paths if path}
    reads |= {key for entry in dependencies if (key := entry.get("alias", entry["name"])) not in OWN_SUBCHARTS}
    for prefix, part in {"": files, **parts}.items():
        templates = [_actions(part[path].decode()) for path in part if path.startswith("templates/")]
        passed_on = {match[1][1:] for template in templates for match in _PASSED_ON.finditer(template)}
        values: dict[str, Any] = next(load_documents(part.get("values.yaml", b"")), {}) or {}
        # The chart's defaults for its subchart's values override the subchart's own.
        listed = {f"{prefix}{path}": kind for path, kind in _leaves(values, passed_on)} | listed
        for path in {match[1][1:] for template in templates for match in _READ.finditer(template)}:
            reads.add(path if path.partition(".")[0] == "global" else f"{prefix}{path}")
    read = {path: kind for path, kind in listed.items() if _is_read(path, reads)}
    return read | {path: "any" for path in reads if _is_unlisted(path, listed, reads)}


def _actions(template: str) -> str:
    """What a template does with values: its actions, without comments and strings."""
    return "\n".join(_NOT_READ.sub("", action) for action in _ACTION.findall(_COMMENT.sub("", template)))


def _leaves(values: Mapping[str, Any], passed_on: set[str], *where: str) -> Iterator[tuple[str, Kind]]:
    for key, value in values.items():
        path = ".".join((*where, str(key)))
        if isinstance(value, Mapping) and value and not _OPAQUE.fullmatch(key) and path not in passed_on:
            yield from _leaves(value, passed_on, *where, key)
        else:
            yield path, _kind(key, value)


def _kind(key: str, value: object) -> Kind:
    if value is None:
        return "auto" if key == "enabled" else "any"
    kinds: dict[type, Kind] = {bool: "boolean", str: "text", int: "number", float: "number", list: "list", dict: "map"}
    return kinds[type(value)]


def _is_read(path: str, reads: set[str]) -> bool:
    """Whether a template reads a key that values.yaml lists: itself, a map that it is in, or something below it."""
    return any(path == read or path.startswith(f"{read}.") or read.startswith(f"{path}.") for read in reads)


def _is_unlisted(path: str, listed: Mapping[str, Kind], reads: set[str]) -> bool:
    """Whether a key that a template reads is missing in values.yaml."""
    inside = any(other.startswith(f"{path}.") for other in (*listed, *reads))
    below = any(path.startswith(f"{other}.") for other in listed)
    return path not in listed and not inside and not below
