"""Shows running steps, their duration, and the steps that follow.

Standard library only: it also shows how the virtual environment is created.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME_SECONDS = 0.1
HEARTBEAT_SECONDS = 30.0
CYAN, GREEN, RED, DIM, PLAIN = "\033[36m", "\033[32m", "\033[31m", "\033[2m", "\033[0m"


def elapsed(seconds: float) -> str:
    """Return a duration for people: `3.5 s`, `42 s`, `4 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@dataclass
class Running:
    """A running step.

    Attributes:
        started: when it began, in seconds of the monotonic clock.
        detail: its progress as text, such as `12 of 80 MB`.
    """

    started: float
    detail: str = ""

    def __str__(self) -> str:
        """The text that is shown next to the step's name."""
        passed = elapsed(time.monotonic() - self.started)
        return f"{passed}, {self.detail}" if self.detail else passed


class Progress:
    """Shows steps with their elapsed time; several may run in parallel threads.

    On a terminal, one live line shows the running steps and the ones that follow. Otherwise each step prints a line
    when it starts and when it ends, and a heartbeat every 30 seconds.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}
        self._expected: list[str] = []
        self._ticker: threading.Thread | None = None
        self._idle = threading.Event()

    def expect(self, *steps: str) -> None:
        """Announce the steps that will run, in order."""
        with self._lock:
            self._expected.extend(steps)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Show `name` as running until the block ends, then its duration.

        Yields a function that sets the step's progress, such as `12 of 80 MB`.
        """
        running = self.begin(name)
        done = False
        try:
            yield lambda detail: setattr(running, "detail", detail)
            done = True
        finally:
            self.end(name, done=done)

    def note(self, text: str) -> None:
        """Print a line."""
        with self._lock:
            self._print(text)

    def begin(self, name: str) -> Running:
        """Show `name` as running until `end` is called."""
        running = Running(time.monotonic())
        with self._lock:
            if name in self._expected:
                self._expected.remove(name)
            self._running[name] = running
            if not self._live:
                self._print(f"  {name} …{self._expected_text()}")
            if self._ticker is None:
                self._idle.clear()
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()
        return running

    def end(self, name: str, *, done: bool) -> None:
        """Show the duration of `name`, and whether it succeeded."""
        mark = self._paint(GREEN, "✓") if done else self._paint(RED, "✗")
        with self._lock:
            passed = elapsed(time.monotonic() - self._running.pop(name).started)
            self._print(f"{mark} {name}  {self._paint(DIM, passed)}")
            if not self._running:
                self._ticker = None
                self._idle.set()

    def _tick(self) -> None:
        me, frame = threading.current_thread(), 0
        while not self._idle.wait(FRAME_SECONDS if self._live else HEARTBEAT_SECONDS):
            with self._lock:
                if self._ticker is not me:
                    return
                running = " · ".join(f"{name}  {state}" for name, state in self._running.items())
                if self._live:
                    frame = (frame + 1) % len(FRAMES)
                    line = f"{FRAMES[frame]} {running}{self._expected_text()}"[: shutil.get_terminal_size().columns - 1]
                    self._stream.write(f"\r\033[K{self._paint(CYAN, line)}")
                    self._stream.flush()
                else:
                    self._print(f"  still {running}{self._expected_text()}")

    def _expected_text(self) -> str:
        return f"  (then {', '.join(self._expected)})" if self._expected else ""

    def _print(self, line: str) -> None:
        clear = "\r\033[K" if self._live else ""
        self._stream.write(f"{clear}{line}\n")
        self._stream.flush()

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colour else text
