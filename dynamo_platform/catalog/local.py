"""Reads what a local chart says about itself, without its values and templates."""

import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from dynamo_platform.config.yamltext import YamlTextError, load_documents

from .model import LocalChart

MAX_CHART_YAML_BYTES = 1024 * 1024
"""Bytes of a Chart.yaml; upstream's have a few kilobytes."""


def read_local_chart(path: Path) -> LocalChart:
    """Read the Chart.yaml of an archive or a folder."""
    if not path.exists():
        return LocalChart(problem="there is no such file or folder")
    try:
        data = _in_archive(path) if path.is_file() else _in_folder(path)
        content: Any = next(iter(load_documents(data)), None) if data is not None else None
    except (OSError, EOFError, zlib.error, tarfile.TarError, YamlTextError) as error:
        return LocalChart(problem=str(error) or type(error).__name__)
    if data is None:
        return LocalChart(problem=f"the {'archive' if path.is_file() else 'folder'} has no Chart.yaml")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), str) for key in ("name", "version")):
        return LocalChart(problem="its Chart.yaml has no name or no version")
    entries = content.get("dependencies")
    named = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    dependencies = {str(each.get("alias") or each.get("name")): str(each.get("version")) for each in named}
    return LocalChart(content["name"], content["version"], dependencies)


def _in_folder(folder: Path) -> bytes | None:
    file = folder / "Chart.yaml"
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return stream.read(MAX_CHART_YAML_BYTES)


def _in_archive(archive: Path) -> bytes | None:
    with tarfile.open(archive) as members:
        for member in members:
            path = PurePosixPath(member.name)
            found = len(path.parts) == 2 and path.name == "Chart.yaml" and member.isfile()
            if found and (content := members.extractfile(member)):
                return content.read(MAX_CHART_YAML_BYTES)
    return None
