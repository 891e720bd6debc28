"""Command line of the sandbox."""

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

from rich.console import Console

from sandbox import status
from sandbox.downloads import MIRROR_ENV
from sandbox.errors import SandboxError
from sandbox.paths import CACHE
from sandbox.sandbox import Sandbox
from sandbox.sources import ChartSource
from sandbox.stack import Stack
from sandbox.tools import SOURCE_ENV

NEXT_STEPS = """
next
  make status                                 show these tables again
  eval "$(.venv/bin/python -m sandbox env)"   use the sandbox's cluster, pulumi and helm in this shell
  make down                                   remove all of it"""


def up(arguments: argparse.Namespace) -> None:
    """Start the sandbox and install the platform on it."""
    sandbox = Sandbox()
    _prepare_stack(arguments, sandbox).up()
    print()
    _show(sandbox)
    print(NEXT_STEPS)


def preview(arguments: argparse.Namespace) -> None:
    """Start the sandbox and show what `up` would install or change."""
    print(_prepare_stack(arguments, Sandbox()).preview())


def show_status(arguments: argparse.Namespace) -> None:
    """Show what is installed."""
    sandbox = Sandbox()
    if not sandbox.cluster.healthy():
        raise SandboxError("The sandbox is not running. Start it with `make up`.")
    if arguments.json:
        print(status.read(sandbox.paths.kubeconfig).json())
    else:
        _show(sandbox)


def down(arguments: argparse.Namespace) -> None:
    """Destroy the stack, stop everything, and delete the sandbox's files."""
    sandbox = Sandbox()
    if not sandbox.paths.root.exists():
        print("There is no sandbox in this checkout.")
    else:
        try:
            stack = Stack(sandbox, arguments.stack)
            if stack.config.exists() and sandbox.cluster.healthy():
                stack.destroy()
        except SandboxError as error:
            print(f"! {error}\nThe stack is deleted with its cluster.", file=sys.stderr)
        finally:
            sandbox.down()
            print(f"Removed {sandbox.paths.root} and stopped its processes. Kept:")
            print(f"  {CACHE}  {_size(CACHE)}, the toolchain and uv, for the next `make up` and other checkouts")
            print(f"  {Path(sys.prefix)}  the virtual environment; `make clean` removes it")


def env(arguments: argparse.Namespace) -> None:
    """Print shell commands that set up the sandbox's environment."""
    del arguments
    wanted = Sandbox().env
    for name in sorted(os.environ.keys() - wanted.keys()):
        print(f"unset {name}")
    for name, value in sorted(wanted.items()):
        if os.environ.get(name) != value:
            print(f"export {name}={shlex.quote(value)}")


def tools(arguments: argparse.Namespace) -> None:
    """Download or build missing commands of the toolchain, and print the path of each."""
    del arguments
    for command, path in Sandbox().tools.provide().items():
        print(f"{command:<28} {path}")


def main() -> int:
    """Run one command; return the exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Interrupted. Run `make up` to resume; if the installation had started, run `make down` first.",
            file=sys.stderr,
        )
        return 128 + signal.SIGINT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A local cluster with a chart registry and Pulumi, without containers.",
        epilog=f"{SOURCE_ENV}=path, download or build selects where commands come from; default: the first available. "
        f"{MIRROR_ENV}=URL sets a mirror of the official binaries.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in {
        "up": up,
        "preview": preview,
        "status": show_status,
        "down": down,
        "env": env,
        "tools": tools,
    }.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        if name in {"up", "preview", "down"}:
            command.add_argument("--stack", default="local", help="a stack in stacks/; default: local")
        if name in {"up", "preview"}:
            command.add_argument(
                "--charts",
                default="",
                help="folder of chart archives (.tgz), or `upstream`; default: the sandbox's own charts",
            )
            command.add_argument("--versions", default="", help="chart versions, space-separated; default: the newest")
        if name == "status":
            command.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _prepare_stack(arguments: argparse.Namespace, sandbox: Sandbox) -> Stack:
    """Start the sandbox with the requested charts, and prepare the stack that uses them."""
    source = ChartSource.parse(arguments.charts, arguments.versions)
    chosen = sandbox.up(source)
    stack = Stack(sandbox, arguments.stack)
    stack.prepare(source, chosen)
    return stack


def _show(sandbox: Sandbox) -> None:
    # Rich assumes 80 columns if the output is not a terminal, and would truncate versions.
    console = Console(width=None if sys.stdout.isatty() else 200)
    status.show(status.read(sandbox.paths.kubeconfig), console)


def _size(folder: Path) -> str:
    return f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1e6:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
