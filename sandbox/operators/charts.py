"""The CRDs that the images of KAI, Grove and Dynamo contain, read from the chart archives instead."""

import io
import re
import tarfile
from collections.abc import Iterator
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

_load_all: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


MANIFESTS = {".json", ".yaml", ".yml"}
"""The files in `crds/` that Helm reads; KAI's folder also contains source code."""


class Charts:
    """The chart archives of one folder, including bundled subcharts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def crds(self, chart: str, version: str) -> list[dict[str, Any]]:
        """Return the CRDs of a chart by version or appVersion, with or without `v`; empty if there is no such chart."""
        for archive in sorted(self._folder.glob("*.tgz")):
            files = dict(_files(archive.read_bytes()))
            for path, content in files.items():
                if path.name == "Chart.yaml" and _matches(yaml.safe_load(content), chart, version):
                    folder = path.parent / "crds"
                    return [
                        crd
                        for name, text in sorted(files.items())
                        if name.is_relative_to(folder) and name.suffix in MANIFESTS
                        for crd in yaml.load_all(text, Loader=_load_all)
                        if crd
                    ]
        return []


def parse_version(version: str) -> tuple[float, float, float, bool]:
    """Return a sort key: numbers, and whether it is a final release. Pre-releases sort first, main builds last."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)(-?)", version)
    if match is None or version.startswith("0.0.0-"):
        return inf, 0, 0, True
    major, minor, patch, pre = match.groups()
    return int(major), int(minor), int(patch), not pre


def _matches(metadata: dict[str, Any], chart: str, version: str) -> bool:
    versions = {str(metadata.get(key, "")).removeprefix("v") for key in ("version", "appVersion")}
    return metadata.get("name") == chart and version.removeprefix("v") in versions


def _files(archive: bytes) -> Iterator[tuple[PurePosixPath, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None:
                continue
            path, content = PurePosixPath(member.name), file.read()
            if path.suffix == ".tgz":
                yield from ((path.parent / inner, nested) for inner, nested in _files(content))
            else:
                yield path, content
