"""``check``: the findings about the configuration of stacks."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import click

from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import Finding, count_by_severity
from dynamo_platform.planning.stacks import check_stack

from .output import print_json
from .stacks import CONFIG, SINCE, STACKS, installed, read_stacks
from .tables import Table, is_terminal, print_table

MAX_CELL_CHARS = 60
"""Characters of a value in the table of several stacks."""


@click.command()
@STACKS
@click.option("--all", "everything", is_flag=True, help="All stacks of the project.")
@CONFIG
@SINCE
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def check(
    *,
    stacks: tuple[str, ...],
    everything: bool,
    config: Path | None,
    since: Stack | str | None,
    as_json: bool,
    strict: bool,
) -> None:
    """Check the configuration of stacks.

    Exits with 1 if there are errors (with --strict, also if there are warnings), and with 2 for invalid usage.
    """
    several = everything or len(stacks) > 1
    checked = [
        (stack, check_stack(stack, installed(since, stack)))
        for stack in read_stacks(stacks=stacks, everything=everything, config=config)
    ]
    failing = {"error", "warning"} if strict else {"error"}
    ok = not any(finding.severity in failing for _, findings in checked for finding in findings)
    if as_json:
        listed = [
            {"stack": stack.name} | finding.as_dict() if several else finding.as_dict()
            for stack, findings in checked
            for finding in findings
        ]
        print_json({"ok": ok, "findings": listed})
    elif several:
        _print_stacks(checked)
    else:
        _print_stack(*checked[0])
    if not ok:
        raise click.exceptions.Exit(1)


def _print_stack(stack: Stack, findings: tuple[Finding, ...]) -> None:
    """Print the findings about one stack, grouped by severity."""
    click.echo(f"{stack.name}: {count_by_severity(findings)}")
    for _, each in groupby(findings, key=lambda finding: finding.severity):
        group = list(each)
        click.echo()
        if is_terminal():
            rows = [(f.code, _location(stack, f), f.given, f.allowed, _why(f)) for f in group]
            print_table(Table(("code", "path", "given", "allowed", "why"), rows, title=count_by_severity(group)))
        else:
            click.echo("\n\n".join(str(f._replace(path=_location(stack, f))) for f in group))


def _print_stacks(checked: list[tuple[Stack, tuple[Finding, ...]]]) -> None:
    """Print the findings about several stacks as one table."""
    rows: list[tuple[str, ...]] = []
    for stack, findings in checked:
        rows += [(stack.name, f.severity, f.code, _location(stack, f), _shorten(f.given), f.allowed) for f in findings]
        rows += [(stack.name, "ok", "", "", "", "")] * (not findings)
    print_table(Table(("stack", "", "code", "path", "given", "allowed"), rows))
    everything = [finding for _, findings in checked for finding in findings]
    hint = "; --stack NAME shows why" if everything else ""
    click.echo(f"\n{len(checked)} stack{'s' if len(checked) > 1 else ''}: {count_by_severity(everything)}{hint}.")


def _location(stack: Stack, finding: Finding) -> str:
    """The path of a finding, with the line of the nearest setting in the file."""
    path = finding.path.replace("\\.", ".")
    while path and path not in stack.lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return f"{finding.path} (line {stack.lines[path]})" if path else finding.path


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_CELL_CHARS else f"{text[: MAX_CELL_CHARS - 1]}…"


def _why(finding: Finding) -> str:
    """The reason, where to read more, and how to accept the finding."""
    accept = [f"accept: [{finding.accept}]"] if finding.accept else []
    return "\n".join([finding.why, finding.docs, *accept])
