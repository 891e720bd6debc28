"""Rules about local charts: what they are must be what the configuration says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dynamo_platform.catalog.model import LocalChart
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices, parse_version
from dynamo_platform.versions import Version

from .base import Verdict, rule

_DOCS = "docs/configuration.md#local-charts"


class _Local(NamedTuple):
    """A local chart of the configuration.

    Attributes:
        path: the setting that names it.
        given: the setting's value.
        chart: what it says about itself.
        name: the name that it should have.
        version: the version that the configuration has for it; None if that is not a version.
        version_path: the setting with this version.
    """

    path: str
    given: str
    chart: LocalChart
    name: str
    version: Version | None
    version_path: str


def _local_charts(c: Choices) -> Iterator[_Local]:
    releases = [("chart", c.config.chart, c.catalog.platform.chart, c.version, "version")]
    releases += [
        (f"{d.key}.chart", d.config.chart, d.chart.chart, d.version, f"{d.key}.version")
        for d in c.dependencies
        if d.mode == "separate"
    ]
    for path, given, name, version, version_path in releases:
        if given is not None and (chart := c.local.get(given)):
            yield _Local(path, quote_value(given), chart, name, version, version_path)


@rule("CHT012")
def local_charts_are_charts(c: Choices) -> Iterator[Verdict]:
    """There is no chart at the path."""
    for local in _local_charts(c):
        if local.chart.problem:
            yield Verdict(
                local.path,
                local.given,
                "a folder with a Chart.yaml, or its archive (.tgz), relative to the project",
                f"The chart cannot be read: {local.chart.problem}.",
                _DOCS,
            )


@rule("CHT013")
def local_charts_have_the_right_name(c: Choices) -> Iterator[Verdict]:
    """The chart at the path is another one."""
    for local in _local_charts(c):
        if not local.chart.problem and local.chart.name != local.name:
            yield Verdict(
                local.path,
                f"{local.given}, the chart {local.chart.name}",
                f"the chart {local.name}",
                "The values and checks of this release are those of another chart.",
                _DOCS,
            )


@rule("CHT014")
def local_charts_have_the_given_version(c: Choices) -> Iterator[Verdict]:
    """The chart at the path has another version, which Helm installs, but which nothing was checked for."""
    for local in _local_charts(c):
        right_chart = not local.chart.problem and local.chart.name == local.name
        if right_chart and local.version and parse_version(local.chart.version) != local.version:
            yield Verdict(
                local.version_path,
                f"{quote_value(str(local.version))}, but {local.given} has {local.chart.version}",
                f"{quote_value(local.chart.version)}, or the chart of {local.version}",
                "Helm installs the version that the chart has, but everything is checked for the given one.",
                _DOCS,
            )


@rule("CHT015", acceptable=True)
def local_charts_bundle_the_known_versions(c: Choices) -> Iterator[Verdict]:
    """The chart at the path bundles other versions of KAI Scheduler or Grove than upstream's chart of that version."""
    for local in _local_charts(c):
        for d in c.dependencies if local.path == "chart" else ():
            bundled = local.chart.dependencies.get(d.name)
            if d.mode == "bundled" and d.version and bundled and parse_version(bundled) != d.version:
                yield Verdict(
                    "chart",
                    f"{local.given}, which bundles {d.name} {bundled}",
                    f"a chart that bundles {d.name} {d.version}",
                    f"Upstream's chart of {c.version} bundles {d.version}, and everything is checked for that version.",
                    c.minor.source if c.minor else _DOCS,
                    about=f"{d.name}-{bundled}",
                )
