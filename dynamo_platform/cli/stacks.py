"""Which stacks a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from dynamo_platform.catalog import load
from dynamo_platform.config.stackfile import ProjectError, Stack, find_project, read_file, read_stack
from dynamo_platform.planning.choices import parse_version


def platform_version(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Take a version of the platform only.

    Raises:
        click.BadParameter: the text is none, or of a minor version that the catalog does not know.
    """
    if value is None:
        return None
    version = parse_version(value)
    if version is None or version.has_v:
        raise click.BadParameter(f"{value!r} is no version of the platform, such as 1.4.2.")
    known = load().platform.known_minors
    if version.minor_line not in known:
        raise click.BadParameter(f"{value} is of a minor version that is not known; {known[0]} to {known[-1]} are.")
    return value


SINCE = click.option(
    "--from", "since", callback=platform_version, metavar="VERSION", help="The version of the platform that runs now."
)
CONFIG = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A stack file, or its settings without the prefix.",
)


def chosen(*, stacks: Sequence[str] = (), everything: bool = False, config: Path | None = None) -> list[Stack]:
    """Read the stacks that the options name.

    Raises:
        click.UsageError: none or more than one of the options is given, or there is no such stack.
    """
    try:
        if config is not None and not stacks and not everything:
            return [read_file(config)]
        project = find_project(Path.cwd())
        if bool(stacks) + everything + (config is not None) != 1:
            known = ", ".join(project.stacks) or "none"
            raise click.UsageError(f"Give one of the options that name stacks; this project's stacks are: {known}.")
        if not project.stacks:
            raise click.UsageError(f"There is no stack file in {project.folder}.")
        return [read_stack(project, name) for name in stacks or project.stacks]
    except ProjectError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(refused(error)) from error


def folder_of(stack: Stack) -> Path:
    """The folder that a stack's paths are relative to: its project's, or its own where it belongs to none."""
    try:
        return find_project(stack.file.parent).file.parent
    except ProjectError:
        return stack.file.parent


def refused(error: OSError) -> str:
    """What the system refused, and of which file where it says so: of a disk that is full it does not."""
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
