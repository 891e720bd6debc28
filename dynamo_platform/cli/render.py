"""``render``: a stack as files, for clusters that get them by other means than Pulumi."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from dynamo_platform import gitops
from dynamo_platform.catalog import load
from dynamo_platform.findings import Finding, PlatformError
from dynamo_platform.planning.model import Plan
from dynamo_platform.planning.stacks import plan_stack
from dynamo_platform.rendering import helm

from .stacks import CONFIG, chosen, folder_of, refused

MARKER = ".dynamo-platform"
"""The file by which a folder is known to be written by this command."""


_ANNOTATE: dict[str | None, gitops.Annotate] = {None: gitops.plain, "argocd": gitops.with_sync_wave}
"""What objects carry for the tool of ``--for``."""


@click.command()
@click.option("--stack", metavar="NAME", help="A stack of the project.")
@CONFIG
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write. What this command wrote there before is replaced as a whole.",
)
@click.option("--values", "as_values", is_flag=True, help="Write Helm values for each release instead of objects.")
@click.option(
    "--for",
    "tool",
    type=click.Choice([tool for tool in _ANNOTATE if tool]),
    help="Add what this tool orders objects by.",
)
def render(*, stack: str | None, config: Path | None, out: Path, as_values: bool, tool: str | None) -> None:
    """Write what will be installed as files: for GitOps, or for Helm without Pulumi.

    Writes every object as YAML, in folders to be applied one after the other; with --values, each release's Helm values
    with an index. Objects are rendered by the helm on PATH, without a cluster. Exits with 1 where there are errors, and
    leaves the folder as it was.
    """
    if as_values and tool:
        raise click.UsageError("--for goes with objects, which --values does not write.")
    (read,) = chosen(stacks=[stack] if stack else [], config=config)
    out = out.resolve()
    _check(out)
    try:
        plan = plan_stack(read)
        files = gitops.as_values(plan) if as_values else _objects(plan, folder_of(read), _ANNOTATE[tool])
        _replace(out, files)
    except PlatformError as error:
        click.echo(error, err=True)
        raise click.exceptions.Exit(1) from error
    except helm.HelmError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"{refused(error)} {out} is as it was: make room, or name another folder."
        ) from error
    for finding in plan.findings:
        click.echo(f"{finding}\n", err=True)
    folders = Counter(path.partition("/")[0] for path in files if "/" in path)
    lines = [f"  {folder}  {number} file{'s' if number > 1 else ''}" for folder, number in sorted(folders.items())]
    click.echo("\n".join([f"{read.name}: {len(files)} files in {click.format_filename(out)}", *lines]))


def _objects(plan: Plan, project: Path, annotate: gitops.Annotate) -> gitops.Files:
    catalog = load()
    rendering = plan.rendering._replace(open_apis=())
    findings: list[Finding] = gitops.undecided_monitors(plan, catalog)
    try:
        rendered, unknown = helm.render(gitops.with_inline_config(plan, catalog), rendering, project=project)
    except PlatformError as error:
        raise PlatformError([*findings, *error.findings]) from error
    # What only a cluster can render cannot be written.
    findings += [finding._replace(severity="error") for finding in unknown]
    findings += gitops.unrepeatable(rendered)
    if findings:
        raise PlatformError(findings)
    return gitops.as_objects(plan, rendered, annotate)


def _check(out: Path) -> None:
    """Refuse a place that this command may not replace.

    Raises:
        click.UsageError: something is there that it did not write.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MARKER).is_file() or (out / ".git").exists():
        raise click.UsageError(
            f"{out} is not replaced: `render` did not write it, or it is a Git repository. Name a folder that does not "
            "exist, is empty, or was written by `render`."
        )


def _replace(out: Path, files: Mapping[str, str]) -> None:
    """Write a folder as a whole: beside it first, then in its place.

    Raises:
        OSError: something could not be written; the folder is as it was.
    """
    note = "Written by `dynamo-platform render`, which replaces this folder as a whole.\n"
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
