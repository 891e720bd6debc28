"""Standard output and error, in any encoding, and with a reader that may stop early."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import click

_ERRORS = "dynamo-platform"
"""The name of the error handler for characters that an encoding does not have."""


class _Pipe(io.FileIO):
    """A file descriptor that drops the rest after an error; a reader that stops early, as ``head`` does, is none."""

    failed = False

    def write(self, data: Any) -> int:
        if self.failed:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            self.failed = True
            if not isinstance(error, BrokenPipeError):
                raise
            return len(data)


def prepare_output() -> None:
    """Make standard output and error write everything that is printed, or drop it if its reader has gone.

    Without this, a character that the locale's encoding does not have is a traceback, and ``check --all | head -1``
    exits with 1 although all is well.
    """
    codecs.register_error(_ERRORS, _write_in_ascii)
    sys.stdout, sys.stderr = _prepared(sys.stdout), _prepared(sys.stderr)


def print_json(data: Any) -> None:
    """Print JSON, whose encoding is UTF-8 by definition: in ASCII if standard output has another one."""
    utf8 = codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name == "utf-8"
    click.echo(json.dumps(data, indent=2, ensure_ascii=not utf8))


def _prepared(stream: IO[str] | None) -> IO[str]:
    """The stream with the error handler and, unless it is a terminal, without broken pipes."""
    if stream is None:  # closed by the caller
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.reconfigure(errors=_ERRORS)
    if stream.isatty():
        return stream
    raw = _Pipe(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=stream.encoding, errors=_ERRORS, write_through=True)


def _write_in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that the encoding does not have: an ellipsis and an arrow by ASCII, others by their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].replace("…", "...").replace("→", "->")
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
