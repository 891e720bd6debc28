"""The tables of `docs/tested.md`, from the results that engine tests record.

`python -m tests.unit.results` writes them between the markers of the page.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "tested.md"
FOLDER = CHECKOUT / "tests" / "data" / "results"


def page() -> str:
    """The page with the recorded tables."""
    return re.sub(
        r"(<!-- BEGIN (\w+) -->\n).*?(<!-- END \2 -->)",
        lambda block: f"{block[1]}{_table(block[2])}\n{block[3]}",
        PAGE.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )


def rows(kind: str) -> list[dict[str, Any]]:
    """The rows of a table, by name."""
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    return found


def kinds() -> list[str]:
    """The tables."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def _table(kind: str) -> str:
    return "\n".join(["| situation | promised | seen | runbook | s |", "|---|---|---|---|--:|", *_rows(kind)])


def _rows(kind: str) -> Iterator[str]:
    for row in rows(kind):
        runbook = f"[steps](runbooks.md#{row['runbook']})" if row["runbook"] else ""
        seen = "<br>".join([*row["seen"], *(f"**lost: {each}**" for each in row["lost"])])
        yield f"| {row['name']} | {row['promised']} | {seen} | {runbook} | {row['seconds']} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
