"""Adds what the catalog lacks of released charts to a file of a project: the rows of an overlay."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dynamo_platform.config.yamltext import MAX_BYTES
from dynamo_platform.findings import Finding, PlatformError, quote_value
from dynamo_platform.versions import Version

from . import Catalog, load
from .archive import ReadChart, read_chart
from .check import Addition, ChartComparison, compare_chart
from .edges import minor_before
from .overlay import overlay, read_tables


class Added(NamedTuple):
    """What was added for one chart.

    Attributes:
        comparison: the chart compared with the catalog, and with the file as it was.
        rows: the rows of the file, by the place in it.
        decide: what a person has to decide.
    """

    comparison: ChartComparison
    rows: dict[str, Any]
    decide: tuple[str, ...]


def add_charts(charts: Sequence[Path], file: Path, today: date) -> list[Added]:
    """Add the rows of charts to a file; nothing is written if there is an error, or if nothing is missing.

    Args:
        charts: archives or folders.
        file: the file, in JSON, or in YAML if its name ends with .yaml or .yml; it need not exist.
        today: the date on which the charts are read.

    Returns:
        What was added, chart by chart: the dependencies first, then the platform, each sorted by version.

    Raises:
        PlatformError: a file is no chart of the catalog, or the file has errors or cannot be extended.
        OSError: a file cannot be read or written.
    """
    read = _read_charts(charts)
    content = _content(file)
    before = json.dumps(content)
    content.setdefault("checked", today.isoformat())
    found = []
    for chart in sorted(
        read, key=lambda each: (each.name == "dynamo-platform", each.name, Version.parse(each.version))
    ):
        known = _checked(content, file)
        comparison = compare_chart(chart, known)
        rows = dict(_rows(comparison, known, today))
        for place, row in rows.items():
            _insert(content, place.split("."), row)
        found.append(Added(comparison, rows, tuple(_decisions(chart, rows, known))))
    _checked(content, file)
    if any(each.rows for each in found) and json.dumps(content) != before:
        _write(file, content)
    return found


def _read_charts(paths: Sequence[Path]) -> list[ReadChart]:
    charts, wrong = [], []
    for path in paths:
        try:
            chart = read_chart(path)
            compare_chart(chart, load())
        except ValueError as error:
            wrong.append(no_chart(path, str(error)))
        else:
            charts.append(chart)
    if wrong:
        raise PlatformError(wrong)
    return charts


def no_chart(path: Path, problem: str) -> Finding:
    """The finding about a file that is not a chart of the catalog."""
    return Finding(
        "CAT006",
        "error",
        "CHART",
        quote_value(str(path)),
        "an archive (.tgz) or a folder of the chart dynamo-platform, kai-scheduler or grove-charts",
        f"Nothing was added: {problem}.",
        "docs/commands.md#catalog-add",
    )


def _content(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    try:
        content = read_tables(data)
        text = data.decode()
        if file.suffix == ".json":
            json.loads(text)
        has_comments = file.suffix != ".json" and _has_comments(text)
    except (ValueError, yaml.YAMLError) as error:
        raise PlatformError([cannot_extend(file, " ".join(str(error).split()))]) from error
    if has_comments:
        raise PlatformError([cannot_extend(file, "its comments would be lost")])
    return content


def _has_comments(text: str) -> bool:
    """Whether a YAML text has a comment: a ``#`` that is in no scalar."""
    between, end = [], 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.ScalarToken):
            start = token.start_mark.index
            # The text of a block starts in the next line.
            between.append(text[end : text.index("\n", start) if token.style in {"|", ">"} else start])
            end = token.end_mark.index
    return "#" in "".join([*between, text[end:]])


def cannot_extend(file: Path, problem: str) -> Finding:
    """The finding about a file that rows cannot be added to."""
    return Finding(
        "CAT007",
        "error",
        "--file",
        quote_value(str(file)),
        f"a file of at most {MAX_BYTES:,} bytes, in JSON, or in YAML without comments",
        f"Nothing was added: {problem}.",
        "docs/commands.md#catalog-add",
    )


def _checked(content: dict[str, Any], file: Path) -> Catalog:
    """The catalog with the file.

    Raises:
        PlatformError: the file has errors.
    """
    catalog, findings = overlay(load(), content, str(file))
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise PlatformError(errors)
    return catalog


def _rows(comparison: ChartComparison, catalog: Catalog, today: date) -> Iterator[tuple[str, Any]]:
    """The rows to add, by their place in the file."""
    checked = {"checked": today.isoformat()}
    for addition in comparison.add:
        table, source = addition.file.removesuffix(".json").replace("-", "_"), addition.source
        if addition.file.startswith("keys/"):
            yield f"keys.{comparison.chart}.{addition.to}", addition.value
        elif addition.to == "versions":
            yield f"{table}.versions", {"version": addition.value, "source": source} | checked
        else:
            yield f"{table}.minors", addition.value | checked
            yield from _edge(addition, catalog, checked)


def _edge(addition: Addition, catalog: Catalog, checked: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """The upgrade to a new minor version from the one directly before it."""
    minor = addition.value["minor"]
    before = minor_before(minor)
    if before in catalog.platform.known_minors and catalog.edges.between(before, minor) is None:
        edge = {"from_minor": before, "to_minor": minor, "reversible": False, "sources": [addition.value["source"]]}
        yield "edges.rows", edge | checked


def _insert(content: dict[str, Any], place: list[str], row: Any) -> None:
    if place[0] == "keys":
        charts = content.setdefault("keys", {})
        added = charts.get(place[1], {}) | {".".join(place[2:]): row}
        charts[place[1]] = dict(sorted(added.items(), key=lambda item: Version.parse(item[0])))
        return
    rows = content.setdefault(place[0], {}).setdefault(place[1], [])
    identity = row.get("minor")
    rows[:] = [other for other in rows if identity is None or other.get("minor") != identity]
    rows.append(row)
    rows.sort(key=_version)


def _version(row: dict[str, Any]) -> Version:
    """The version that a row is about; of a minor version, its first."""
    return Version.parse(row.get("version") or f"{row.get('minor') or row['to_minor']}.0")


def _decisions(chart: ReadChart, rows: dict[str, Any], catalog: Catalog) -> Iterator[str]:
    """What the charts do not say."""
    if "platform.minors" in rows:
        minor = rows["platform.minors"]["minor"]
        yield (
            f"platform.minors {minor}: which KAI Scheduler and Grove work with it. Each range starts at the "
            "bundled version until upstream publishes another one; then write `sure: published`."
        )
        if "edges.rows" not in rows and not any(edge.to_minor == minor for edge in catalog.edges.rows):
            before = minor_before(minor)
            first = f"add the chart of {before}, then " if before else "add "
            yield (
                f"edges.rows: from which minor version upstream supports the upgrade to {minor}. To allow it, {first}a "
                f"row with `from_minor: {before or 'the last one of the major version before'}` and "
                f"`to_minor: {minor}`."
            )
    if "edges.rows" in rows:
        yield "edges.rows: whether upstream supports the way back (`reversible`); until then it does not."
    if rows and not any(place.startswith("keys.") for place in rows):
        yield f"nothing about keys: {chart.name} {chart.version} reads the same as the version before."


def _write(file: Path, content: dict[str, Any]) -> None:
    """Write the file at once, so that it is never half-written."""
    if file.suffix == ".json":
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    else:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    if len(text.encode()) > MAX_BYTES:
        raise PlatformError([cannot_extend(file, f"it would be longer than {MAX_BYTES:,} bytes")])
    file = file.resolve()  # a symbolic link stays
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
