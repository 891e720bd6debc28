"""The command line: what the configuration of a stack means, without an engine and without a cluster."""

from __future__ import annotations

import click

from .check import check
from .diff import diff
from .explain import explain
from .render import render
from .versions import versions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """NVIDIA Dynamo Platform with KAI Scheduler and Grove: what a stack's configuration means and changes.

    Reads stack files as Pulumi does: no Pulumi engine, no cluster. Only what renders charts asks their registries.
    """


for command in (check, diff, explain, render, versions):
    main.add_command(command)
