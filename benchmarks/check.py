"""`check --all` of 1,000 stack files, compared with one."""

import os
import sys
import tempfile
from itertools import cycle
from pathlib import Path

from benchmarks.measure import Result, Seconds, alternate, clean_env, measure
from sandbox.paths import CHECKOUT

REPETITIONS = 5
TARGET = 10.0
STACKS = 1000


def check() -> Result:
    """`dynamo-platform check --all` of a project with 1,000 stacks like those in `stacks/`, compared with one stack."""
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
        what=f"check --all of {STACKS:,} stack files; of one",
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
    files = sorted((CHECKOUT / "stacks").glob("Pulumi.*.yaml"))
    for number, file in zip(range(count), cycle(files), strict=False):
        stack = f"{file.read_text()}  dynamo-platform:timeout: {600 + number}\n"
        (folder / "stacks" / f"Pulumi.stack-{number}.yaml").write_text(stack)
    return folder
