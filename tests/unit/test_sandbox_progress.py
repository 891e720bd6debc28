"""Progress and status as users see them."""

import re
from io import StringIO

import pytest
from rich.console import Console

from sandbox import progress
from sandbox.progress import Progress, elapsed
from sandbox.status import Queue, Release, Status, show


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (3.46, "3.5 s"), (42.2, "42 s"), (59.6, "1 min 00 s"), (245, "4 min 05 s")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


def test_plain_output_has_a_line_at_start_and_end_and_says_what_comes() -> None:
    stream = StringIO()
    shown = Progress(stream)
    shown.expect("etcd", "helm")
    with shown.step("etcd"):
        pass
    with shown.step("helm"):
        pass
    assert re.sub(r"\d\.\d", "N", stream.getvalue()) == "  etcd …  (then helm)\n✓ etcd  N s\n  helm …\n✓ helm  N s\n"


def test_a_step_that_fails_is_marked() -> None:
    stream = StringIO()
    with pytest.raises(ValueError, match="x"), Progress(stream).step("etcd"):
        raise ValueError("x")
    assert "✗ etcd" in stream.getvalue()


def test_a_long_step_shows_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.01)
    stream = StringIO()
    shown = Progress(stream)
    shown.expect("helm")
    with shown.step("etcd"):
        while "still" not in stream.getvalue():
            pass
    assert re.search(r"  still etcd  \d\.\d s  \(then helm\)\n", stream.getvalue())


def test_a_terminal_gets_a_live_line_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(progress, "FRAME_SECONDS", 0.01)
    stream = Terminal()
    with Progress(stream).step("etcd"):
        while "etcd" not in stream.getvalue():
            pass
    assert "\r\033[K" in stream.getvalue()
    assert "\033[32m✓\033[0m etcd" in stream.getvalue()


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    with Progress(stream).step("etcd"):
        pass
    assert "\033[3" not in stream.getvalue()


def test_a_step_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.01)
    stream = StringIO()
    with Progress(stream).step("pulumi") as report:
        report("12 of 80 MB")
        while "still" not in stream.getvalue():
            pass
    assert re.search(r"  still pulumi  0\.\d s, 12 of 80 MB\n", stream.getvalue())


def test_status_is_plain_and_complete_where_there_is_no_terminal() -> None:
    stream = StringIO()
    release = Release("kai-scheduler", "kai-scheduler", "kai-scheduler", "v0.17.0", 1, "deployed")
    queues = [Queue("dynamo", "dynamo-default", -1, -1, "0123456789"), Queue("idle", None, None, 0.5, "abcdefghij")]
    show(Status([release], queues, {"grove": True, "kaiScheduler": False}, None), Console(file=stream, width=80))
    text = re.sub(r" +", " ", stream.getvalue())
    assert "kai-scheduler kai-scheduler v0.17.0 1 deployed" in text
    assert "dynamo dynamo-default unlimited unlimited 01234567" in text
    assert "idle - - 0.5 abcdefgh" in text
    assert "grove: true kaiScheduler: false" in text
    assert "none (no Prometheus CRDs)" in text
    assert "\033" not in text
