"""Selects the charts that the sandbox serves: its contract charts, a folder of archives, or none."""

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
    """A packaged chart, with the name and version in its Chart.yaml."""

    name: str
    version: str
    archive: Path

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class ChartSource:
    """The source of charts, and the requested versions.

    Without `folder` and `upstream`, the source is all versions of the contract charts, and the stack selects its own.

    Attributes:
        folder: serve one version of each chart in this folder.
        upstream: serve no charts; the stack uses the public registries.
        versions: chart versions to install instead of the stack's, or of the newest in `folder`.
    """

    folder: Path | None = None
    upstream: bool = False
    versions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, charts: str, versions: str) -> "ChartSource":
        """Parse the command line: `charts` is empty, `upstream` or a folder; `versions` is separated by spaces.

        Raises:
            SandboxError: versions are given for upstream charts.
        """
        wanted = tuple(versions.split())
        if charts == "upstream":
            if wanted:
                raise SandboxError(
                    "VERSIONS is only for local charts. With CHARTS=upstream, set the versions in the stack file."
                )
            return cls(upstream=True)
        return cls(folder=Path(charts) if charts else None, versions=wanted)

    def collect(self, scratch: Path) -> list[Chart]:
        """Return the charts to serve; contract charts are packaged into the folder `scratch`."""
        if self.upstream:
            return []
        if self.folder is None:
            return [read_chart(archive) for archive in charts.package(scratch)]
        return list(self.select(self._read_folder(self.folder)).values())

    def select(self, available: Iterable[Chart]) -> dict[str, Chart]:
        """Return the charts whose version is set in the stack, by chart name.

        These are the requested versions and, if the source is a folder, the newest version of all other charts in it.

        Raises:
            SandboxError: a requested version does not exist, or two are requested for one chart.
        """
        available = sorted(available, key=_version)
        known = {chart.name: chart for chart in available} if self.folder else {}
        named: dict[str, Chart] = {}
        for version in self.versions:
            matches = [chart for chart in available if chart.version == version]
            if not matches:
                listed = "\n".join(f"    {chart}" for chart in available) or "    (none)"
                message = f"No chart has version {version}. Available charts:\n{listed}"
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
            message = f"CHARTS={folder} is not a folder. Give a folder with chart archives (.tgz), or `upstream`."
            raise SandboxError(message)
        found = [read_chart(archive) for archive in sorted(folder.glob("*.tgz"))]
        if not found:
            message = f"CHARTS={folder} contains no .tgz file. Create one with `helm package CHART -d {folder}`."
            raise SandboxError(message)
        return found


CONTRACT_CHARTS = ChartSource()
"""All versions of the contract charts."""


def read_chart(archive: Path) -> Chart:
    """Return the chart in an archive."""
    about = read_metadata(archive)
    return Chart(about["name"], str(about["version"]), archive)


def read_metadata(archive: Path) -> dict[str, Any]:
    """Return the Chart.yaml of an archive.

    Raises:
        SandboxError: it is not a packaged chart.
    """
    try:
        with tarfile.open(archive) as files:
            member = next(name for name in files.getnames() if name.count("/") == 1 and name.endswith("/Chart.yaml"))
            content = files.extractfile(member)
            about: dict[str, Any] = yaml.safe_load(content.read() if content else b"")
        return {**about, "name": about["name"], "version": about["version"]}
    except (tarfile.TarError, StopIteration, yaml.YAMLError, KeyError, TypeError) as error:
        message = f"{archive} is not a packaged Helm chart ({type(error).__name__}: {error})."
        raise SandboxError(message) from error


def store_charts(found: Iterable[Chart], folder: Path) -> list[Chart]:
    """Copy archives into `folder` under their canonical names, and remove all other archives."""
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
        message = f"{chart.archive}: version {chart.version} is not a semantic version."
        raise SandboxError(message) from error
