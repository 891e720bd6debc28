"""``render``: a stack as files, for clusters that tools other than Pulumi deploy to."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from dynamo_platform import gitops
from dynamo_platform.findings import Finding, PlatformError
from dynamo_platform.gitops.argocd import with_sync_wave
from dynamo_platform.planning.model import Plan
from dynamo_platform.planning.stacks import plan_stack
from dynamo_platform.rendering import helm

from .commands import CannotRunError, describe_os_error
from .stacks import CONFIG, STACK, read_stack_option

MARKER = ".dynamo-platform"
"""The file that marks a folder as written by this command."""

_ANNOTATE: dict[str | None, gitops.Annotate] = {None: gitops.as_rendered, "argocd": with_sync_wave}
"""Adds the annotations for the tool that ``--for`` names."""


@click.command()
@STACK
@CONFIG
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write. The result of an earlier run is replaced completely.",
)
@click.option("--values", "as_values", is_flag=True, help="Write Helm values for each release instead of objects.")
@click.option(
    "--for",
    "tool",
    type=click.Choice([tool for tool in _ANNOTATE if tool]),
    help="Add the annotations by which this tool orders objects.",
)
def render(*, stack: str | None, config: Path | None, out: Path, as_values: bool, tool: str | None) -> None:
    """Write a stack as files, for GitOps or for Helm without Pulumi.

    Writes every object as YAML, in folders to apply one after the other; with --values, the Helm values of each release
    with an index. Objects are rendered with the `helm` on PATH, without a cluster.

    Exits with 1 if there are errors, and with 2 for invalid usage or if the folder cannot be written or there is no
    `helm`. In all these cases the folder is left unchanged.
    """
    if as_values and tool:
        raise click.UsageError("--for adds annotations to objects, which --values does not write.")
    read = read_stack_option(stack, config)
    out = Path(os.path.realpath(out))  # unlike Path.resolve, it accepts a loop of links, which is then no folder
    _check_replaceable(out)
    try:
        plan = plan_stack(read)
        files = (
            gitops.values_files(plan, read.folder, out)
            if as_values
            else _render_files(plan, read.folder, _ANNOTATE[tool])
        )
        with _made_folder(out.parent):
            _replace(out, files)
    except OSError as error:
        raise CannotRunError(
            f"{describe_os_error(error)} {out} is unchanged. Free some disk space, or name another folder."
        ) from error
    for finding in plan.findings:
        click.echo(f"{finding}\n", err=True)
    folders = Counter(path.partition("/")[0] for path in files if "/" in path)
    lines = [f"  {folder}  {number} file{'s' if number > 1 else ''}" for folder, number in sorted(folders.items())]
    click.echo("\n".join([f"{read.name}: {len(files)} files in {click.format_filename(out)}", *lines]))


def _render_files(plan: Plan, project: Path, annotate: gitops.Annotate) -> gitops.Files:
    rendering = plan.rendering._replace(open_apis=())
    findings: list[Finding] = gitops.undecided_monitors(plan, plan.catalog)
    try:
        rendered, unknown = helm.render_releases(
            gitops.with_inline_config(plan, plan.catalog), rendering, project=project
        )
    except PlatformError as error:
        raise PlatformError([*findings, *error.findings]) from error
    # An object that only a cluster can render cannot be written.
    findings += [finding._replace(severity="error") for finding in unknown]
    findings += gitops.check_rendered(rendered)
    if findings:
        raise PlatformError(findings)
    return gitops.object_files(plan, rendered, annotate)


def _check_replaceable(out: Path) -> None:
    """Check that this command may write to ``out``.

    Raises:
        click.UsageError: there is a file, or a folder that this command did not write.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MARKER).is_file() or (out / ".git").exists():
        raise click.UsageError(
            f"{out} is not replaced, because `render` did not write it or it is a Git repository. Name a folder that "
            "does not exist, is empty, or was written by `render`."
        )


@contextmanager
def _made_folder(folder: Path) -> Iterator[None]:
    """Make a folder and those above it, and remove them again after an error."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):
                each.rmdir()
        raise


def _replace(out: Path, files: Mapping[str, str]) -> None:
    """Replace a folder: write the files next to it first, then move them into place.

    Raises:
        OSError: the files could not be written. The folder is unchanged.
    """
    note = "Written by `dynamo-platform render`, which replaces this folder completely.\n"
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        new, old = Path(folder, "new"), Path(folder, "old")
        for path, text in {MARKER: note, **files}.items():
            file = new / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if out.exists():
            out.rename(old)
        try:
            new.rename(out)
        except BaseException:
            if old.exists():
                old.rename(out)
            raise
