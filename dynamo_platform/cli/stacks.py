"""The options that select stacks, and functions that read these stacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from dynamo_platform.catalog import Catalog, load
from dynamo_platform.config.stackfile import ProjectError, Stack, find_project, read_file, read_stack
from dynamo_platform.findings import PlatformError, listed
from dynamo_platform.planning.choices import parse_version
from dynamo_platform.planning.model import Running
from dynamo_platform.planning.stacks import catalog_of, overlaid, running_after, running_at

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)


def _since(_: click.Context, __: click.Parameter, value: str | None) -> Stack | str | None:
    """Read what is installed now: a stack file, or a version of the platform.

    Raises:
        click.BadParameter: the text is neither a file nor a version.
    """
    if value is None:
        return None
    if Path(value).is_file():
        return read_file(Path(value))
    version = parse_version(value)
    if version is None or version.has_v:
        raise click.BadParameter(f"{value!r} is neither a version of the platform, such as 1.4.2, nor a file.")
    return value


STACK = click.option("--stack", metavar="NAME", help="A stack of the project.")
STACKS = click.option(
    "--stack",
    "stacks",
    metavar="NAME",
    multiple=True,
    callback=lambda _, __, names: tuple(dict.fromkeys(names)),
    help="A stack of the project; may be repeated.",
)
SINCE = click.option(
    "--from",
    "since",
    callback=_since,
    metavar="VERSION|FILE",
    help="What is installed now, to check the upgrade from it: a platform version, or a stack file.",
)
CONFIG = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A stack file, or a file with the same settings without the `dynamo-platform:` prefix.",
)


def format_option(other: str, description: str) -> Callable[[Decorated], Decorated]:
    """The option ``--format``: text, JSON, or another format."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", other]),
        default="text",
        show_default=True,
        help=f"Text for people, JSON for programs, or {description}.",
    )


def installed(since: Stack | str | None, stack: Stack) -> Running | None:
    """What ``--from`` says is installed.

    Args:
        since: the option's value.
        stack: the stack whose upgrade is checked; with a version, what it would have installed with that version.

    Raises:
        PlatformError: the given stack file has errors; the exception lists all of them.
        click.UsageError: the catalog does not know the minor version of the given version.
    """
    if since is None or isinstance(since, Stack):
        return running_after(since) if since else None
    known = catalog_of(stack).platform.known_minors
    if since.rpartition(".")[0] not in known:
        raise click.UsageError(f"{since} has an unknown minor version; the known ones are {known[0]} to {known[-1]}.")
    return running_at(stack, since)


def catalog_for(stack: Stack | None) -> Catalog:
    """The catalog of a stack; the shipped one without a stack.

    Raises:
        PlatformError: the file of the stack's own catalog has errors; the exception lists all of them.
    """
    if stack is None:
        return load()
    catalog, findings = overlaid(stack)
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise PlatformError(errors)
    return catalog


def read_stacks(*, stacks: Sequence[str] = (), everything: bool = False, config: Path | None = None) -> list[Stack]:
    """Read the stacks that the options select.

    Raises:
        click.UsageError: not exactly one of the options is given, or a stack cannot be read.
    """
    try:
        if config is not None and not stacks and not everything:
            return [read_file(config)]
        project = find_project(Path.cwd())
        if bool(stacks) + everything + (config is not None) != 1:
            known = listed(project.stacks) or "none"
            raise click.UsageError(
                f"Use exactly one of the options that select stacks. The stacks of this project are: {known}."
            )
        if not project.stacks:
            raise click.UsageError(f"There is no stack file in {project.folder}.")
        return [read_stack(project, name) for name in stacks or project.stacks]
    except ProjectError as error:
        raise click.UsageError(str(error)) from error


def read_stack_option(stack: str | None, config: Path | None) -> Stack:
    """Read the one stack that ``--stack`` or ``--config`` names.

    Raises:
        click.UsageError: not exactly one of the options is given, or the stack cannot be read.
    """
    (read,) = read_stacks(stacks=[stack] if stack else [], config=config)
    return read
