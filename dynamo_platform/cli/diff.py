"""``diff``: the effects of a change to stack files on the cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import click

from dynamo_platform.comparison import (
    Comparison,
    RenderJob,
    Report,
    Side,
    as_data,
    as_markdown,
    as_text,
    compare,
    compare_objects,
    local_files,
    plan_pair,
    render_jobs,
)
from dynamo_platform.comparison.folders import read_folder
from dynamo_platform.comparison.revisions import Revision
from dynamo_platform.config.stackfile import Project, ProjectError, Stack, read_file, read_stack
from dynamo_platform.findings import Finding, listed
from dynamo_platform.rendering import helm
from dynamo_platform.rendering.charts import chart_digest
from dynamo_platform.rendering.objects import Key, Object

from .output import print_json
from .stacks import STACKS, format_option

Form = Literal["text", "json", "markdown"]
Sides = tuple[Mapping[str, Side], Mapping[str, Side]]


@click.command()
@click.argument("base")
@click.argument("head")
@STACKS
@format_option("markdown", "Markdown for a comment")
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 1 if a stack would change or has errors.")
def diff(*, base: str, head: str, stacks: tuple[str, ...], form: Form, exit_code: bool) -> None:
    """Show what changes from BASE to HEAD.

    Lists the findings about the upgrade, and the releases, queues, objects and images that change.

    BASE and HEAD are two git revisions of the project in this folder, two stack files, or two folders of rendered YAML.
    Releases that change are rendered with the `helm` on PATH. No cluster is read.

    Exits with 2 for invalid usage, or if the two cannot be compared, such as without `helm` or `git`.
    """
    report = _make_report(base, head, stacks)
    match form:
        case "json":
            print_json(as_data(report))
        case "markdown":
            click.echo(as_markdown(report), nl=False)
        case "text":
            click.echo(as_text(report))
    if exit_code and (report.differs or not report.ok):
        raise click.exceptions.Exit(1)


def _make_report(base: str, head: str, stacks: tuple[str, ...]) -> Report:
    paths = Path(base), Path(head)
    if all(path.is_dir() for path in paths) or all(path.is_file() for path in paths):
        if stacks:
            raise click.UsageError("--stack works with revisions of a project only; these are files or folders.")
        if paths[0].is_dir():
            comparison = compare_objects(paths[1].resolve().name, read_folder(paths[0]), read_folder(paths[1]))
            return Report(None, (), base, head, None, (comparison,))
        before, after = (read_file(path) for path in paths)
        name = after.name
        folders = before.folder, after.folder
        sides = ({name: _read_side(before, folders[0])}, {name: _read_side(after, folders[1])})
        return Report(None, (), base, head, *_compare_sides(sides, folders))
    with tempfile.TemporaryDirectory() as scratch:
        revisions = [
            Revision(name, Path.cwd(), _make_folder(Path(scratch).resolve() / side))
            for side, name in (("base", base), ("head", head))
        ]
        projects = [revision.project for revision in revisions]
        known = projects[1] or projects[0]
        if known is None:
            raise ProjectError(f"Neither {base} nor {head} has a Pulumi.yaml in {Path.cwd()} or above it.")
        _check_names(stacks, projects)
        sides = (_read_revision(revisions[0], stacks), _read_revision(revisions[1], stacks))
        roots = [project.file.parent if project else Path(scratch) for project in projects]
        return Report(known.name, stacks, base, head, *_compare_sides(sides, (roots[0], roots[1])))


def _make_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _check_names(stacks: tuple[str, ...], projects: list[Project | None]) -> None:
    known = {name for project in projects if project for name in project.stacks}
    if unknown := sorted(set(stacks) - known):
        raise ProjectError(
            f"Neither revision has a stack {listed(unknown)}. The stacks are: {listed(sorted(known)) or 'none'}."
        )


def _read_revision(revision: Revision, stacks: tuple[str, ...]) -> dict[str, Side]:
    """Read the stacks of a revision, and write the local charts and the catalogs that they name."""
    project = revision.project
    if project is None:
        return {}
    read = [read_stack(project, name) for name in project.stacks if not stacks or name in stacks]
    for file in {file for stack in read for file in local_files(stack)}:
        revision.write_path(project.file.parent / file)
    return {stack.name: _read_side(stack, project.file.parent) for stack in read}


def _read_side(stack: Stack, folder: Path) -> Side:
    return Side(stack, {file: chart_digest(folder / file) for file in local_files(stack)})


def _compare_sides(sides: Sides, folders: tuple[Path, Path]) -> tuple[str | None, tuple[Comparison, ...]]:
    """The version of Helm, if anything had to be rendered, and the comparison of each stack."""
    pairs = [
        plan_pair(name, sides[0].get(name), sides[1].get(name)) for name in sorted(sides[0].keys() | sides[1].keys())
    ]
    jobs = {digest: job for each in pairs for digest, job in render_jobs(each).items()}
    version = helm.version() if jobs else None
    with ThreadPoolExecutor() as pool:
        rendered = dict(zip(jobs, pool.map(lambda job: _render(job, folders), jobs.values()), strict=True))
    return version, tuple(compare(each, rendered) for each in pairs)


def _render(job: RenderJob, folders: tuple[Path, Path]) -> Mapping[Key, Object] | list[Finding]:
    project = folders[0] if job.side == "base" else folders[1]
    rendered = helm.render_release(job.release, job.rendering, project=project)
    return rendered if isinstance(rendered, list) else rendered.objects
