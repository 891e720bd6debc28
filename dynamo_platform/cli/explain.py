"""``explain``: the steps of a plan, in order, and the reasons for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from dynamo_platform.planning.explanation import StepExplanation, explain_steps, mermaid, plan_data
from dynamo_platform.planning.model import Plan, Running
from dynamo_platform.planning.stacks import plan_stack, running_at

from .stacks import CONFIG, SINCE, STACK, exit_on_errors, format_option, read_stack_option
from .tables import Table, is_terminal, print_table


@click.command()
@STACK
@CONFIG
@SINCE
@format_option("mermaid", "a flow chart for Markdown")
def explain(
    *, stack: str | None, config: Path | None, since: str | None, form: Literal["text", "json", "mermaid"]
) -> None:
    """Explain what will be installed, in what order, and why.

    Shows sources, versions and values, and with --from the findings about the upgrade.

    Exits with 1 if the configuration has errors, and with 2 for invalid usage.
    """
    read = read_stack_option(stack, config)
    running = running_at(read, since) if since else None
    with exit_on_errors():
        plan = plan_stack(read, running)
    match form:
        case "json":
            click.echo(json.dumps(plan_data(plan, running), indent=2, ensure_ascii=False))
        case "mermaid":
            click.echo(mermaid(plan))
        case "text":
            _print_plan(read.name, plan, running)


def _print_plan(name: str, plan: Plan, running: Running | None) -> None:
    click.echo(f"stack    {name}")
    click.echo(f"profile  {plan.profile}{', releases and queues protected' if plan.protect else ''}")
    click.echo(f"cluster  {f'context {plan.cluster}' if plan.cluster else 'the current context'}\n")
    steps = explain_steps(plan, running)
    if is_terminal():
        rows = [
            (
                str(number),
                f"{step.kind}\n{step.name}",
                "\n".join(f"{label} {text}" for label, text in step.facts),
                step.why,
            )
            for number, step in enumerate(steps, 1)
        ]
        print_table(Table(("", "step", "what", "why"), rows))
    else:
        click.echo("\n\n".join(_step_text(number, step) for number, step in enumerate(steps, 1)))
    for finding in plan.findings:
        click.echo(f"\n{finding}")


def _step_text(number: int, step: StepExplanation) -> str:
    facts = [*step.facts, ("why", step.why)]
    return "\n".join([f"{number:>2}  {step.kind} {step.name}", *(f"    {label:<9}  {text}" for label, text in facts)])
