"""Tables: in colour on a terminal, plain aligned text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "ok": "green"}
"""The style of these words on a terminal."""


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
    """Print a table."""
    if is_terminal():
        from rich.console import Console  # noqa: PLC0415  takes 50 ms, and only a terminal needs it

        print_rich(table, Console())
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


def format_table(table: Table) -> str:
    """A table as aligned text."""
    rows = [tuple(column.upper() for column in table.columns), *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([table.title, *lines] if table.title else lines)
