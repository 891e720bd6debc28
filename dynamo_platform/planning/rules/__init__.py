"""Compatibility rules: one function, one code, one message each. A new rule is a function here and a test.

A rule looks at the choices and yields where something is wrong, what is given, what is allowed, why, and where to read.
Facts about versions come from the catalog; a rule only says what follows from them. Each module holds one subject.
"""

from __future__ import annotations

from dynamo_platform.findings import Finding
from dynamo_platform.planning.choices import Choices

from . import (  # noqa: F401  they register themselves
    accepted,
    backends,
    cluster,
    dependencies,
    passthrough,
    platform,
    profile,
    queues,
    refused,
    settings,
    upgrade,
    values,
)
from .base import RULES, Rule, Verdict, rule

__all__ = ["RULES", "Rule", "Verdict", "judge", "rule"]


def judge(c: Choices) -> list[Finding]:
    """Everything that the rules have to say."""
    return [finding for each in RULES for finding in each(c)]
