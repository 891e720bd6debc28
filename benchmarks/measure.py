"""Repetitions that alternate, so that what else the machine does falls on both sides alike."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.commands import CommandError

UNWANTED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
"""Variables that would make every start of Python compile this checkout's modules anew."""


@dataclass(frozen=True)
class Seconds:
    """How long something took.

    Attributes:
        clock: from its start to its end.
        processor: of all its processes together. What else the machine does changes them less than the clock.
    """

    clock: float
    processor: float


@dataclass(frozen=True)
class Result:
    """A figure and the most that it may be, in `unit`."""

    name: str
    what: str
    figure: float
    target: float
    unit: str
    ours: Seconds
    theirs: Seconds | None
    """What the figure is compared with; None where it is compared with nothing."""
    repetitions: int
    profile: tuple[tuple[str, float], ...] = ()
    """Where the seconds of our side's last run went, in order."""
    seconds: float | None = None
    """The most seconds on the clock that our side may take, where there is such a target too."""

    @property
    def met(self) -> bool:
        """Whether the figure keeps to its target."""
        return self.figure <= self.target and (self.seconds is None or self.ours.clock <= self.seconds)


def alternate(ours: Callable[[], Seconds], theirs: Callable[[], Seconds], repetitions: int) -> tuple[Seconds, Seconds]:
    """Measure both sides in turn, the first side changing, and return the medians of what they return."""
    taken: tuple[list[Seconds], list[Seconds]] = ([], [])
    for repetition in range(repetitions):
        order = (0, 1) if repetition % 2 == 0 else (1, 0)
        for side in order:
            taken[side].append((ours, theirs)[side]())
    return _median(taken[0]), _median(taken[1])


def measure(*commands: list[str], folder: Path, env: Mapping[str, str]) -> Seconds:
    """Run commands one after the other, and add up what they took.

    Raises:
        CommandError: one of them fails.
    """
    taken = [run_with_timeline(command, folder, env)[0] for command in commands]
    return Seconds(sum(each.clock for each in taken), sum(each.processor for each in taken))


def run_with_timeline(
    command: list[str], folder: Path, env: Mapping[str, str]
) -> tuple[Seconds, list[tuple[float, str]]]:
    """Run a command; return what it took, and its lines with the second at which each came, an empty one at the end.

    Raises:
        CommandError: it fails.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    lines = [(time.monotonic() - started, line) for line in process.stdout or ()]
    # The usage of a process includes that of the children it has waited for, and of theirs.
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CommandError(command, process.returncode, "".join(line for _, line in lines), folder)
    return Seconds(clock, usage.ru_utime + usage.ru_stime), [*lines, (clock, "")]


def clean_env(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a measured process, in which Python keeps what it compiles."""
    return {name: value for name, value in env.items() if name not in UNWANTED}


def _median(taken: list[Seconds]) -> Seconds:
    return Seconds(statistics.median(each.clock for each in taken), statistics.median(each.processor for each in taken))
