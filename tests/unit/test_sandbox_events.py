"""Progress of a run of Pulumi, from events recorded on a sandbox.

The recordings are `pulumi-events.json` of `.sandbox/logs`, without debug messages and with only the names of resources.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from sandbox.events import Run
from sandbox.progress import Progress

RECORDINGS = Path(__file__).parent.parent / "data" / "events"


def recorded(name: str) -> list[Any]:
    return [json.loads(line) for line in (RECORDINGS / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def screen() -> StringIO:
    return StringIO()


@pytest.fixture
def run(screen: StringIO) -> Run:
    return Run(Progress(screen))


def read(run: Run, events: list[Any]) -> None:
    for event in events:
        run.read(event)


def lines(screen: StringIO) -> list[str]:
    return re.sub(r"\d+\.\d s$", "N s", screen.getvalue(), flags=re.MULTILINE).splitlines()


def test_steps_are_shown_with_their_time_and_what_stops_them_once_in_full(run: Run, screen: StringIO) -> None:
    read(run, recorded("gate-stays-closed"))
    shown = lines(screen)
    assert shown[:6] == [
        "  create release kai-scheduler v0.17.0 …",
        "  create release grove v0.1.0-alpha.13 …",
        "✓ create release grove v0.1.0-alpha.13  N s",
        "✓ create release kai-scheduler v0.17.0  N s",
        "  create gate Config kai-config …",
        "✗ gate kai-config did not open: Config kai-config is not Available.",
    ]
    assert "    Available False: available: Binder: Deployment [binder] is not available" in shown
    assert shown[-4] == "Fix this, then run `pulumi up` again: it resumes here."
    assert shown[-3] == "✗ 1 error occurred:"
    assert "timed out waiting for the condition" in shown[-2]
    assert shown[-1] == "✗ create gate Config kai-config  N s"
    assert run.failed
    assert len(set(shown)) == len(shown)
    assert "$PATH" not in screen.getvalue()


def test_a_preview_runs_no_step_and_lists_what_changes(run: Run, screen: StringIO) -> None:
    read(run, recorded("preview-of-an-upgrade"))
    assert screen.getvalue() == ""
    assert run.changes == ["update release grove v0.1.0-alpha.14", "update release dynamo-platform 1.6.1"]
    plan, objects = run.information
    assert plan.startswith("cluster   kwok-dynamo-platform\n")
    assert objects.startswith("objects   0 added, 12 changed, 0 removed\n")
    assert not run.failed


def test_what_is_deleted_is_named_and_a_warning_shown(run: Run, screen: StringIO) -> None:
    read(run, recorded("destroy"))
    shown = lines(screen)
    assert [line for line in shown if line.startswith("✓")] == [
        "✓ delete release dynamo-platform 1.5.1  N s",
        "✓ delete queue dynamo  N s",
        "✓ delete queue dynamo-default  N s",
        "✓ delete gate Deployment queue-controller  N s",
        "✓ delete gate SchedulingShard default  N s",
        "✓ delete gate Config kai-config  N s",
        "✓ delete release grove v0.1.0-alpha.13  N s",
        "✓ delete release kai-scheduler v0.17.0  N s",
    ]
    (warning,) = [line for line in shown if line.startswith("!")]
    assert "These resources were kept due to the resource policy" in warning


def test_a_warning_is_shown_once(run: Run, screen: StringIO) -> None:
    warning = {"diagnosticEvent": {"severity": "warning", "message": "warning VER005  version\n  given    1.5.2\n"}}
    read(run, [warning, warning])
    assert lines(screen) == ["! warning VER005  version", "  given    1.5.2"]


def test_a_log_is_followed_while_it_is_written(run: Run, screen: StringIO, tmp_path: Path) -> None:
    log, ended = tmp_path / "events", threading.Event()
    text = (RECORDINGS / "gate-stays-closed.jsonl").read_text()
    begun = text.index("did not open")
    log.touch()
    follower = threading.Thread(target=run.follow, args=(log, ended))
    follower.start()
    with log.open("a") as file:
        # The second part starts in the middle of an event.
        file.write(text[:begun])
        file.flush()
        while "create gate Config kai-config …" not in screen.getvalue():
            pass
        assert not run.failed
        file.write(text[begun:])
    ended.set()
    follower.join()
    assert run.failed
    assert "✗ create gate Config kai-config" in screen.getvalue()


def test_steps_that_never_end_are_shown_as_failed(run: Run, screen: StringIO, tmp_path: Path) -> None:
    log, ended = tmp_path / "events", threading.Event()
    ended.set()
    whole = (RECORDINGS / "destroy.jsonl").read_text().splitlines(keepends=True)
    begin = next(place for place, line in enumerate(whole) if "resourcePreEvent" in line)
    log.write_text("".join(whole[: begin + 1]))
    run.follow(log, ended)
    assert lines(screen) == ["  delete release dynamo-platform 1.5.1 …", "✗ delete release dynamo-platform 1.5.1  N s"]


ATTACHED = """
import os, sys
from pathlib import Path
from sandbox.stack import run_to_log

slow = "import signal, time; signal.signal(signal.SIGINT, lambda *_: None); print('up', flush=True); time.sleep(1); " \\
       "print('saved', flush=True)"
try:
    run_to_log([sys.executable, "-c", slow], Path(), os.environ, Path(sys.argv[1]), print)
except KeyboardInterrupt:
    print(Path(sys.argv[1]).read_text())
"""


def test_what_is_interrupted_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", ATTACHED, str(log)]
    # In its own session, because Ctrl-C reaches every process of the terminal.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not log.exists() or "up" not in log.read_text():
            pass
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert said.splitlines()[0].startswith("! Interrupted: ")
    assert "saved" in said.splitlines()
