"""The command line. It needs no Pulumi engine, and only `verify` needs a cluster."""

from __future__ import annotations

import click

from dynamo_platform import __version__

from .catalog import catalog
from .check import check
from .commands import Commands
from .diff import diff
from .docs import docs
from .explain import explain
from .output import prepare_output
from .render import render
from .route import route
from .verify import verify
from .versions import versions


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Check, explain, compare, render and verify stacks.

    They install NVIDIA Dynamo Platform with KAI Scheduler and Grove.

    Stack files are read as Pulumi reads them. No command needs a Pulumi engine, only `verify` needs a cluster, and it,
    `diff` and `render` use the network to fetch charts.

    Every command exits with 0 on success, 1 if the configuration has errors or the cluster differs from it, and 2 if it
    is used wrongly or cannot do its work, such as without `helm`.
    """


for command in (catalog, check, diff, docs, explain, render, route, verify, versions):
    main.add_command(command)


def run() -> None:
    """Run the command line as a process of its own."""
    prepare_output()
    main(prog_name="dynamo-platform")
