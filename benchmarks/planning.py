"""Importing the module and planning, compared with importing pydantic."""

import os
import sys
import tempfile

from benchmarks.measure import Result, Seconds, alternate, clean_env, measure
from sandbox.paths import CHECKOUT

REPETITIONS = 41
TARGET = 1.2

# pydantic imports lazily; defining a model imports what every model needs.
PYDANTIC = """
import pydantic
class Model(pydantic.BaseModel):
    text: str
"""

PLANNING = """
from dynamo_platform import PlatformConfig, make_plan
make_plan(
    PlatformConfig(
        version="1.6.2",
        profile="production",
        cluster={"context": "production"},
        kai_scheduler={"version": "v0.17.2"},
        grove={"version": "v0.1.0-alpha.14"},
    )
)
"""


def planning() -> Result:
    """CPU seconds of `import dynamo_platform` and `make_plan`, compared with importing pydantic."""
    with tempfile.TemporaryDirectory() as cache:
        env = clean_env(os.environ) | {"PYTHONPYCACHEPREFIX": cache}

        def python(code: str) -> Seconds:
            return measure([sys.executable, "-c", code], folder=CHECKOUT, env=env)

        python(PYDANTIC)
        python(PLANNING)
        ours, theirs = alternate(lambda: python(PLANNING), lambda: python(PYDANTIC), REPETITIONS)
    return Result(
        name="planning",
        what="CPU seconds of import and make_plan; importing pydantic",
        figure=ours.processor / theirs.processor,
        target=TARGET,
        unit="x",
        ours=ours,
        theirs=theirs,
        repetitions=REPETITIONS,
    )
