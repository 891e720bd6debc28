"""Repetitions that alternate, so that what else the machine does falls on both sides alike."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

UNWANTED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
"""Variables that would make every start of Python compile this checkout's modules anew."""


@dataclass(frozen=True)
class Pair:
    """Medians of both sides, in seconds."""

    ours: float
    theirs: float


@dataclass(frozen=True)
class Result:
    """A figure and the most that it may be, in `unit`."""

    name: str
    what: str
    figure: float
    target: float
    unit: str
    pair: Pair
    repetitions: int
    profile: tuple[tuple[str, float], ...] = ()
    """Where the seconds of our side's last run went, in order."""
    seconds: float | None = None
    """The most seconds that our side may take, where there is such a target too."""

    @property
    def met(self) -> bool:
        """Whether the figure keeps to its target."""
        return self.figure <= self.target and (self.seconds is None or self.pair.ours <= self.seconds)


def alternate(ours: Callable[[], float], theirs: Callable[[], float], repetitions: int) -> Pair:
    """Measure both sides in turn, the first side changing, and return the medians of what they return."""
    taken: tuple[list[float], list[float]] = ([], [])
    for repetition in range(repetitions):
        order = (0, 1) if repetition % 2 == 0 else (1, 0)
        for side in order:
            taken[side].append((ours, theirs)[side]())
    return Pair(*(statistics.median(seconds) for seconds in taken))


def seconds_of(*commands: list[str], folder: Path, env: Mapping[str, str]) -> float:
    """Run commands one after the other; return the seconds on the clock.

    Raises:
        RuntimeError: one fails; with the end of what it printed.
    """
    started = time.monotonic()
    for command in commands:
        result = subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode:
            raise RuntimeError(f"`{' '.join(command)}` failed:\n{result.stdout[-3000:]}")
    return time.monotonic() - started


def timeline_of(command: list[str], folder: Path, env: Mapping[str, str]) -> list[tuple[float, str]]:
    """Run a command; return its lines with the seconds at which each was printed, and an empty line at its end.

    Raises:
        RuntimeError: it fails; with the end of what it printed.
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
    if process.wait():
        message = f"`{' '.join(command)}` failed:\n{''.join(line for _, line in lines)[-3000:]}"
        raise RuntimeError(message)
    return [*lines, (time.monotonic() - started, "")]


def clean(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a measured process, in which Python keeps what it compiles."""
    return {name: value for name, value in env.items() if name not in UNWANTED}


def cpu_seconds_of(command: list[str], env: Mapping[str, str]) -> float:
    """Run a command; return its processor seconds, on which a busy machine has less influence than on the clock."""
    process = subprocess.Popen(command, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed")
    return usage.ru_utime + usage.ru_stime
