"""The catalog with the rows of a file: an overlay, which adds or corrects facts.

An overlay has the tables of ``data/``, each with the rows to add. A row with the identity of a shipped one replaces it.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_origin

from dynamo_platform.config.yamltext import MAX_BYTES, YamlTextError, load_yaml
from dynamo_platform.findings import Finding, Severity, at_most, quote_value
from dynamo_platform.versions import Version

from . import Catalog, Overlaid, load
from .edges import Edge
from .keys import Recording, recordings
from .platform import Minor, PastMinor, Platform
from .reading import Row, read

TITLES = {
    "CAT001": "The catalog's file cannot be read.",
    "CAT002": "An entry of the catalog's file is wrong.",
    "CAT003": "A row of the catalog's file differs from this package's catalog, and replaces it.",
    "CAT004": "A row of the catalog's file is in this package's catalog already.",
    "CAT005": "A row of the catalog's file is older than the row that it replaces.",
    "CAT006": "A file is not a chart of the catalog.",
    "CAT007": "The catalog's file cannot be extended.",
}
"""The titles of the findings about an overlay, by code."""

_NOTES = ("CAT003", "CAT004")

_DOCS = "docs/configuration.md#catalog"

_SOURCES = ("source", "docs", "sources")
"""The fields that name a row's source."""

_OWN_FIELDS = {"chart", "namespace", "api", "source", "checked", "globals"}
"""Fields of a table that an overlay cannot change."""


def catalog_of_file(file: str, folder: Path) -> Overlaid:
    """The shipped catalog with the rows of a file.

    Args:
        file: the file, relative to the project.
        folder: the project's folder.
    """
    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()):
        return Overlaid(load(), (_unreadable(file, "it is outside of the project"),))
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return Overlaid(load(), (_unreadable(file, str(error.strerror)),))
    return _overlaid(data, file)


@lru_cache(maxsize=16)
def _overlaid(data: bytes, name: str) -> Overlaid:
    try:
        content = read_tables(data)
    except ValueError as error:
        return Overlaid(load(), (_unreadable(name, str(error)),))
    return overlay(load(), content, name)


def read_tables(data: bytes) -> dict[str, Any]:
    """The tables of an overlay's file.

    Raises:
        ValueError: the file cannot be read.
    """
    try:
        content = load_yaml(data).value
    except YamlTextError as error:
        line = f" (line {error.line})" if error.line else ""
        raise ValueError(f"{error.problem}{line}") from error
    if not isinstance(content, dict):
        raise ValueError("it is not a mapping of tables")  # noqa: TRY004  an error in the file, not in the program
    return content


def overlay(base: Catalog, content: Mapping[str, Any], name: str) -> Overlaid:
    """A catalog with the rows of an overlay.

    Args:
        base: the catalog.
        content: the overlay.
        name: its file, for findings.
    """
    merge = _Merge(name, content.get("checked"))
    tables = {each: getattr(base, each) for each in base.fields}
    for table, rows in content.items():
        if table in tables and table != "kinds":
            tables[table] = merge.table(type(tables[table]), tables[table], rows, table)
        elif table == "keys":
            continue
        elif table != "checked":
            known = [*(each for each in tables if each != "kinds"), "keys", "checked"]
            merge.wrong(table, quote_value(rows), ", ".join(known), "The catalog has no such table.")
    added = merge.recordings(content.get("keys", {}))
    merge.check_minors(tables["platform"])
    if any(finding.severity == "error" for finding in merge.findings):
        return Overlaid(base, tuple(at_most(merge.findings)))
    return Overlaid(Catalog(**tables, added_recordings=added), tuple(at_most(merge.findings)))


class _Merge:
    """Merges the tables of one overlay, and collects the findings about it."""

    def __init__(self, name: str, checked: Any) -> None:
        self.name = name
        self.findings: list[Finding] = []
        self.rows: dict[str, Any] = {}
        self.firsts: dict[tuple[str, tuple[Any, ...]], str] = {}
        self.checked = self._date(checked, "checked") if checked is not None else None
        if checked is None:
            why = "Rows that are older than those of this package's catalog must not replace them."
            self.wrong("checked", "nothing", "the date on which the facts were read, such as 2026-11-28", why)

    def wrong(self, where: str, given: str, allowed: str, why: str, code: str = "CAT002") -> None:
        """Add an error."""
        self._add(code, where, (given, allowed, why))

    def _add(self, code: str, where: str, texts: tuple[str, str, str], docs: str = _DOCS) -> None:
        given, allowed, why = texts
        severity: Severity = "note" if code in _NOTES else "error"
        self.findings.append(
            Finding(code, severity, f"catalog.{where}", given, allowed, f"{why} It is in {self.name}.", docs)
        )

    def _date(self, value: Any, where: str) -> str | None:
        # The clock may be behind this package's own date.
        today = max(datetime.now(tz=UTC).date().isoformat(), load().platform.checked)
        try:
            found = date.fromisoformat(value).isoformat()
        except (TypeError, ValueError):
            self.wrong(where, quote_value(value), "a date in quotes, such as 2026-11-28", "It is not a date.")
            return None
        if found > today:
            why = "A row of the future would replace all later ones of this package's catalog."
            self.wrong(where, found, f"the date on which the facts were read, at most {today}", why)
        return found

    def table(self, kind: Any, base: Any, given: Any, where: str) -> Any:
        """A row that is a table: its fields are merged one by one."""
        if not isinstance(given, dict):
            self.wrong(where, quote_value(given), "a mapping of the table's fields", "It is a table.")
            return base
        fields = dict(vars(base))
        for name, value in given.items():
            if name not in kind.fields or name in _OWN_FIELDS:
                allowed = ", ".join(each for each in kind.fields if each not in _OWN_FIELDS)
                self.wrong(f"{where}.{name}", quote_value(value), allowed, "An overlay cannot set this field.")
            else:
                fields[name] = self._field(kind.fields[name], fields.get(name), value, f"{where}.{name}")
        return kind(**fields)

    def _field(self, kind: Any, base: Any, given: Any, where: str) -> Any:
        origin, args = get_origin(kind), get_args(kind)
        if origin is tuple and args[0] is Version:
            return self._versions(base, given, where)
        if origin is tuple and args[0].identity:
            return self._rows(args[0], base or (), given, where)
        if origin is dict and get_origin(args[1]) is tuple:
            return self._by_setting(args[1], base, given, where)
        row = args[0] if args and not isinstance(kind, type) else kind
        if isinstance(row, type) and issubclass(row, Row) and not any(each in row.fields for each in _SOURCES):
            return self.table(row, base, given, where)
        if isinstance(row, type) and issubclass(row, Row):
            found = self._row(row, given, where)
            if found is not None and base is not None:
                self._compare(base, found, given, where)
            return base if found is None else found
        self.wrong(where, quote_value(given), "a row with its source", "An overlay cannot set this field.")
        return base

    def _versions(self, base: tuple[Version, ...], given: Any, where: str) -> tuple[Version, ...]:
        found = list(base)
        for number, item in enumerate(self._list(given, where)):
            at = f"{where}[{number}]"
            row: Any = self._row(_KnownVersion, item, at)
            if row is None:
                continue
            if row.version in base:
                self._not_needed(at, str(row.version))
            elif not self._is_second(where, _identity(row), at):
                found.append(row.version)
        return tuple(sorted(found))

    def _rows(self, kind: Any, base: tuple[Any, ...], given: Any, where: str) -> tuple[Any, ...]:
        rows = list(base)
        known = {_identity(row): row for row in rows}
        for number, item in enumerate(self._list(given, where)):
            at = f"{where}[{number}]"
            if (row := self._row(kind, item, at)) is None or self._is_second(where, _identity(row), at):
                continue
            if same := known.get(_identity(row)):
                self._compare(same, row, item, at)
                rows[rows.index(same)] = row
            else:
                before = (n for n in reversed(range(len(rows))) if _order(rows[n]) <= _order(row))
                rows.insert(next(before, -1) + 1, row)
        return tuple(rows)

    def _is_second(self, where: str, identity: tuple[Any, ...], at: str) -> bool:
        """Whether the file has a row of that identity already, which is an error."""
        first = self.firsts.setdefault((where, identity), at)
        if first != at:
            allowed = f"one such row; the other is catalog.{first}"
            self.wrong(at, _listed(identity), allowed, "Two rows of the file are about the same thing.")
        return first != at

    def _by_setting(self, kind: Any, base: Mapping[str, Any], given: Any, where: str) -> dict[str, Any]:
        if not isinstance(given, dict):
            self.wrong(where, quote_value(given), "a mapping of lists of rows", "It is not a mapping.")
            return dict(base)
        known = {name for table in vars(load()).values() for name in getattr(table, "settings", ())}
        for name in given:
            if name not in known:
                self.wrong(f"{where}.{name}", quote_value(name), ", ".join(sorted(known)), "There is no such setting.")
        rows = {
            name: self._rows(get_args(kind)[0], base.get(name, ()), value, f"{where}.{name}")
            for name, value in given.items()
        }
        return {**base, **rows}

    def recordings(self, given: Any) -> dict[str, dict[str, Recording]]:
        """The recordings of keys, by chart and version."""
        found: dict[str, dict[str, Recording]] = {}
        if not isinstance(given, dict):
            self.wrong("keys", quote_value(given), "a mapping of charts", "It is not a mapping.")
            return found
        for chart, versions in given.items():
            if chart not in _RECORDED or not isinstance(versions, dict):
                allowed = f"a mapping of versions, below one of {', '.join(_RECORDED)}"
                self.wrong(f"keys.{chart}", quote_value(versions), allowed, "No keys of other charts are recorded.")
                continue
            shipped = {Version.parse(version): row for version, row in recordings(chart).items()}
            for version, item in versions.items():
                at = f"keys.{chart}.{version}"
                problems: list[str] = []
                number = read(Version, version, at, problems)
                self._wrong_rows(problems, item)
                row = self._row(Recording, item, at)
                if row is None or problems or self._is_second(f"keys.{chart}", (number,), at):
                    continue
                if number in shipped:
                    self._compare(shipped[number], row, item, at)
                found.setdefault(chart, {})[version] = row
        return found

    def check_minors(self, platform: Platform) -> None:
        """Check that edges skip nothing, and that each minor version of the rows has a version."""
        for where, row in self.rows.items():
            named = [row.from_minor, row.to_minor] if isinstance(row, Edge) else []
            named += [row.minor] if isinstance(row, Minor | PastMinor) else []
            for minor in named:
                if not platform.versions_of(minor):
                    allowed = f"also a row in platform.versions, such as {minor}.0"
                    self.wrong(where, minor, allowed, "The catalog has no version of this minor version.")
            if isinstance(row, Edge) and row.skips:
                allowed = "the next minor version, or the first one of the next major version"
                self.wrong(where, str(row), allowed, "An upgrade takes one minor version at a time.")

    def _list(self, given: Any, where: str) -> list[Any]:
        if isinstance(given, list):
            return given
        self.wrong(where, quote_value(given), "a list of rows", "It is not a list.")
        return []

    def _row(self, kind: Any, given: Any, where: str) -> Any:
        """A row; None if it is wrong."""
        before = len(self.findings)
        if not isinstance(given, dict):
            self.wrong(where, quote_value(given), "a mapping of the row's fields", "It is not a row.")
            return None
        own = {name: value for name, value in given.items() if name != "checked"}
        if "checked" in given:
            self._date(given["checked"], f"{where}.checked")
        named = next((name for name in _SOURCES if name in kind.fields), None)
        stated = own.get(named or "source")
        if not stated or any(not str(each).strip() for each in (stated if isinstance(stated, list) else [stated])):
            allowed = f"{named or 'source'}: the page that states it"
            self.wrong(where, quote_value(own), allowed, "Every row of the catalog names its source.")
        if named is None:
            own.pop("source", None)
        problems: list[str] = []
        row = read(kind, own, where, problems)
        missing = f"{where}: {named} missing;"
        self._wrong_rows([each for each in problems if not each.startswith(missing)], given)
        if len(self.findings) > before:
            return None
        self.rows[where] = row
        return row

    def _wrong_rows(self, problems: list[str], given: Any) -> None:
        for problem in problems:
            where, _, what = problem.partition(": ")
            self.wrong(where, quote_value(given), what, "The row does not fit the catalog's schema.")

    def _compare(self, base: Row, row: Row, given: Mapping[str, Any], where: str) -> None:
        """Compare a row with the one that it replaces."""
        differ = [
            name
            for name in row.fields
            if name not in _SOURCES and _plain(getattr(base, name)) != _plain(getattr(row, name))
        ]
        if not differ:
            self._not_needed(where, _listed(_identity(row)))
            return
        ours = {name: _plain(getattr(base, name)) for name in differ}
        theirs = {name: _plain(getattr(row, name)) for name in differ}
        table, chart, *_ = where.split(".")
        checked = self._date(given["checked"], where) if "checked" in given else self.checked
        shipped = getattr(load(), _RECORDED[chart] if table == "keys" else table).checked
        if checked and checked < shipped:
            self.wrong(
                where,
                f"{quote_value(theirs)}, checked {checked}",
                f"{quote_value(ours)}, checked {shipped}; or this row with a newer date in `checked`",
                "This package's row was compared with upstream later. Remove the row, or check its source again.",
                "CAT005",
            )
            return
        why = "This row replaces the one of this package's catalog."
        self._add("CAT003", where, (quote_value(theirs), quote_value(ours), why), _source(base))

    def _not_needed(self, where: str, given: str) -> None:
        why = "This package's catalog has the same row, so this one is not needed any more."
        self._add("CAT004", where, (given, "remove the row", why))


class _KnownVersion(Row):
    """A version in an overlay.

    Attributes:
        version: the version.
        source: the page that states it.
    """

    identity = ("version",)

    version: Version
    source: str


_RECORDED = {"dynamo-platform": "platform", "kai-scheduler": "kai_scheduler", "grove-charts": "grove"}
"""The table of each chart whose keys are recorded."""


def _source(row: Row) -> str:
    """The page that states a row."""
    found = next((getattr(row, name) for name in _SOURCES if getattr(row, name, None)), _DOCS)
    return found if isinstance(found, str) else str(found[0])


def _identity(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name, None) for name in row.identity)


def _listed(identity: tuple[Any, ...]) -> str:
    return ", ".join(str(part) for part in identity) or "the row"


def _order(row: Any) -> tuple[Any, ...]:
    """What the rows of a table are sorted by: their first version, or their minor version."""
    if isinstance(first := getattr(row, "first", None), Version):
        return (1, first)
    minor = getattr(row, "minor", None) or getattr(row, "from_minor", None)
    return (1, tuple(map(int, minor.split(".")))) if minor else (0,)


def _plain(value: Any) -> Any:
    """A value of a row as plain data."""
    if isinstance(value, Row):
        return {name: _plain(getattr(value, name, None)) for name in value.fields}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, Version) else value


def _unreadable(file: str, problem: str) -> Finding:
    return Finding(
        "CAT001",
        "error",
        "catalog",
        quote_value(file),
        f"a file in the project, in JSON or YAML, of at most {MAX_BYTES:,} bytes",
        f"The file cannot be read: {problem}.",
        _DOCS,
    )
