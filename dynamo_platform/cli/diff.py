"""``diff``: what a change of stack files does to the cluster."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import click

from dynamo_platform.comparison import (
    Comparison,
    Job,
    Report,
    Side,
    as_data,
    compare,
    compare_objects,
    jobs,
    local_charts,
    pair,
)
from dynamo_platform.comparison.folders import read_folder
from dynamo_platform.comparison.forms import markdown, text
from dynamo_platform.comparison.revisions import Revision
from dynamo_platform.config.stackfile import Project, ProjectError, Stack, read_file, read_stack
from dynamo_platform.errors import UserError
from dynamo_platform.findings import Finding
from dynamo_platform.rendering import helm
from dynamo_platform.rendering.charts import content
from dynamo_platform.rendering.objects import Key, Object

from .stacks import folder_of, refused

Form = Literal["text", "json", "markdown"]
Sides = tuple[Mapping[str, Side], Mapping[str, Side]]


@click.command()
@click.argument("base")
@click.argument("head")
@click.option("--stack", "stacks", metavar="NAME", multiple=True, help="A stack of the project; may be repeated.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Text for people, JSON for programs, or Markdown for a comment.",
)
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 1 where something differs, or has errors.")
def diff(*, base: str, head: str, stacks: tuple[str, ...], form: Form, exit_code: bool) -> None:
    """Say what the change from BASE to HEAD would do: the verdict on the upgrade, releases, objects and images.

    BASE and HEAD are two git revisions of the project in this folder, two stack files, or two folders of rendered YAML.
    What changes is rendered with the `helm` on PATH; no cluster is asked.

    Exits with 0, and with 2 where the command was not understood or cannot be carried out.
    """
    try:
        report = _report(base, head, stacks)
    except UserError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(refused(error)) from error
    match form:
        case "json":
            click.echo(json.dumps(as_data(report), indent=2, ensure_ascii=False))
        case "markdown":
            click.echo(markdown(report), nl=False)
        case "text":
            click.echo(text(report))
    if exit_code and (report.differs or not report.ok):
        raise click.exceptions.Exit(1)


def _report(base: str, head: str, stacks: tuple[str, ...]) -> Report:
    paths = Path(base), Path(head)
    if all(path.is_dir() for path in paths) or all(path.is_file() for path in paths):
        if stacks:
            raise click.UsageError("--stack names stacks of a project's revisions; these are files or folders.")
        if paths[0].is_dir():
            folders = read_folder(paths[0]), read_folder(paths[1])
            comparison = compare_objects(paths[1].resolve().name, *folders)
            return Report(None, (), base, head, None, (comparison,))
        before, after = (read_file(path) for path in paths)
        name = after.name
        sides = ({name: _side(before, folder_of(before))}, {name: _side(after, folder_of(after))})
        return Report(None, (), base, head, *_compared(sides, (folder_of(before), folder_of(after))))
    with tempfile.TemporaryDirectory() as scratch:
        revisions = [
            Revision(name, Path.cwd(), _made(Path(scratch).resolve() / side))
            for side, name in (("base", base), ("head", head))
        ]
        projects = [revision.project for revision in revisions]
        known = projects[1] or projects[0]
        if known is None:
            raise ProjectError(f"There is no Pulumi.yaml in {Path.cwd()} or above it, in {base} or in {head}.")
        _check_names(stacks, projects)
        sides = (_of_revision(revisions[0], stacks), _of_revision(revisions[1], stacks))
        roots = [project.file.parent if project else Path(scratch) for project in projects]
        return Report(known.name, stacks, base, head, *_compared(sides, (roots[0], roots[1])))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _check_names(stacks: tuple[str, ...], projects: list[Project | None]) -> None:
    known = {name for project in projects if project for name in project.stacks}
    if unknown := sorted(set(stacks) - known):
        raise ProjectError(
            f"Neither revision has a stack {', '.join(unknown)}; there are: {', '.join(sorted(known)) or 'none'}."
        )


def _of_revision(revision: Revision, stacks: tuple[str, ...]) -> dict[str, Side]:
    """The stacks of a revision, with the local charts that they name."""
    project = revision.project
    if project is None:
        return {}
    read = [read_stack(project, name) for name in project.stacks if not stacks or name in stacks]
    for chart in {chart for stack in read for chart in local_charts(stack)}:
        revision.take(project.file.parent / chart)
    return {stack.name: _side(stack, project.file.parent) for stack in read}


def _side(stack: Stack, folder: Path) -> Side:
    return Side(stack, {chart: content(folder / chart) for chart in local_charts(stack)})


def _compared(sides: Sides, folders: tuple[Path, Path]) -> tuple[str | None, tuple[Comparison, ...]]:
    """The version of Helm, where there was something to render, and what changes of each stack."""
    pairs = [pair(name, sides[0].get(name), sides[1].get(name)) for name in sorted(sides[0].keys() | sides[1].keys())]
    wanted = {content: job for each in pairs for content, job in jobs(each).items()}
    version = helm.version() if wanted else None
    with ThreadPoolExecutor() as pool:
        rendered = dict(zip(wanted, pool.map(lambda job: _rendered(job, folders), wanted.values()), strict=True))
    return version, tuple(compare(each, rendered) for each in pairs)


def _rendered(job: Job, folders: tuple[Path, Path]) -> Mapping[Key, Object] | Finding:
    project = folders[0] if job.side == "base" else folders[1]
    found = helm.attempt(job.release, job.rendering, project=project)
    return found if isinstance(found, Finding) else found.objects
