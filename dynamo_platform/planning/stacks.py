"""The plan of a stack file, and what the same file would have installed with another version."""

from __future__ import annotations

from dynamo_platform.catalog import Catalog, Overlaid, catalog_with
from dynamo_platform.config.reading import parse
from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import Finding, PlatformError

from .model import Plan, Running
from .planner import plan_of
from .running import from_plan, from_version


def overlaid(stack: Stack) -> Overlaid:
    """The catalog of a stack: the shipped one, with the file that its setting ``catalog`` names."""
    return catalog_with((stack.settings or {}).get("catalog"), stack.folder)


def catalog_of(stack: Stack) -> Catalog:
    """The catalog of a stack; findings about its own rows are those of its plan."""
    return overlaid(stack).catalog


def plan_stack(stack: Stack, running: Running | None = None) -> Plan:
    """Plan a stack.

    Args:
        stack: the stack file.
        running: what is installed; None for a new stack.

    Raises:
        PlatformError: the configuration has errors; the exception lists all of them.
    """
    if stack.settings is None:
        raise PlatformError(stack.problems)
    catalog, problems = overlaid(stack)
    found = [*stack.problems, *problems]
    return plan_of(stack.settings, catalog, stack=True, running=running, problems=found, folder=stack.folder)


def check_stack(stack: Stack, running: Running | None = None) -> tuple[Finding, ...]:
    """Every finding about a stack; arguments as for :func:`plan_stack`."""
    try:
        return plan_stack(stack, running).findings
    except PlatformError as error:
        return error.findings


def running_at(stack: Stack, version: str) -> Running:
    """What a stack's configuration would have installed with another version of the platform."""
    config, _ = parse(stack.settings or {}, stack=True)
    return from_version(version, config, catalog_of(stack))


def running_after(stack: Stack) -> Running:
    """What a stack file installs.

    Raises:
        PlatformError: the configuration has errors; the exception lists all of them.
    """
    return from_plan(plan_stack(stack))
