"""Compares released charts with the catalog: ``python -m dynamo_platform.catalog.check FOLDER``."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from dynamo_platform.versions import Version

from . import Catalog, load
from .archive import ReadChart, read_charts
from .keys import nearest_recording
from .model import Chart, Kind, latest
from .platform import Minor

_SOURCES = {
    "dynamo-platform": "https://github.com/ai-dynamo/dynamo/tree/v{}/deploy/helm/charts/platform",
    "kai-scheduler": "https://github.com/kai-scheduler/KAI-Scheduler/tree/{}/deployments/kai-scheduler",
    "grove-charts": "https://github.com/ai-dynamo/grove/tree/{}/operator/charts",
}
"""The page of each chart's files, by the version's tag."""


class Addition(NamedTuple):
    """What to add to the catalog.

    Attributes:
        file: the data file.
        to: the position in it.
        value: what to add there.
        source: the page of the chart's files.
    """

    file: str
    to: str
    value: Any
    source: str


class ChartComparison(NamedTuple):
    """A chart compared with the catalog.

    Attributes:
        chart: its name.
        version: its version.
        add: what is missing in the catalog.
        differs: what the catalog has differently.
    """

    chart: str
    version: str
    add: tuple[Addition, ...]
    differs: tuple[str, ...]


def compare_chart(chart: ReadChart, catalog: Catalog) -> ChartComparison:
    """Compare a chart with the catalog.

    Raises:
        ValueError: the catalog has no chart of that name, its version is not a semantic version, or the platform's
            chart does not declare KAI Scheduler or Grove as a dependency.
    """
    version = Version.parse(chart.version)
    charts = {row.chart: (file, row) for file, row in _files(catalog).items()}
    if chart.name not in charts:
        raise ValueError(f"{chart.name} is not a chart of the catalog")
    file, known = charts[chart.name]
    add = [] if version in known.versions else [Addition(file, "versions", chart.version, _source(chart))]
    differs = [*_kubernetes_difference(chart, version, known)]
    if known is catalog.platform:
        minor = catalog.minor(version)
        add = [*_minor_additions(chart, version, minor, file), *add]
        differs = [*(_bundle_differences(chart, minor) if minor else ()), *differs]
    recording, others = _keys(chart, version, catalog.recorded(chart.name))
    return ChartComparison(chart.name, chart.version, (*add, *recording), (*differs, *others))


def _files(catalog: Catalog) -> dict[str, Chart]:
    return {
        "platform.json": catalog.platform,
        "kai-scheduler.json": catalog.kai_scheduler,
        "grove.json": catalog.grove,
    }


def _minor_additions(chart: ReadChart, version: Version, minor: Minor | None, file: str) -> Iterator[Addition]:
    """The row of a new minor version, or the one that replaces a row without the bundled versions."""
    if minor is None:
        yield Addition(file, "minors", _minor(chart, version), _source(chart))
    elif None in {minor.kai_scheduler.bundled, minor.grove.bundled}:
        yield Addition(file, f"minors, instead of {minor.minor}", _minor(chart, version), _source(chart))


def _minor(chart: ReadChart, version: Version) -> dict[str, Any]:
    """The row of a new platform minor version."""
    return {
        "minor": version.minor_line,
        "kai_scheduler": _window(_bundled_version(chart, "kai-scheduler")),
        "grove": _window(_bundled_version(chart, "grove")),
        "source": _source(chart),
    }


def _source(chart: ReadChart) -> str:
    return _SOURCES[chart.name].format(chart.version)


def _bundled_version(chart: ReadChart, name: str) -> str:
    try:
        return chart.dependencies[name]
    except KeyError as error:
        raise ValueError(f"{chart.name} {chart.version} does not declare the dependency {name}") from error


def _window(bundled: str) -> dict[str, str]:
    """The window of a dependency before upstream publishes one: the bundled version or later."""
    return {"bundled": bundled, "pick": bundled, "first": bundled, "sure": "inferred"}


def _bundle_differences(chart: ReadChart, minor: Minor) -> Iterator[str]:
    for name, window in (("kai-scheduler", minor.kai_scheduler), ("grove", minor.grove)):
        if window.bundled and (bundled := _bundled_version(chart, name)) != str(window.bundled):
            yield f"bundles {name} {bundled}; the catalog has {window.bundled} for {minor.minor}"


def _kubernetes_difference(chart: ReadChart, version: Version, known: Chart) -> Iterator[str]:
    row = latest(known.kubernetes, version)
    floor = re.match(r">= ?v?(1\.\d+)", chart.kubernetes)
    if floor and row and floor[1] != row.floor:
        yield f"needs Kubernetes {floor[1]}; the catalog has {row.floor}"


def _keys(
    chart: ReadChart, version: Version, versions: Mapping[Version, Mapping[str, Kind]]
) -> tuple[list[Addition], list[str]]:
    """The recording to add for a version newer than all recorded ones, or the differences of an older one's keys."""
    nearest = nearest_recording(version, versions)
    before, after = versions[nearest], chart.keys
    came = {path: after[path] for path in sorted(after) if before.get(path) != after[path]}
    went = sorted(path for path in before if path not in after)
    if (came or went) and version > max(versions):
        recording = {"source": _source(chart), "came": came, "went": went}
        return [Addition(f"keys/{chart.name}.json", chart.version, recording, _source(chart))], []
    return [], [
        f"key {sign}{path}, compared with {nearest}" for sign, paths in (("+", came), ("-", went)) for path in paths
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def main(folder: Path, *, as_json: bool) -> None:
    """Compare the charts in FOLDER with the catalog, and print what to add to the catalog.

    FOLDER contains charts as .tgz archives or as folders. Exits with 0 if the catalog is complete, with 1 if there is
    something to add or to review, and with 2 if a chart is not one of the catalog's, or there is none.
    """
    catalog = load()
    try:
        found = sorted(
            (compare_chart(chart, catalog) for chart in read_charts(folder)),
            key=lambda comparison: (comparison.chart, Version.parse(comparison.version)),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not found:
        raise click.UsageError(f"{folder} contains no charts")
    click.echo(_as_json(found) if as_json else "\n".join(map(_as_text, found)))
    sys.exit(any(comparison.add or comparison.differs for comparison in found))


def _as_json(found: list[ChartComparison]) -> str:
    charts = [
        each._asdict() | {"add": [{"file": one.file, "to": one.to, "value": one.value} for one in each.add]}
        for each in found
    ]
    return json.dumps({"charts": charts}, indent=2, ensure_ascii=False)


def _as_text(comparison: ChartComparison) -> str:
    lines = [f"{comparison.chart} {comparison.version}"]
    for addition in comparison.add:
        rows = json.dumps(addition.value, indent=2, ensure_ascii=False).splitlines()
        lines += [f"  add to {addition.file}, {addition.to}:", *(f"    {row}" for row in rows)]
    lines += [f"  {line}" for line in comparison.differs]
    return "\n".join(lines if len(lines) > 1 else [f"{lines[0]}: nothing to add"])


if __name__ == "__main__":
    main(prog_name="catalog-check")
