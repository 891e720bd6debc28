"""`check --all` of 200 stack files, compared with one."""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Result, Seconds, alternate, clean_env, measure
from sandbox.paths import CHECKOUT

REPETITIONS = 5
TARGET = 5.0
STACKS = 200


def check() -> Result:
    """`dynamo-platform check --all` of a project with 200 stacks like `production`, compared with one stack."""
    with tempfile.TemporaryDirectory() as scratch:
        env = clean_env(os.environ) | {"PYTHONPATH": str(CHECKOUT), "PYTHONPYCACHEPREFIX": str(Path(scratch) / "pyc")}
        many, one = (_project(Path(scratch) / str(count), count) for count in (STACKS, 1))
        command = [sys.executable, "-m", "dynamo_platform", "check", "--all"]

        def of(project: Path) -> Seconds:
            return measure(command, folder=project, env=env)

        of(one)
        ours, theirs = alternate(lambda: of(many), lambda: of(one), REPETITIONS)
    return Result(
        name="check",
        what=f"check --all of {STACKS} stack files; of one",
        figure=ours.clock,
        target=TARGET,
        unit="s",
        ours=ours,
        theirs=theirs,
        repetitions=REPETITIONS,
    )


def _project(folder: Path, count: int) -> Path:
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text((CHECKOUT / "Pulumi.yaml").read_text())
    production = (CHECKOUT / "stacks" / "Pulumi.production.yaml").read_text()
    for number in range(count):
        stack = production.replace("context: production", f"context: production-{number}")
        (folder / "stacks" / f"Pulumi.production-{number}.yaml").write_text(stack)
    return folder
