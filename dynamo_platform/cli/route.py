"""``route``: the updates that lead from one platform version to another."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from dynamo_platform.config.editing import with_settings
from dynamo_platform.config.model import PlatformConfig
from dynamo_platform.config.reading import parse
from dynamo_platform.config.stackfile import Stack, read_file
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.routes import Note, RouteStep, changed_settings, find_route, known_version, route_data
from dynamo_platform.versions import Version

from .commands import CannotRunError
from .output import print_json
from .stacks import CONFIG, STACK, catalog_for, read_stack_option

WIDTH = 110


@click.command()
@click.argument("since", metavar="FROM")
@click.argument("goal", metavar="TO")
@STACK
@CONFIG
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the stack file of each update below this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def route(*, since: str, goal: str, stack: str | None, config: Path | None, out: Path | None, as_json: bool) -> None:
    """Show the updates that lead from platform version FROM to TO, in order.

    Each update goes to the same or the next minor version. For each: the versions of all charts, what to write into the
    stack file, what to do by hand before and after it, what it disturbs, and what cannot be undone.

    Modes and settings are those of the stack. Without one, KAI Scheduler and Grove are separate releases in their
    default versions.

    Exits with 1 if the configuration has errors at one of the updates, or if there is no route.
    """
    if out and not (stack or config):
        raise click.UsageError("--out writes the stack's file for each update; it needs --stack or --config.")
    read = read_stack_option(stack, config) if stack or config else None
    catalog = catalog_for(read)
    start, end = (known_version(text, name, catalog) for text, name in ((since, "FROM"), (goal, "TO")))
    steps = find_route(_config(read), start, end, catalog)
    if as_json:
        data = {"from": str(start), "to": str(end), "stack": read.name if read else None}
        print_json(data | {"updates": route_data(steps)})
    else:
        click.echo(route_text(start, end, steps))
    if out and read:
        for number, step in enumerate(steps, 1):
            _write(out / f"{number}-{step.after['dynamo-platform']}", read, step)
        click.echo(f"\n{out}: a folder with the stack file of each update", err=as_json)
    if any(step.errors for step in steps):
        raise click.exceptions.Exit(1)


def _config(stack: Stack | None) -> PlatformConfig:
    settings = {"profile": "development", "kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}}
    return parse(stack.settings or {} if stack else settings, stack=True)[0]


def route_text(start: Version, end: Version, steps: Sequence[RouteStep]) -> str:
    """A route for people."""
    count = f"{len(steps)} update{'s' if len(steps) > 1 else ''}" if steps else "nothing to do"
    return "\n\n".join([f"{start} → {end}: {count}", *(_step_text(n, step) for n, step in enumerate(steps, 1))])


def _step_text(number: int, step: RouteStep) -> str:
    head = ", ".join(_move(name, step.before.get(name), version) for name, version in step.after.items())
    lines = [click.style(f"{number}  {head}", bold=True)]
    changes = [
        f"{path}: {quote_value(value)}" if value is not None else f"remove {path}"
        for path, value in step.settings.items()
    ]
    sections = (
        ("stack file", changes),
        ("first", [f"{f.code}: {f.path} {f.given}; allowed: {f.allowed}. {f.why}" for f in step.errors]),
        ("before", _note_texts(step.by_hand_before)),
        ("after", _note_texts(step.by_hand_after)),
        ("disturbs", _note_texts(step.disturbs)),
        ("for good", _note_texts(step.cannot_be_undone)),
        ("tested", [str(each) for each in step.verified]),
    )
    for title, texts in sections:
        lines += _wrapped(title, texts)
    return "\n".join(lines)


def _move(name: str, before: Version | None, after: Version) -> str:
    return f"{name} {before} → {after}" if before and before != after else f"{name} {after}"


def _note_texts(notes: Sequence[Note]) -> list[str]:
    """The notes, each with its source on a line of its own."""
    return [text for note in notes for text in (_note_text(note), note.source) if text]


def _note_text(note: Note) -> str:
    code = f"{note.code}: " if note.code else ""
    remedy = f" ({note.remedy.rstrip('.')})" if note.remedy else ""
    return f"{code}{note.what}{remedy}"


def _wrapped(title: str, texts: Sequence[str]) -> Iterator[str]:
    for n, text in enumerate(texts):
        yield from textwrap.wrap(
            text,
            width=WIDTH,
            initial_indent=f"   {'' if n else title:<10}  ",
            subsequent_indent=" " * 15,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _write(folder: Path, stack: Stack, step: RouteStep) -> None:
    """Write the stack's file for an update, and read it again.

    Raises:
        CannotRunError: the file cannot be changed automatically.
    """
    text = stack.file.read_text(encoding="utf-8")
    settings = changed_settings(_config(stack), step.config)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / stack.file.name
    try:
        file.write_text(with_settings(text, settings), encoding="utf-8")
    except ValueError as error:
        raise CannotRunError(f"{stack.file}: {error}.") from error
    if changed_settings(_config(read_file(file)), step.config):
        wanted = ", ".join(f"{path}: {quote_value(value)}" for path, value in settings.items())
        raise CannotRunError(f"{stack.file} uses aliases or merges for its versions. Write by hand: {wanted}.")
