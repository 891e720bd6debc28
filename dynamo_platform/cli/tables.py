"""Tables: in colour on a terminal, plain aligned text elsewhere."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "ok": "green"}
"""The style of these words on a terminal."""

MAX_WORD_CHARS = 20
"""Words longer than this, such as paths, may be broken to fit into a column."""

_GAP = 3
"""Columns between two cells on a terminal."""


class Table(NamedTuple):
    """A table of text.

    Attributes:
        columns: the titles of the columns.
        rows: the cells of each row.
        title: a line above the table; empty for none.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_table(table: Table) -> None:
    """Print a table. On a terminal that is too narrow for its columns, one line for each cell."""
    if is_terminal():
        from rich.console import Console  # noqa: PLC0415  takes 50 ms, and only a terminal needs it

        console = Console()
        if console.width < _narrowest(table):
            click.echo(format_records(table, console.width))
        else:
            print_rich(table, console)
    else:
        click.echo(format_table(table))


def print_rich(table: Table, console: Console) -> None:
    """Print a table in colour."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    word = table.title.split(" ")[-1].removesuffix("s")
    rich = RichTable(
        box=box.SIMPLE_HEAD,
        title=table.title or None,
        title_justify="left",
        title_style=STYLES.get(word, "bold"),
        header_style="bold",
        pad_edge=False,
    )
    for column in table.columns:
        rich.add_column(column, overflow="fold")
    for row in table.rows:
        rich.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console.print(rich)


def _narrowest(table: Table) -> int:
    """The columns that a terminal needs so that no word of a usual length is broken."""
    cells = zip(table.columns, *table.rows, strict=True)
    words = [[len(word) for cell in column for word in cell.split()] for column in cells]
    return sum(min(max(column, default=0), MAX_WORD_CHARS) for column in words) + _GAP * len(words)


def format_records(table: Table, width: int) -> str:
    """A table as text of at most ``width`` columns: for each row, a line for each cell that is not empty."""
    label = max(map(len, table.columns)) + 1
    blocks = [
        "\n".join(
            line
            for column, cell in zip(table.columns, row, strict=True)
            for number, part in enumerate(cell.splitlines())
            for line in textwrap.wrap(
                part,
                max(width, label + MAX_WORD_CHARS),
                initial_indent=("" if number else column).ljust(label),
                subsequent_indent=" " * label,
                break_on_hyphens=False,
            )
        )
        for row in table.rows
    ]
    return "\n\n".join([table.title, *blocks] if table.title else blocks)


def format_table(table: Table) -> str:
    """A table as aligned text."""
    rows = [tuple(column.upper() for column in table.columns), *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([table.title, *lines] if table.title else lines)
