"""The error that a person reads: what happened, where to look, what to do."""

from pathlib import Path


class SandboxError(Exception):
    """Ends a command of the sandbox with a message and no traceback."""


def tail(log: Path, lines: int = 15) -> str:
    """Return the last `lines` of a log, indented, or a word when there is none."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        text = []
    return "\n".join(f"    {line}" for line in text or ["(empty)"])
