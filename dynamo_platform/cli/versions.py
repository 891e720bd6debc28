"""``versions``: which chart versions work together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dynamo_platform.catalog import Catalog, load
from dynamo_platform.catalog.edges import verified
from dynamo_platform.catalog.model import latest
from dynamo_platform.catalog.platform import Minor, Platform, Window
from dynamo_platform.versions import Version

from .output import print_json
from .stacks import CONFIG, STACK, catalog_for, read_stack_option
from .tables import Table, print_table

PLATFORM = "dynamo-platform"

_NOT_KNOWN = "not known"


@click.command()
@click.option("--edges", is_flag=True, help="Show the supported upgrades instead.")
@STACK
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def versions(*, edges: bool, stack: str | None, config: Path | None, as_json: bool) -> None:
    """Show which versions of the charts work together.

    NATS is its default mode in the platform's chart. BUNDLED is the version inside that chart. SEPARATE is the default
    version of a separate release, with the supported range.

    With a stack, the rows of its own catalog are included, and marked with *.

    With --edges, BACK says whether upstream supports the downgrade, CHANGES lists the kinds of changes in the
    platform's chart, and TESTED the upgrades that a test carried out on a live API server.
    """
    read = read_stack_option(stack, config) if stack or config else None
    catalog = catalog_for(read)
    if edges:
        _print_edges(edges_data(catalog), as_json=as_json)
        return
    rows = _rows(catalog)
    if as_json:
        print_json(rows)
        return
    columns = ("platform", "kubernetes", "NATS", "KAI bundled", "KAI separate", "Grove bundled", "Grove separate")
    cells = [
        (
            ", ".join(row["versions"]) + (" *" if row["overlay"] else ""),
            f">= {row['kubernetes']}",
            row["nats"],
            row["kaiScheduler"]["bundled"] or _NOT_KNOWN,
            _separate_text(row["kaiScheduler"]),
            row["grove"]["bundled"] or _NOT_KNOWN,
            _separate_text(row["grove"]),
        )
        for row in rows
    ]
    print_table(Table(columns, cells))


def edges_data(catalog: Catalog) -> list[dict[str, Any]]:
    """The supported upgrades of the platform, oldest first."""
    return [
        {
            "from": edge.from_minor,
            "to": edge.to_minor,
            "reversible": edge.reversible,
            "changes": [change.kind for change in catalog.changes_over(edge)],
            "disturbs": [*edge.disturbs, *(change.what for change in catalog.changes_over(edge))],
            "verified": [
                {
                    "mode": each.mode,
                    "charts": each.charts,
                    "before": {name: str(version) for name, version in each.before.items()},
                    "after": {name: str(version) for name, version in each.after.items()},
                    "digests": each.digests,
                    "seconds": each.seconds,
                }
                for each in verified()
                if each.of(edge)
            ],
            "overlay": edge not in load().edges.rows,
            "sources": list(edge.sources),
        }
        for edge in catalog.edges.rows
    ]


def _print_edges(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    cells = [
        (
            row["from"],
            row["to"] + (" *" if row["overlay"] else ""),
            "yes" if row["reversible"] else "no",
            ", ".join(row["changes"]),
            "; ".join(
                f"{each['before'][PLATFORM]} → {each['after'][PLATFORM]} {each['mode']}, {each['charts']} charts"
                for each in row["verified"]
            ),
        )
        for row in rows
    ]
    print_table(Table(("from", "to", "back", "changes", "tested"), cells))


def _rows(catalog: Catalog) -> list[dict[str, Any]]:
    """The rows of the matrix, oldest platform first."""
    return [_row(catalog.platform, minor) for minor in catalog.platform.minors]


def _row(platform: Platform, minor: Minor) -> dict[str, Any]:
    versions, shipped = platform.versions_of(minor.minor), load().platform
    kubernetes = latest(platform.kubernetes, versions[-1])
    return {
        "platform": minor.minor,
        "versions": [str(version) for version in versions],
        "kubernetes": kubernetes.floor if kubernetes else None,
        "nats": platform.default("nats.mode", versions[-1]).value,
        "kaiScheduler": _window_data(minor.kai_scheduler),
        "grove": _window_data(minor.grove),
        "overlay": minor not in shipped.minors or not set(versions) <= set(shipped.versions),
        "source": minor.source,
    }


def _window_data(window: Window) -> dict[str, Any]:
    return {
        "bundled": _text(window.bundled),
        "pick": _text(window.pick),
        "floor": _text(window.first),
        "below": _text(window.below),
        "sure": window.sure,
        "other": {"range": str(window.other), "source": window.other.source} if window.other else None,
    }


def _text(version: Version | None) -> str | None:
    return str(version) if version else None


def _separate_text(window: dict[str, Any]) -> str:
    if window["sure"] == "unknown":
        return _NOT_KNOWN
    bounds = f">= {window['floor']}" + (f", < {window['below']}" if window["below"] else "")
    doubt = "" if window["sure"] == "published" else f", {window['sure']}"
    return f"{window['pick']} ({bounds}{doubt})"
