"""The command line: what the configuration of a stack means, without an engine and without a cluster."""

from __future__ import annotations

import click

from .check import check
from .explain import explain
from .render import render
from .versions import versions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """NVIDIA Dynamo Platform with KAI Scheduler and Grove: check and explain a stack's configuration.

    Reads stack files as Pulumi does, and nothing else: no Pulumi engine, no cluster, no network.
    """


for command in (check, explain, render, versions):
    main.add_command(command)
