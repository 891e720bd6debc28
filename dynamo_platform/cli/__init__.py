"""The command line. It needs neither a Pulumi engine nor a cluster."""

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
from .versions import versions


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Check, explain, compare and render stacks that install NVIDIA Dynamo Platform with KAI Scheduler and Grove.

    Stack files are read as Pulumi reads them. No command needs a Pulumi engine or a cluster, and only `diff` and
    `render` use the network, to fetch charts.

    Every command exits with 0 on success, 1 if the configuration has errors, and 2 if it is used wrongly or cannot do
    its work, such as without `helm`.
    """


for command in (catalog, check, diff, docs, explain, render, route, versions):
    main.add_command(command)


def run() -> None:
    """Run the command line as a process of its own."""
    prepare_output()
    main(prog_name="dynamo-platform")
