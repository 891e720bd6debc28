"""``explain``: the steps of a plan, in order, and the reasons for them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from dynamo_platform.config.reading import parse
from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import PlatformError
from dynamo_platform.planning.choices import parse_version
from dynamo_platform.planning.explanation import PLATFORM, StepExplanation, explain_steps, mermaid, plan_data
from dynamo_platform.planning.model import Plan, Running
from dynamo_platform.planning.routes import RouteStep, find_route, route_data
from dynamo_platform.planning.stacks import catalog_of, plan_stack

from .output import print_json
from .route import route_text
from .stacks import CONFIG, SINCE, STACK, format_option, installed, read_stack_option
from .tables import Table, is_terminal, print_table


@click.command()
@STACK
@CONFIG
@SINCE
@format_option("mermaid", "a flow chart for Markdown")
def explain(
    *, stack: str | None, config: Path | None, since: Stack | str | None, form: Literal["text", "json", "mermaid"]
) -> None:
    """Explain what will be installed, in what order, and why.

    Shows sources, versions and values, and with --from the findings about the upgrade, and its route if there is
    more than one update.

    Exits with 1 if the configuration has errors, and with 2 for invalid usage.
    """
    read = read_stack_option(stack, config)
    running = installed(since, read)
    try:
        plan = plan_stack(read, running)
    except PlatformError:
        if form == "text" and (steps := _route(read, running)):
            click.echo(f"{_route_text(steps)}\n")
        raise
    steps = _route(read, running)
    match form:
        case "json":
            print_json(plan_data(plan, running) | ({"route": route_data(steps)} if steps else {}))
        case "mermaid":
            click.echo(mermaid(plan))
        case "text":
            _print_plan(read.name, plan, running)
            if steps:
                click.echo(f"\n{_route_text(steps)}")


def _route(stack: Stack, running: Running | None) -> tuple[RouteStep, ...]:
    """The route to a stack's version, if it takes more than one update."""
    config, _ = parse(stack.settings or {}, stack=True)
    goal, start = parse_version(config.version), running.platform.version if running and running.platform else None
    if not (start and goal):
        return ()
    try:
        steps = find_route(config, start, goal, catalog_of(stack))
    except PlatformError:
        return ()  # its findings are those of the plan
    return steps if len(steps) > 1 else ()


def _route_text(steps: tuple[RouteStep, ...]) -> str:
    return route_text(steps[0].before[PLATFORM], steps[-1].after[PLATFORM], steps)


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
