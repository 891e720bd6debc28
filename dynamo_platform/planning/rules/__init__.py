"""Compatibility rules: one function, one code, one message each. A new rule is a function here and a test.

A rule takes the choices and yields verdicts: the path, the given value, the allowed values, the reason, and where to
read more. Facts about versions are in the catalog; a rule only applies them. Each module has one subject.
"""

from __future__ import annotations

from dynamo_platform.findings import Finding, at_most
from dynamo_platform.planning.choices import Choices

from . import (  # noqa: F401  the modules register their rules
    accepted,
    backends,
    cluster,
    credentials,
    dependencies,
    local_charts,
    namespaces,
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
    """The findings of all rules."""
    return at_most(finding for each in RULES for finding in each(c))
