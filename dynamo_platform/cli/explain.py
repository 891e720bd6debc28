"""``explain``: what will be done, in what order, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from dynamo_platform.findings import PlatformError
from dynamo_platform.planning.explanation import Explained, as_data, explained, mermaid
from dynamo_platform.planning.model import Plan, Running
from dynamo_platform.planning.stacks import plan_stack, running_at

from .stacks import CONFIG, SINCE, chosen
from .tables import Table, on_terminal, show


@click.command()
@click.option("--stack", metavar="NAME", help="A stack of the project.")
@CONFIG
@SINCE
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "mermaid"]),
    default="text",
    show_default=True,
    help="Text for people, JSON for programs, or a picture for Markdown.",
)
def explain(
    *, stack: str | None, config: Path | None, since: str | None, form: Literal["text", "json", "mermaid"]
) -> None:
    """Say what will be installed, in what order, and why.

    And from where, with which values, and what the upgrade from the running version does.

    Exits with 1 where the configuration has errors, and says them.
    """
    (read,) = chosen(stacks=[stack] if stack else [], config=config)
    running = running_at(read, since) if since else None
    try:
        plan = plan_stack(read, running)
    except PlatformError as error:
        click.echo(error, err=True)
        raise click.exceptions.Exit(1) from error
    match form:
        case "json":
            click.echo(json.dumps(as_data(plan, running), indent=2, ensure_ascii=False))
        case "mermaid":
            click.echo(mermaid(plan))
        case "text":
            _show(read.name, plan, running)


def _show(name: str, plan: Plan, running: Running | None) -> None:
    click.echo(f"stack    {name}")
    click.echo(f"profile  {plan.profile}{', releases and queues protected' if plan.protect else ''}")
    click.echo(f"cluster  {f'context {plan.cluster}' if plan.cluster else 'the current context'}\n")
    steps = explained(plan, running)
    if on_terminal():
        rows = [
            (
                str(number),
                f"{step.kind}\n{step.name}",
                "\n".join(f"{label} {text}" for label, text in step.facts),
                step.why,
            )
            for number, step in enumerate(steps, 1)
        ]
        show(Table(("", "step", "what", "why"), rows))
    else:
        click.echo("\n\n".join(_plain(number, step) for number, step in enumerate(steps, 1)))
    for finding in plan.findings:
        click.echo(f"\n{finding}")


def _plain(number: int, step: Explained) -> str:
    facts = [*step.facts, ("why", step.why)]
    return "\n".join([f"{number:>2}  {step.kind} {step.name}", *(f"    {label:<9}  {text}" for label, text in facts)])
