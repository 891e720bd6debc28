"""``check``: everything that is to be said about the configuration of some stacks."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import click

from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import Finding, counted
from dynamo_platform.planning.stacks import check_stack, running_at

from .stacks import CONFIG, SINCE, chosen
from .tables import Table, on_terminal, show


@click.command()
@click.option("--stack", "stacks", metavar="NAME", multiple=True, help="A stack of the project; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="All stacks of the project.")
@CONFIG
@SINCE
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
def check(
    *, stacks: tuple[str, ...], everything: bool, config: Path | None, since: str | None, as_json: bool, strict: bool
) -> None:
    """Say what is wrong with the configuration of stacks.

    Exits with 0 where nothing is wrong, with 1 where there are errors (with --strict, warnings too), and with 2 where
    the command was not understood.
    """
    several = everything or len(stacks) > 1
    judged = [
        (stack, check_stack(stack, running_at(stack, since) if since else None))
        for stack in chosen(stacks=stacks, everything=everything, config=config)
    ]
    stopping = {"error", "warning"} if strict else {"error"}
    ok = not any(finding.severity in stopping for _, findings in judged for finding in findings)
    if as_json:
        listed = [
            {"stack": stack.name} | finding.as_dict() if several else finding.as_dict()
            for stack, findings in judged
            for finding in findings
        ]
        click.echo(json.dumps({"ok": ok, "findings": listed}, indent=2, ensure_ascii=False))
    elif several:
        _show_table(judged)
    else:
        _show_groups(*judged[0])
    if not ok:
        raise click.exceptions.Exit(1)


def _show_groups(stack: Stack, findings: tuple[Finding, ...]) -> None:
    """One stack's findings, by severity."""
    click.echo(f"{stack.name}: {counted(findings)}")
    for _, each in groupby(findings, key=lambda finding: finding.severity):
        group = list(each)
        click.echo()
        if on_terminal():
            rows = [(f.code, _located(stack, f), f.given, f.allowed, f"{f.why}\n{f.docs}") for f in group]
            show(Table(("code", "path", "given", "allowed", "why"), rows, title=counted(group)))
        else:
            click.echo("\n\n".join(str(f._replace(path=_located(stack, f))) for f in group))


def _show_table(judged: list[tuple[Stack, tuple[Finding, ...]]]) -> None:
    """Several stacks' findings in one table."""
    rows: list[tuple[str, ...]] = []
    for stack, findings in judged:
        rows += [(stack.name, f.severity, f.code, _located(stack, f), _short(f.given), f.allowed) for f in findings]
        rows += [(stack.name, "ok", "", "", "", "")] * (not findings)
    show(Table(("stack", "", "code", "path", "given", "allowed"), rows))
    everything = [finding for _, findings in judged for finding in findings]
    hint = "; --stack NAME says why" if everything else ""
    click.echo(f"\n{len(judged)} stack{'s' if len(judged) > 1 else ''}: {counted(everything)}{hint}.")


def _located(stack: Stack, finding: Finding) -> str:
    """Where a finding is: its path, and the line of the nearest setting that the file has."""
    path = finding.path
    while path and path not in stack.lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return f"{finding.path} (line {stack.lines[path]})" if path else finding.path


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
