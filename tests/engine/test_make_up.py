"""`make up` as users run it, in a temporary sandbox."""

import json
import re
import signal
import sys
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from sandbox import __main__ as commands
from sandbox.sandbox import Sandbox


@pytest.fixture
def command(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Run one of the sandbox's commands; return its progress, then its output."""
    handler = signal.getsignal(signal.SIGTERM)
    # Each command gets its own, which shows progress in the command's output.
    monkeypatch.setattr(commands, "Sandbox", lambda: Sandbox(sandbox.paths.root))

    def run(*arguments: str, expected: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["sandbox", *arguments])
        code = commands.main()
        printed = capfd.readouterr()
        assert code == expected, printed.err
        return printed.err + printed.out

    yield run
    signal.signal(signal.SIGTERM, handler)


def quiet(said: str, most: int) -> list[str]:
    """Return the lines of an output; fail if one appears twice."""
    lines = said.splitlines()
    assert len(lines) <= most, said
    words = [line for line in lines if re.search(r"\w", line)]
    assert sorted(set(words)) == sorted(words)
    assert "$PATH" not in said
    return lines


def test_up_that_fails_says_why_once(command: Callable[..., str], sandbox: Sandbox, tmp_path: Path) -> None:
    about = b"{apiVersion: v2, name: dynamo-platform, version: 1.9.0}"
    with tarfile.open(tmp_path / "dynamo-platform-1.9.0.tgz", "w:gz") as archive:
        member = tarfile.TarInfo("dynamo-platform/Chart.yaml")
        member.size = len(about)
        archive.addfile(member, BytesIO(about))

    lines = quiet(command("up", f"--charts={tmp_path}", expected=1), 30)

    assert "error VER004  version" in lines
    log = sandbox.paths.logs / "pulumi.log"
    assert lines[-1] == f"error: `pulumi up` of stack local failed. Its full output is in {log}."


def test_a_pulumi_that_refuses_to_begin_is_shown_with_the_end_of_its_log(
    command: Callable[..., str], sandbox: Sandbox
) -> None:
    locks = sandbox.paths.state / ".pulumi" / "locks" / "organization" / "dynamo-platform" / "local"
    locks.mkdir(parents=True, exist_ok=True)
    left_behind = locks / "left-behind.json"
    left_behind.write_text(json.dumps({"pid": 1, "username": "somebody"}))

    said = command("up", expected=1)

    left_behind.unlink()
    assert "error: `pulumi up` of stack local failed." in said
    assert "    error: the stack is currently locked by 1 lock(s)" in said


def test_up_ends_with_what_is_there_changes_nothing_again_and_goes(
    command: Callable[..., str], sandbox: Sandbox
) -> None:
    coming = command("preview")
    quiet(coming, 36)
    assert "objects   110 new: kai-scheduler 55, grove 17, dynamo-platform 38" in coming
    assert coming.endswith("create queue dynamo\ncreate release dynamo-platform 1.6.2\n")

    said = command("up")
    lines = quiet(said, 45)
    for step in (
        "release kai-scheduler v0.17.2",
        "gate Config kai-config",
        "gate SchedulingShard default",
        "gate Deployment queue-controller",
        "queue dynamo-default",
        "queue dynamo",
        "release grove v0.1.0-alpha.14",
        "release dynamo-platform 1.6.2",
    ):
        assert len([line for line in lines if re.fullmatch(rf"✓ create {step}  [\d.]+ s", line)]) == 1
    table = lines[[line.partition(" ")[0] for line in lines].index("release") :]
    assert [line.split()[0] for line in table[2:5]] == ["dynamo-platform", "grove", "kai-scheduler"]
    for part in ("kaiScheduler: true", "grove: true", "none (no Prometheus CRDs)", "make down"):
        assert part in "\n".join(table)
    assert "Resources:" in (sandbox.paths.logs / "pulumi.log").read_text()
    there = json.loads(command("status", "--json"))
    assert {each["name"]: each["state"] for each in there["releases"]} == dict.fromkeys(
        ("kai-scheduler", "grove", "dynamo-platform"), "deployed"
    )
    assert {each["name"] for each in there["queues"]} >= {"dynamo-default", "dynamo"}

    again = command("up")
    assert "  nothing to change" in quiet(again, 30)
    assert json.loads(command("status", "--json")) == there
    preview = command("preview")
    assert "objects   110 unchanged" in quiet(preview, 31)
    assert preview.endswith("\nnothing to change\n")

    down = command("down")
    assert [line for line in quiet(down, 26) if re.fullmatch(r"✓ delete release dynamo-platform 1.6.2  [\d.]+ s", line)]
    assert "Kept:" in down
    assert not sandbox.paths.root.exists()
