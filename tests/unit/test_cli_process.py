"""The command line as a process: encodings, readers that stop early, narrow terminals, and full disks."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "dynamo_platform"]
LONG = "x" * 80 + "é"
"""A value that is shortened in a table."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a good stack and one whose messages are not in ASCII."""
    (tmp_path / "Pulumi.yaml").write_text("name: infra\nruntime: python\n")
    good = 'config:\n  dynamo-platform:version: "1.5.1"\n  dynamo-platform:profile: development\n'
    (tmp_path / "Pulumi.good.yaml").write_text(good)
    (tmp_path / "Pulumi.odd.yaml").write_text(f"{good}  dynamo-platform:timeout: {LONG}\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **env},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("encoding", "ellipsis", "accent"),
    [("utf-8", "…".encode(), "é".encode()), ("latin-1", b"...", b"\xe9"), ("cp1251", b"\x85", rb"\xe9")],
)
def test_what_an_encoding_does_not_have_is_written_in_ascii(
    folder: Path, encoding: str, ellipsis: bytes, accent: bytes
) -> None:
    several = run(folder, "check", "--all", PYTHONIOENCODING=encoding)
    one = run(folder, "check", "--stack", "odd", PYTHONIOENCODING=encoding)

    assert (several.returncode, several.stderr) == (1, b"")
    assert b"x" + ellipsis + b"  " in several.stdout
    assert accent in one.stdout


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_is_utf_8_in_any_encoding(folder: Path, encoding: str) -> None:
    done = run(folder, "check", "--stack", "odd", "--json", PYTHONIOENCODING=encoding)

    (finding,) = json.loads(done.stdout.decode("utf-8"))["findings"]
    assert finding["given"] == f'"{LONG}"'


@pytest.mark.parametrize(("stack", "code"), [("good", 0), ("odd", 1)])
def test_a_reader_that_stops_early_does_not_change_the_exit_code(folder: Path, stack: str, code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        [*COMMAND, "check", "--stack", stack],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=writer,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writer)
        _, errors = process.communicate()

    assert (process.returncode, errors) == (code, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_an_error_without_a_traceback(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "versions"], cwd=CHECKOUT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (2, "Error: No space left on device.\n")


def test_closed_output_is_no_error(folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *COMMAND, "versions"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("check", "--stack", "odd"), ["code    CFG002", "path    timeout (line 4)"]),
        (("check", "--all"), ["stack   good", "stack   odd", "        error", "code    CFG002"]),
        (("versions",), ["platform       1.5.0, 1.5.1", "NATS           disabled"]),
        (("explain", "--stack", "good"), ["step release", "     dynamo-platform"]),
    ],
    ids=["findings", "stacks", "versions", "steps"],
)
def test_a_narrow_terminal_gets_a_line_for_each_cell(
    folder: Path, arguments: tuple[str, ...], lines: list[str]
) -> None:
    shown = terminal(folder, *arguments, columns=40)

    assert [line for line in lines if line not in shown] == []
    assert max(map(len, shown[:-1])) <= 40  # without the last line, the sum


def terminal(folder: Path, *arguments: str, columns: int) -> list[str]:
    """The lines that a command writes to a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**env, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
    )
    os.close(theirs)
    chunks = []
    try:
        while chunk := os.read(ours, 65536):
            chunks.append(chunk)
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    process.wait()
    return b"".join(chunks).decode().splitlines()
