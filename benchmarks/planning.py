"""Importing the module and planning, over importing pydantic."""

import os
import sys
import tempfile

from benchmarks.measure import Result, alternate, clean, cpu_seconds_of

REPETITIONS = 21
TARGET_MS = 60.0

# pydantic imports its parts when they are first used; the model has it import what every model needs.
PYDANTIC = """
import pydantic
class Model(pydantic.BaseModel):
    text: str
"""

PLANNING = """
from dynamo_platform import PlatformConfig, make_plan
make_plan(
    PlatformConfig(
        version="1.5.1",
        profile="production",
        cluster={"context": "production"},
        kai_scheduler={"version": "v0.17.0"},
        grove={"version": "v0.1.0-alpha.13"},
    )
)
"""


def planning() -> Result:
    """`import dynamo_platform` and `make_plan`, over importing pydantic (processor time)."""
    with tempfile.TemporaryDirectory() as cache:
        env = clean(os.environ) | {"PYTHONPYCACHEPREFIX": cache}

        def python(code: str) -> float:
            return cpu_seconds_of([sys.executable, "-c", code], env)

        python(PYDANTIC)
        python(PLANNING)
        pair = alternate(lambda: python(PLANNING), lambda: python(PYDANTIC), REPETITIONS)
    return Result(
        name="planning",
        what="import and make_plan, over importing pydantic",
        figure=1000 * (pair.ours - pair.theirs),
        target=TARGET_MS,
        unit="ms",
        pair=pair,
        repetitions=REPETITIONS,
    )
