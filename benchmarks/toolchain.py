"""Building the whole toolchain from an empty build cache, with Go's modules downloaded."""

import os
import resource
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Pair, Result, clean, seconds_of
from sandbox.paths import CHECKOUT
from sandbox.tools import SOURCE

TARGET = 2310.0
"""Processor seconds: 55 % of the 4,200 that seven separate modules took."""


def toolchain() -> Result:
    """Processor seconds of `python -m sandbox tools` where nothing is built; seconds on the clock beside them."""
    with tempfile.TemporaryDirectory() as scratch:
        caches = {"GOCACHE": str(Path(scratch) / "go"), "XDG_CACHE_HOME": str(Path(scratch) / "cache")}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock = seconds_of(
            [sys.executable, "-m", "sandbox", "tools"],
            folder=CHECKOUT,
            env=clean(os.environ) | caches | {SOURCE: "build"},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Result(
        name="toolchain",
        what="processor time of building the toolchain; time on the clock",
        figure=processor,
        target=TARGET,
        unit="s",
        pair=Pair(processor, clock),
        repetitions=1,
    )
