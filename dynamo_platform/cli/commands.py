"""What holds for every command: options that take one value, errors, and exit codes."""

from __future__ import annotations

from typing import Any

import click

from dynamo_platform.errors import UserError
from dynamo_platform.findings import PlatformError


class CannotRunError(click.ClickException):
    """A command cannot do its work: for want of a file, a tool or disk space."""

    exit_code = 2


class Commands(click.Group):
    """A group of commands that exit with 1 only for errors in what they check."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and check what it is given."""
        name, command, rest = super().resolve_command(ctx, args)
        if command and not isinstance(command, click.Group):
            with command.context_class(command, parent=ctx, info_name=name) as inner:
                _check_given(command, inner, rest)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; print errors that the user can fix without a traceback."""
        try:
            return super().invoke(ctx)
        except PlatformError as error:
            click.echo(error, err=True)
            raise click.exceptions.Exit(1) from error
        except UserError as error:
            raise CannotRunError(str(error)) from error
        except OSError as error:
            raise CannotRunError(describe_os_error(error)) from error


def describe_os_error(error: OSError) -> str:
    """The system's message, with the file if the error names one; for a full disk it does not."""
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."


def _check_given(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Refuse an option that is given twice but takes one value, of which click would drop the first; and empty text.

    Raises:
        click.UsageError: there is such an option, or such text, as of a variable of a shell that is not set.
    """
    values, _, given = command.make_parser(ctx).parse_args(list(args))
    for option in given:
        if isinstance(option, click.Option) and not (option.multiple or option.is_flag) and given.count(option) > 1:
            ctx.fail(f"{option.opts[0]} is given {given.count(option)} times, but takes one value.")
    for param in given:
        if values.get(param.name or "") == "":
            ctx.fail(f"{param.make_metavar(ctx) if isinstance(param, click.Argument) else param.opts[0]} is empty.")
