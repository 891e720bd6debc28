"""Measures two sides alternately, so that other load on the machine affects both equally."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.commands import CommandError

UNWANTED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
"""Variables that keep Python from caching bytecode, so that every start compiles this checkout's modules."""


@dataclass(frozen=True)
class Seconds:
    """How long something took.

    Attributes:
        clock: wall-clock seconds.
        processor: CPU seconds of the whole process tree; they depend less on other load.
    """

    clock: float
    processor: float


@dataclass(frozen=True)
class Result:
    """A measured figure and its highest allowed value `target`, both in `unit`."""

    name: str
    what: str
    figure: float
    target: float
    unit: str
    ours: Seconds
    theirs: Seconds | None
    """The other side; None if the figure is not a comparison."""
    repetitions: int
    profile: tuple[tuple[str, float], ...] = ()
    """The steps of our side's last run, with their seconds."""
    seconds: float | None = None
    """The highest allowed wall-clock seconds of our side, if there is such a target too."""

    @property
    def met(self) -> bool:
        """Whether the targets are met."""
        return self.figure <= self.target and (self.seconds is None or self.ours.clock <= self.seconds)


def alternate(ours: Callable[[], Seconds], theirs: Callable[[], Seconds], repetitions: int) -> tuple[Seconds, Seconds]:
    """Measure both sides alternately and return their medians; the side that goes first changes each time."""
    taken: tuple[list[Seconds], list[Seconds]] = ([], [])
    for repetition in range(repetitions):
        order = (0, 1) if repetition % 2 == 0 else (1, 0)
        for side in order:
            taken[side].append((ours, theirs)[side]())
    return _median(taken[0]), _median(taken[1])


def measure(*commands: list[str], folder: Path, env: Mapping[str, str]) -> Seconds:
    """Run commands one after the other and return their total time.

    Raises:
        CommandError: one of them fails.
    """
    taken = [run_with_timeline(command, folder, env)[0] for command in commands]
    return Seconds(sum(each.clock for each in taken), sum(each.processor for each in taken))


def run_with_timeline(
    command: list[str], folder: Path, env: Mapping[str, str]
) -> tuple[Seconds, list[tuple[float, str]]]:
    """Run a command; return its time, and each printed line with its second, followed by an empty line.

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
    # The usage of a process includes that of its waited-for children, recursively.
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CommandError(command, process.returncode, "".join(line for _, line in lines), folder)
    return Seconds(clock, usage.ru_utime + usage.ru_stime), [*lines, (clock, "")]


def clean_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a measured process, in which Python caches bytecode."""
    return {name: value for name, value in env.items() if name not in UNWANTED}


def _median(taken: list[Seconds]) -> Seconds:
    return Seconds(statistics.median(each.clock for each in taken), statistics.median(each.processor for each in taken))
