"""The first `up`, against the helm CLI that installs the same charts one after the other."""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Result, Seconds, alternate, clean, seconds_of, timeline_of
from benchmarks.stacks import make_stack, page
from dynamo_platform import plan_of
from dynamo_platform.plan import Release
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress
from sandbox.sandbox import Sandbox
from sandbox.sources import CONTRACT_CHARTS
from sandbox.stack import configured

REPETITIONS = 3
TARGET = 1.0


def install() -> Result:
    """First `up` of stack `local`, gates and queues included, against `helm install --wait` three times."""
    lines: list[tuple[float, str]] = []

    def with_module() -> Seconds:
        seconds, lines[:] = _with_module()
        return seconds

    ours, theirs = alternate(with_module, _with_helm, REPETITIONS)
    return Result(
        name="install",
        what="first up of local, to helm install --wait of its charts",
        figure=ours.clock / theirs.clock,
        target=TARGET,
        unit="x",
        ours=ours,
        theirs=theirs,
        repetitions=REPETITIONS,
        profile=_profile(lines),
    )


def _profile(lines: list[tuple[float, str]]) -> tuple[tuple[str, float], ...]:
    """Which steps the time went to; Grove's release runs beside KAI Scheduler's and is not counted twice."""

    def at(what: str, state: str) -> float:
        return next(seconds for seconds, line in lines if what in line and f" {state} " in line)

    kai, platform = "Release dynamo-platform-kai-scheduler", "Release dynamo-platform "
    moments = {
        "engine and program start": at("Stack", "creating"),
        "provider starts, reads the cluster's API": at(kai, "creating"),
        "release kai-scheduler": at(kai, "created"),
        "gates and queues": at(platform, "creating"),
        "release dynamo-platform": at(platform, "created"),
        "state is saved": lines[-1][0],
    }
    return tuple(
        (step, end - begin) for (step, end), begin in zip(moments.items(), [0, *moments.values()], strict=False)
    )


def _with_module() -> tuple[Seconds, list[tuple[float, str]]]:
    with _fresh() as (sandbox, env):
        config = configured(page("local"), CONTRACT_CHARTS, {}, sandbox.registry)
        stack = make_stack(CHECKOUT, sandbox.paths.root / "stack", config, env)
        return timeline_of(["pulumi", "up", "--yes", "--skip-preview", *stack], CHECKOUT, env)


def _with_helm() -> Seconds:
    with _fresh() as (sandbox, env):
        config = configured(page("local"), CONTRACT_CHARTS, {}, sandbox.registry)
        plan = plan_of({key.partition(":")[2]: value for key, value in config.items()}, stack=True)
        commands = [_command(release, sandbox.paths.root) for release in plan.releases]
        return seconds_of(*commands, folder=sandbox.paths.root, env=env)


def _command(release: Release, folder: Path) -> list[str]:
    values = folder / f"{release.name}.values.json"
    values.write_text(json.dumps(release.values))
    command = ["helm", "install", release.name, release.chart, f"--version={release.version}", f"--values={values}"]
    command += [f"--namespace={release.namespace}", "--create-namespace", "--wait", f"--timeout={release.timeout}s"]
    if release.repository:
        command.append(f"--repo={release.repository}")
    return command if release.hooks else [*command, "--no-hooks"]


@contextmanager
def _fresh() -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A sandbox that nothing was installed on, gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        sandbox = Sandbox(Path(scratch) / "sandbox", Progress(io.StringIO()))
        try:
            sandbox.up()
            yield sandbox, clean(sandbox.env)
        finally:
            sandbox.down()
