"""Runs commands that end by themselves. Standard library only: it also helps to create the virtual environment."""

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.errors import SandboxError, last_lines

MAX_ERROR_LINES = 30


class CommandError(SandboxError):
    """A command that failed; the message has its exit code and the last lines of its output.

    Attributes:
        output: everything the command printed.
    """

    def __init__(self, command: Sequence[str | Path], exit_code: int, output: str, folder: Path | None = None) -> None:
        where = f" in {folder}" if folder else ""
        text = shlex.join(map(str, command))
        super().__init__(f"`{text}`{where} exited with {exit_code}:\n{last_lines(output, MAX_ERROR_LINES)}")
        self.output = output


def run(
    command: Sequence[str | Path], folder: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command without input and return what it printed.

    Args:
        command: the program and its arguments.
        folder: the working directory; default: this process's.
        env: the whole environment; default: this process's.

    Raises:
        CommandError: the exit code is not 0.
        OSError: the program cannot be executed.
    """
    result = subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise CommandError(command, result.returncode, result.stdout + result.stderr, folder)
    return result


def git(folder: Path, *arguments: str) -> str:
    """Run git in `folder`, with an author that does not depend on the user's configuration; return its output.

    Raises:
        CommandError: git fails.
    """
    author = ("-c", "user.name=Sandbox", "-c", "user.email=sandbox@localhost")
    return run(["git", *author, *arguments], folder).stdout
