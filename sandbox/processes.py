"""Background processes, each with a PID file.

PIDs are reused, so a PID file alone is not trusted: a process belongs to the sandbox only if its command line names a
file of the sandbox. Everything that is started here therefore gets such a file as an argument.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError, tail
from sandbox.paths import CHECKOUT, Paths

POLL_SECONDS = 0.02
GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Process:
    """A background process of the sandbox in `root`, running or not."""

    name: str
    root: Path
    pid_file: Path
    log: Path

    @classmethod
    def named(cls, name: str, paths: Paths) -> "Process":
        """Return the process with its PID file and log in the sandbox's folders."""
        return cls(name, paths.root, paths.pids / f"{name}.pid", paths.logs / f"{name}.log")

    def pid(self) -> int | None:
        """Return the PID if the process is running and belongs to this sandbox, else None."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self._owns(pid) else None

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start `command`, detached from the terminal; `env` defaults to this process's environment."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid_file.write_text(str(process.pid))
        # A new process has no command line for a moment, and would be taken for a process of someone else.
        while process.poll() is None and not self._owns(process.pid):
            time.sleep(POLL_SECONDS)

    def wait(self, ready: Callable[[], bool], timeout: float) -> None:
        """Poll until `ready()` is true.

        Raises:
            SandboxError: the process ended, or `timeout` seconds passed; the message has the end of the log.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            ended = self.pid() is None
            if ended or time.monotonic() > deadline:
                what = "exited during startup" if ended else f"is not ready after {timeout:.0f} s"
                message = f"{self.name} {what}. The end of {self.log}:\n{tail(self.log)}"
                raise SandboxError(message)
            time.sleep(POLL_SECONDS)

    def _owns(self, pid: int) -> bool:
        return f"{self.root}/" in command_line(pid)


def stop(processes: Sequence[Process], *, grace: float = GRACE_SECONDS) -> None:
    """Stop the running ones, with SIGKILL after `grace` seconds, and delete the PID files."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, GRACE_SECONDS)):
        for pid in filter(None, (process.pid() for process in processes)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(process.pid() for process in processes):
            time.sleep(POLL_SECONDS)
    for process in processes:
        process.pid_file.unlink(missing_ok=True)


def free_port() -> int:
    """Return a free TCP port on loopback, below the ephemeral port range.

    An outgoing connection could take an ephemeral port while its server restarts.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.randrange(20_000, 30_000)  # noqa: S311  not a secret
            probe.bind(("127.0.0.1", port))
            return port


def command_line(pid: int) -> str:
    """Return the command line of a running process, separated by spaces; empty if there is no such process."""
    if not Path("/proc/self/cmdline").exists():
        command = ["ps", "-o", "command=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
