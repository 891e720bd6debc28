"""How KAI Scheduler's chart creates its Config."""

from __future__ import annotations

from typing import Any, NamedTuple

from dynamo_platform.catalog.model import Range
from dynamo_platform.planning.choices import Choices


class KaiConfig(NamedTuple):
    """The chart values of KAI Scheduler that create its Config; None if not set, or if its version has no such value.

    Attributes:
        by_job: whether a Job creates the Config.
        inline: whether the Config is an object of the release.
    """

    by_job: Any
    inline: Any


def kai_config(c: Choices, versions: Range) -> KaiConfig | None:
    """How this stack creates the Config; None if it installs no KAI Scheduler of these versions."""
    kai = c.kai
    if kai.mode not in {"separate", "bundled"} or not kai.version or not versions.holds(kai.version):
        return None
    settings = ("kaiConfig.byJob", "kaiConfig.inline")
    return KaiConfig(*(c.catalog.setting("kai-scheduler", each, kai.version, c.values[kai.name]) for each in settings))
