"""The command line. It needs neither a Pulumi engine nor a cluster."""

from __future__ import annotations

import click

from .check import check
from .diff import diff
from .explain import explain
from .render import render
from .route import route
from .versions import versions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Check, explain, compare and render stacks that install NVIDIA Dynamo Platform with KAI Scheduler and Grove.

    Stack files are read as Pulumi reads them. No command needs a Pulumi engine or a cluster, and only `diff` and
    `render` use the network, to fetch charts.
    """


for command in (check, diff, explain, render, route, versions):
    main.add_command(command)
