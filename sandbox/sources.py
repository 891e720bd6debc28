"""Which charts the sandbox serves: its own contract charts, a folder of archives, or none."""

import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import semver
import yaml

from sandbox import charts
from sandbox.errors import SandboxError


@dataclass(frozen=True)
class Chart:
    """A packaged chart: name and version are those of its Chart.yaml."""

    name: str
    version: str
    archive: Path

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class ChartSource:
    """Where charts come from, and the versions that somebody asked for.

    Neither `folder` nor `upstream`: the contract charts, all versions, and the stack says which it wants.
    `folder`: one version of each chart there. `upstream`: no local chart, the stack's public registries serve.
    """

    folder: Path | None = None
    upstream: bool = False
    versions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, charts: str, versions: str) -> "ChartSource":
        """Read the command line's words: empty, `upstream`, or a folder; versions with spaces between them."""
        wanted = tuple(versions.split())
        if charts == "upstream":
            if wanted:
                raise SandboxError(
                    "VERSIONS goes with local charts: with CHARTS=upstream the stack names the versions."
                )
            return cls(upstream=True)
        return cls(folder=Path(charts) if charts else None, versions=wanted)

    def collect(self, scratch: Path) -> list[Chart]:
        """Return the charts to serve; `scratch` is a folder for archives that are packaged for it."""
        if self.upstream:
            return []
        if self.folder is None:
            return [read_chart(archive) for archive in charts.package(scratch)]
        return list(self.select(self._read_folder(self.folder)).values())

    def select(self, available: Iterable[Chart]) -> dict[str, Chart]:
        """Return the version of each chart that the stack is told to install, by chart name.

        The named versions; from a folder also the newest of the charts that none is named for.
        """
        available = sorted(available, key=_version)
        known = {chart.name: chart for chart in available} if self.folder else {}
        named: dict[str, Chart] = {}
        for version in self.versions:
            matches = [chart for chart in available if chart.version == version]
            if not matches:
                listed = "\n".join(f"    {chart}" for chart in available) or "    (none)"
                message = f"No chart has version {version}. There are:\n{listed}"
                raise SandboxError(message)
            for chart in matches:
                if chart.name in named:
                    message = f"VERSIONS names two versions of {chart.name}: {named[chart.name].version} and {version}."
                    raise SandboxError(message)
                named[chart.name] = chart
        return known | named

    @staticmethod
    def _read_folder(folder: Path) -> list[Chart]:
        if not folder.is_dir():
            message = f"CHARTS={folder} is no folder. Give one with chart archives (.tgz), or `upstream`."
            raise SandboxError(message)
        found = [read_chart(archive) for archive in sorted(folder.glob("*.tgz"))]
        if not found:
            message = f"CHARTS={folder} holds no .tgz file. `helm package CHART -d {folder}` makes one."
            raise SandboxError(message)
        return found


CONTRACT_CHARTS = ChartSource()
"""The sandbox's own charts, in every version that they have."""


def read_chart(archive: Path) -> Chart:
    """Return the chart in an archive, by its Chart.yaml."""
    about = read_metadata(archive)
    return Chart(about["name"], str(about["version"]), archive)


def read_metadata(archive: Path) -> dict[str, Any]:
    """Return the Chart.yaml of an archive.

    Raises:
        SandboxError: it is no packaged chart.
    """
    try:
        with tarfile.open(archive) as files:
            member = next(name for name in files.getnames() if name.count("/") == 1 and name.endswith("/Chart.yaml"))
            content = files.extractfile(member)
            about: dict[str, Any] = yaml.safe_load(content.read() if content else b"")
        return {**about, "name": about["name"], "version": about["version"]}
    except (tarfile.TarError, StopIteration, yaml.YAMLError, KeyError, TypeError) as error:
        message = f"{archive} is no packaged Helm chart ({type(error).__name__}: {error})."
        raise SandboxError(message) from error


def store_charts(found: Iterable[Chart], folder: Path) -> list[Chart]:
    """Copy archives into `folder` under their canonical names, and remove what else is there."""
    kept = []
    folder.mkdir(parents=True, exist_ok=True)
    for chart in found:
        archive = folder / f"{chart.name}-{chart.version}.tgz"
        shutil.copyfile(chart.archive, archive)
        kept.append(Chart(chart.name, chart.version, archive))
    for left in set(folder.glob("*.tgz")) - {chart.archive for chart in kept}:
        left.unlink()
    return kept


def _version(chart: Chart) -> semver.Version:
    try:
        return semver.Version.parse(chart.version.removeprefix("v"))
    except ValueError as error:
        message = f"{chart.archive}: version {chart.version} is no semantic version."
        raise SandboxError(message) from error
