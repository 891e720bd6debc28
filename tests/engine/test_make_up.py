"""`make up` as people run it, in a sandbox of the test's own."""

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from sandbox import __main__ as commands
from sandbox.sandbox import Sandbox


@pytest.fixture
def command(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Runs one of the sandbox's commands; returns what it and the engine print."""
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(commands, "Sandbox", lambda: sandbox)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["sandbox", *arguments])
        code = commands.main()
        printed = capfd.readouterr()
        assert code == 0, printed.err
        return printed.out

    yield run
    signal.signal(signal.SIGTERM, handler)


def test_up_ends_with_what_is_there_changes_nothing_again_and_goes(
    command: Callable[..., str], sandbox: Sandbox
) -> None:
    said = command("up")
    for part in ("kaiScheduler: true", "grove: true", "none (no Prometheus CRDs)", "make down"):
        assert part in said
    there = json.loads(command("status", "--json"))
    assert {each["name"]: each["state"] for each in there["releases"]} == dict.fromkeys(
        ("kai-scheduler", "grove", "dynamo-platform"), "deployed"
    )
    assert {each["name"] for each in there["queues"]} >= {"dynamo-default", "dynamo"}

    assert not re.search(r"[1-9]\d* (created|updated|replaced|deleted)", command("up"))
    assert json.loads(command("status", "--json")) == there
    assert "unchanged" in command("preview")

    assert "What stays" in command("down")
    assert not sandbox.paths.root.exists()
