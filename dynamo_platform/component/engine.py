"""The Pulumi engine, which has to support what the component registers."""

from __future__ import annotations

import re

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from dynamo_platform.findings import Finding

OLDEST_CLI = "3.244.0"
"""The oldest CLI whose engine passes every error of a provider to error hooks.

Older ones accept the hooks and do not call them, so the engine's list of features is not enough
(https://github.com/pulumi/pulumi/issues/23344).
"""

TITLES = {"RUN001": "The Pulumi CLI is too old."}
"""The titles of the findings about the engine, by code."""


def is_mocked() -> bool:
    """Whether the program runs with Pulumi's mocks, which have no engine and no server for hooks."""
    return isinstance(get_monitor(), MockMonitor)


def check_cli() -> list[Finding]:
    """The finding about a CLI that is too old; none if it is new enough, or mocked."""
    if is_mocked():
        return []
    try:
        pulumi.require_pulumi_version(f">={OLDEST_CLI}")
    except Exception as error:  # noqa: BLE001  the SDK raises nothing more precise
        return [old_cli(str(error))]
    return []


def old_cli(refusal: str) -> Finding:
    """The finding about a CLI that is too old.

    Args:
        refusal: the error of the engine, or of the SDK if the engine cannot compare its version at all.
    """
    version = re.search(r"version (\S+) does not satisfy", refusal)
    return Finding(
        code="RUN001",
        severity="error",
        path="Pulumi CLI",
        given=version[1] if version else "a version that is too old to tell its number",
        allowed=f"{OLDEST_CLI} or newer; `pulumi version` prints it",
        why="Older ones do not call the error hooks that retry a queue and report why a release or gate failed.",
        docs="https://github.com/pulumi/pulumi/issues/23344",
    )
