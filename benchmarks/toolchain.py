"""Building the whole toolchain from an empty build cache, with Go's modules downloaded."""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Result, clean, seconds_of
from sandbox.paths import CHECKOUT
from sandbox.tools import SOURCE

TARGET = 2310.0
"""Processor seconds: 55 % of the 4,200 that seven separate modules took."""


def toolchain() -> Result:
    """Processor seconds of `python -m sandbox tools` where nothing is built."""
    with tempfile.TemporaryDirectory() as scratch:
        caches = {"GOCACHE": str(Path(scratch) / "go"), "XDG_CACHE_HOME": str(Path(scratch) / "cache")}
        seconds = seconds_of(
            [sys.executable, "-m", "sandbox", "tools"],
            folder=CHECKOUT,
            env=clean(os.environ) | caches | {SOURCE: "build"},
        )
    return Result(
        name="toolchain",
        what="processor seconds of building the toolchain",
        figure=seconds.processor,
        target=TARGET,
        unit="s",
        ours=seconds,
        theirs=None,
        repetitions=1,
    )
