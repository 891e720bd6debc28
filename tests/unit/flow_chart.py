"""The flow chart of the stack `production` in `docs/order.md`.

`python -m tests.unit.flow_chart` updates it.
"""

import re
from pathlib import Path

from dynamo_platform.config.stackfile import find_project, read_stack
from dynamo_platform.planning.explanation import mermaid
from dynamo_platform.planning.stacks import plan_stack

PAGE = Path(__file__).parents[2] / "docs" / "order.md"


def page() -> str:
    """The page with the chart of today's plan."""
    chart = mermaid(plan_stack(read_stack(find_project(PAGE.parents[1]), "production")))
    return re.sub(
        r"(```mermaid\n).*?(\n```)",
        lambda block: f"{block[1]}{chart}{block[2]}",
        PAGE.read_text("utf-8"),
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
