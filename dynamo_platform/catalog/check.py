"""What the catalog lacks of charts that upstream released: ``python -m dynamo_platform.catalog.check FOLDER``."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from dynamo_platform.versions import Version

from . import Catalog, load
from .archive import ReadChart, charts
from .keys import nearest_recording, recorded
from .model import Chart, latest

_SOURCES = {
    "dynamo-platform": "https://github.com/ai-dynamo/dynamo/tree/v{}/deploy/helm/charts/platform",
    "kai-scheduler": "https://github.com/kai-scheduler/KAI-Scheduler/tree/{}/deployments/kai-scheduler",
    "grove-charts": "https://github.com/ai-dynamo/grove/tree/{}/operator/charts",
}
"""Where upstream has a chart, by its version's tag."""


class Addition(NamedTuple):
    """What to add to the catalog.

    Attributes:
        file: the data file.
        to: where in it.
        value: what to add there.
    """

    file: str
    to: str
    value: Any


class Comparison(NamedTuple):
    """One chart beside the catalog.

    Attributes:
        chart: its name.
        version: its version.
        add: what the catalog does not have.
        differs: what the catalog says otherwise.
    """

    chart: str
    version: str
    add: tuple[Addition, ...]
    differs: tuple[str, ...]


def compare(chart: ReadChart, catalog: Catalog) -> Comparison:
    """What the catalog lacks of a chart, and what it has otherwise.

    Raises:
        ValueError: the catalog has no chart of that name, the chart's version is none, or a platform's chart does not
            say what it bundles.
    """
    version = Version.parse(chart.version)
    dependencies = {row.chart: (file, row) for file, row in _files(catalog)}
    differs: list[str] = []
    if chart.name == catalog.platform.chart:
        add = [*_platform_rows(chart, version, catalog)]
        differs = [*_platform_differences(chart, version, catalog)]
    elif chart.name in dependencies:
        file, known = dependencies[chart.name]
        add = [] if version in known.versions else [Addition(file, "versions", chart.version)]
    else:
        raise ValueError(f"{chart.name}: the catalog has no such chart")
    recording, others = _keys(chart, version)
    return Comparison(chart.name, chart.version, (*add, *recording), (*differs, *others))


def _files(catalog: Catalog) -> tuple[tuple[str, Chart], ...]:
    return ("kai-scheduler.json", catalog.kai_scheduler), ("grove.json", catalog.grove)


def _platform_rows(chart: ReadChart, version: Version, catalog: Catalog) -> Iterator[Addition]:
    minor = catalog.minor(version)
    if minor is None:
        row = {
            "minor": version.minor_line,
            "kai_scheduler": _window(_bundled(chart, "kai-scheduler")),
            "grove": _window(_bundled(chart, "grove")),
            "source": _SOURCES[chart.name].format(chart.version),
        }
        yield Addition("platform.json", "minors", row)
    if version not in catalog.platform.versions:
        yield Addition("platform.json", "versions", chart.version)


def _bundled(chart: ReadChart, name: str) -> str:
    try:
        return chart.dependencies[name]
    except KeyError as error:
        raise ValueError(f"{chart.name} {chart.version} does not say which {name} it bundles") from error


def _window(bundled: str) -> dict[str, str]:
    """What can be said of a dependency's versions before upstream does."""
    return {"bundled": bundled, "pick": bundled, "first": bundled, "sure": "inferred"}


def _platform_differences(chart: ReadChart, version: Version, catalog: Catalog) -> Iterator[str]:
    if minor := catalog.minor(version):
        for name, window in (("kai-scheduler", minor.kai_scheduler), ("grove", minor.grove)):
            if (bundled := _bundled(chart, name)) != str(window.bundled):
                yield f"bundles {name} {bundled}; the catalog has {window.bundled} for {minor.minor}"
    known = latest(catalog.platform.kubernetes, version)
    floor = re.match(r">= ?v?(1\.\d+)", chart.kubernetes)
    if floor and known and floor[1] != known.floor:
        yield f"needs Kubernetes {floor[1]}; the catalog has {known.floor}"


def _keys(chart: ReadChart, version: Version) -> tuple[list[Addition], list[str]]:
    """The recording to add for a version newer than all that are recorded, or how an older one's keys differ."""
    versions = recorded(chart.name)
    nearest = nearest_recording(version, versions)
    before, after = versions[nearest], chart.keys
    came = {path: after[path] for path in sorted(after) if before.get(path) != after[path]}
    went = sorted(path for path in before if path not in after)
    if (came or went) and version > max(versions):
        recording = {"source": _SOURCES[chart.name].format(chart.version), "came": came, "went": went}
        return [Addition(f"keys/{chart.name}.json", chart.version, recording)], []
    return [], [f"key {sign}{path}, beside {nearest}" for sign, paths in (("+", came), ("-", went)) for path in paths]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def main(folder: Path, *, as_json: bool) -> None:
    """Compare the catalog with the charts in FOLDER, and print what to add to it.

    FOLDER has charts as .tgz archives or as folders. Exits with 0 where the catalog has everything, with 1 where there
    is something to add or to look at, with 2 where FOLDER has no chart that the catalog could know.
    """
    catalog = load()
    try:
        found = sorted(
            (compare(chart, catalog) for chart in charts(folder)),
            key=lambda comparison: (comparison.chart, Version.parse(comparison.version)),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not found:
        raise click.UsageError(f"{folder} has no charts")
    click.echo(_as_json(found) if as_json else "\n".join(map(_as_text, found)))
    sys.exit(any(comparison.add or comparison.differs for comparison in found))


def _as_json(found: list[Comparison]) -> str:
    charts = [each._asdict() | {"add": [addition._asdict() for addition in each.add]} for each in found]
    return json.dumps({"charts": charts}, indent=2, ensure_ascii=False)


def _as_text(comparison: Comparison) -> str:
    lines = [f"{comparison.chart} {comparison.version}"]
    for addition in comparison.add:
        rows = json.dumps(addition.value, indent=2, ensure_ascii=False).splitlines()
        lines += [f"  add to {addition.file}, {addition.to}:", *(f"    {row}" for row in rows)]
    lines += [f"  {line}" for line in comparison.differs]
    return "\n".join(lines if len(lines) > 1 else [f"{lines[0]}: nothing to add"])


if __name__ == "__main__":
    main(prog_name="catalog-check")
