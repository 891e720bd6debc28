"""Errors that are shown without a traceback."""

from pathlib import Path


class SandboxError(Exception):
    """Ends a command of the sandbox; the message says what happened, where to look and what to do."""


def last_lines(text: str, lines: int) -> str:
    """Return the last `lines` of `text`, indented, or `(empty)`."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:] or ["(empty)"])


def tail(log: Path, lines: int = 15) -> str:
    """Return the last `lines` of a log, indented, or `(empty)` if it has none or does not exist."""
    return last_lines(log.read_text(errors="replace") if log.exists() else "", lines)
