"""The table of supported upgrades in `docs/upgrades.md`, from the catalog.

`python -m tests.unit.upgrades` writes it between the markers of the page.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from dynamo_platform.catalog import load
from dynamo_platform.catalog.edges import Edge, verified

PAGE = Path(__file__).parents[2] / "docs" / "upgrades.md"


def page() -> str:
    """The page with the current table."""
    table = "\n".join(
        ["| from | to | back | what it does | tested |", "|---|---|---|---|---|", *map(_row, load().edges.rows)]
    )
    return re.sub(
        r"(<!-- BEGIN edges -->\n).*?(\n<!-- END edges -->)",
        lambda block: f"{block[1]}{table}{block[2]}",
        PAGE.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )


def _row(edge: Edge) -> str:
    back = f"[{'yes' if edge.reversible else 'no'}]({edge.sources[0]})"
    tested = "<br>".join(str(each) for each in verified() if each.of(edge))
    return f"| {edge.from_minor} | {edge.to_minor} | {back} | {' '.join(_effects(edge))} | {tested} |"


def _effects(edge: Edge) -> Iterator[str]:
    for text in edge.disturbs:
        yield f"{text} ([source]({edge.sources[-1]}))"
    for change in load().changes_over(edge):
        yield f"`{change.kind}`: {change.what} ([source]({change.source}))"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
