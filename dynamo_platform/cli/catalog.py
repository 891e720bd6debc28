"""``catalog``: a project's own additions to the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from dynamo_platform.catalog.adding import Added, add_charts
from dynamo_platform.config.model import NAMESPACE

from .output import print_json

DEFAULT_FILE = Path("catalog.json")


@click.group()
def catalog() -> None:
    """Add facts about new chart versions to the catalog."""


@catalog.command()
@click.argument("charts", nargs=-1, required=True, metavar="CHART...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_FILE,
    show_default=True,
    help="The file to extend or create: JSON, or YAML if its name ends with .yaml.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def add(*, charts: tuple[Path, ...], file: Path, as_json: bool) -> None:
    """Add what the catalog lacks of released charts to a file of the project.

    CHART is an archive (.tgz) or a folder, as `helm pull` writes it. Rows that are in the file already stay. Stack
    files name the file with the setting `catalog`.

    Exits with 1 if a chart is not one of the catalog's, or if the file has errors; then nothing is written.
    """
    added = add_charts(charts, file, datetime.now(tz=UTC).date())
    if as_json:
        print_json({"file": str(file), "charts": [_data(each) for each in added]})
    else:
        click.echo(_text(file, added))


def _data(added: Added) -> dict[str, object]:
    return {
        "chart": added.comparison.chart,
        "version": added.comparison.version,
        "added": [{"to": place, "row": row} for place, row in added.rows.items()],
        "decide": list(added.decide),
        "differs": list(added.comparison.differs),
    }


def _text(file: Path, added: Sequence[Added]) -> str:
    lines = []
    for each in added:
        lines.append(f"{each.comparison.chart} {each.comparison.version}")
        lines += [f"  added    {place}" for place in each.rows] or ["  added    nothing: the catalog has it"]
        lines += [f"  decide   {text}" for text in each.decide]
        lines += [f"  differs  {text}" for text in each.comparison.differs]
    if any(each.rows for each in added):
        lines.append(f"{file} is written. Stack files use it with `{NAMESPACE}:catalog: {file}`.")
    return "\n".join(lines)
