"""The user's chart values, as far as the chosen version of the chart reads them."""

from __future__ import annotations

from typing import Any

from dynamo_platform.planning.choices import Choices, ReleaseName
from dynamo_platform.trees import value_at


def value_read(c: Choices, name: ReleaseName, path: str) -> Any:
    """The value at a path of a chart's complete values.

    Returns:
        The value. None if there is none, or if the chart's version does not read the key: Helm ignores it, so no rule
        may rely on it. A key that one of the recorded versions on both sides of an unrecorded one reads counts as read.
    """
    value = value_at(c.values[name], path)
    passed_through = c.config.values or any(d.values for d in c.dependencies)
    if value is None or not passed_through or path in c.written[name]:
        return value
    # The recordings of the charts' keys are read for values of the user only.
    from .given import reads  # noqa: PLC0415

    return value if reads(c, name, path, value) else None
