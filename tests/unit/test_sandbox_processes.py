"""Background processes, and locks between them."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.locks import exclusive
from sandbox.paths import Paths
from sandbox.processes import Process, free_port, stop
from sandbox.registry import create_certificates

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process.named("sleeper", Paths(tmp_path))
    yield process
    stop([process], grace=0)


def start(process: Process, program: str) -> None:
    process.start([sys.executable, "-c", program, f"{process.root}/file"], os.environ)


def test_a_process_is_started_and_stopped(process: Process) -> None:
    start(process, SLEEP)
    assert process.pid() is not None
    stop([process])
    assert process.pid() is None
    assert not process.pid_file.exists()


def test_a_process_that_ignores_the_request_is_ended_by_force(process: Process) -> None:
    start(process, STUBBORN)
    process.wait(lambda: "up" in process.log.read_text(), 20)
    stop([process], grace=0.1)
    assert process.pid() is None


def test_a_stale_id_of_a_foreign_process_is_not_trusted(process: Process) -> None:
    foreign = subprocess.Popen([sys.executable, "-c", SLEEP])
    try:
        process.pid_file.parent.mkdir()
        process.pid_file.write_text(str(foreign.pid))
        assert process.pid() is None
        stop([process])
        assert foreign.poll() is None
        assert not process.pid_file.exists()
    finally:
        foreign.kill()
        foreign.wait()


@pytest.mark.parametrize("content", ["", "not a number"])
def test_a_half_written_id_is_no_process(content: str, process: Process) -> None:
    process.pid_file.parent.mkdir()
    process.pid_file.write_text(content)
    assert process.pid() is None


def test_a_process_that_ends_at_once_is_reported_with_its_log(process: Process) -> None:
    start(process, "print('no such port')")
    with pytest.raises(SandboxError, match=r"(?s)sleeper exited during startup.*no such port"):
        process.wait(lambda: False, 20)


def test_a_process_that_is_never_ready_is_reported(process: Process) -> None:
    start(process, SLEEP)
    with pytest.raises(SandboxError, match="sleeper is not ready after 0 s"):
        process.wait(lambda: False, 0)


def test_a_free_port_can_be_taken_and_is_left_alone_by_outgoing_connections() -> None:
    port = free_port()
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
    assert 20_000 <= port < 30_000


def test_a_lock_makes_the_second_wait(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with exclusive(tmp_path / "lock"):
            order.append("second")

    with exclusive(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_bundle_holds_the_sandbox_authority_and_the_system_roots(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    create_certificates(paths)
    bundle = paths.bundle.read_text()
    assert (paths.tls / "ca.pem").read_text().strip() in bundle
    assert bundle.count("BEGIN CERTIFICATE") > 1


def test_certificates_are_made_once(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    create_certificates(paths)
    before = paths.bundle.read_text()
    create_certificates(paths)
    assert paths.bundle.read_text() == before
