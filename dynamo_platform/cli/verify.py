"""``verify``: whether a cluster runs what its stack plans."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from dynamo_platform.cluster.observe import UnreadableError
from dynamo_platform.planning.stacks import plan_stack

from .commands import CannotRunError
from .output import print_json
from .stacks import CONFIG, STACK, read_stack_option
from .tables import Table, print_table


@click.command()
@STACK
@CONFIG
@click.option("--context", metavar="NAME", help="The kubeconfig context. Default: the stack's `cluster.context`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the checks to a file, as JUnit XML.",
)
def verify(*, stack: str | None, config: Path | None, context: str | None, as_json: bool, junit: Path | None) -> None:
    """Check whether the cluster runs what was planned.

    Compares releases, gates, queues, flags, webhooks, images and every field of every object with the plan, and says
    which `up` repairs a difference. It only reads, as far as the kubeconfig may, and lists what it could not check.

    Exits with 1 if something differs, and with 2 for invalid usage or if the cluster cannot be read.
    """
    from dynamo_platform.verification import report  # noqa: PLC0415  reads clusters and renders charts
    from dynamo_platform.verification.verify import verify as verify_plan  # noqa: PLC0415

    read = read_stack_option(stack, config)
    plan = plan_stack(read)
    cluster = context or plan.cluster
    try:
        result = asyncio.run(verify_plan(plan, stack=read.name, project=read.folder, context=cluster))
    except UnreadableError as error:
        raise CannotRunError(f"The cluster cannot be read: {error}.") from error
    if junit:
        junit.write_bytes(report.as_junit(result, read.name))
    if as_json:
        print_json(report.as_data(result, read.name))
    else:
        click.echo(f"{report.headline(result, read.name)}\n")
        print_table(Table(("check", "ok", "differ", "not checked", "seen"), report.summary_rows(result)))
        if rows := report.queue_rows(result):
            click.echo()
            print_table(Table(("queue", "parent", "UID", "age", "GPUs in use", "quota", "limit"), rows))
        for block in report.difference_blocks(result):
            click.echo(f"\n{block}")
        if lines := report.unchecked_lines(result):
            click.echo("\n".join(["", "not checked", *(f"  {line}" for line in lines)]))
    if result.differs:
        raise click.exceptions.Exit(1)
