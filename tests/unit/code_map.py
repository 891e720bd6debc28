"""The map of the package in `CONTRIBUTING.md`, from the modules' docstrings.

`python -m tests.unit.code_map` updates it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "dynamo_platform"
PAGE = CHECKOUT / "CONTRIBUTING.md"

STAGES = [
    "config",
    "catalog",
    "planning",
    "rendering",
    "cluster",
    "component",
    "gitops",
    "comparison",
    "verification",
    "cli",
]
"""The folders, in the order of the pipeline."""


def page() -> str:
    """The page with today's map."""
    table = "\n".join(["| module | holds |", "|---|---|", *_rows()])
    return re.sub(
        r"(<!-- BEGIN map -->\n).*?(\n<!-- END map -->)",
        lambda block: f"{block[1]}{table}{block[2]}",
        PAGE.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )


def _rows() -> Iterator[str]:
    for stage in STAGES:
        yield f"| **`{stage}/`** | {_summary(PACKAGE / stage / '__init__.py')} |"
        for path in sorted((PACKAGE / stage).iterdir()):
            if (path / "__init__.py").exists():
                yield f"| `{stage}/{path.name}/` | {_summary(path / '__init__.py')} |"
            elif path.suffix == ".py" and path.name != "__init__.py":
                yield f"| `{stage}/{path.name}` | {_summary(path)} |"
    for path in sorted(PACKAGE.glob("[!_]*.py")):
        yield f"| `{path.name}` | {_summary(path)} |"


def _summary(module: Path) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    summary = re.split(r"(?<=\w|`|\))\.(?:\s|$)", docstring.partition("\n\n")[0])[0]
    return " ".join(summary.split()).replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
