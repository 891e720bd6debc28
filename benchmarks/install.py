"""The first `up`, compared with the helm CLI installing the same charts in sequence.

Measured with pods that start immediately, and with pods that take as long as image pulls.
"""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, Seconds, alternate, clean_env, measure, run_with_timeline
from benchmarks.stacks import create_stack, stack_config
from dynamo_platform import plan_of
from dynamo_platform.planning.model import Release
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress
from sandbox.sandbox import Sandbox
from sandbox.sources import CONTRACT_CHARTS, ChartSource
from sandbox.stack import DEPENDENCIES, sandbox_config

REPETITIONS, REPETITIONS_WITH_PULLS = 5, 1
TARGET, TARGET_WITH_PULLS = 1.0, 0.8
PULL_SECONDS = 20.0
"""From a pod's scheduling to its start. The machine's load changes the result by only a few seconds: no repetitions."""


def install(source: ChartSource = CONTRACT_CHARTS) -> Result:
    """First `up` of stack `local`, including gates and queues, compared with three times `helm install --wait`."""
    return _measured(source, pod_delay=0, target=TARGET, repetitions=REPETITIONS)


def install_with_pulls(source: ChartSource = CONTRACT_CHARTS) -> Result:
    """The same with pods that take 20 s to start."""
    return _measured(source, pod_delay=PULL_SECONDS, target=TARGET_WITH_PULLS, repetitions=REPETITIONS_WITH_PULLS)


def real_charts(folder: str) -> ChartSource:
    """Return the charts of stack `local` in a folder of archives."""
    config = stack_config("local")
    versions = (
        config["dynamo-platform:version"],
        *(config[f"dynamo-platform:{key}"]["version"] for key in DEPENDENCIES),
    )
    return ChartSource(Path(folder), versions=versions)


def _measured(source: ChartSource, *, pod_delay: float, target: float, repetitions: int) -> Result:
    lines: list[tuple[float, str]] = []

    def with_module() -> Seconds:
        seconds, lines[:] = _with_module(source, pod_delay)
        return seconds

    ours, theirs = alternate(with_module, lambda: _with_helm(source, pod_delay), repetitions)
    return Result(
        name=f"install{'-pulls' if pod_delay else ''}{'-real' if source.folder else ''}",
        what="first up of local; helm install --wait of its charts",
        figure=ours.clock / theirs.clock,
        target=target,
        unit="x",
        ours=ours,
        theirs=theirs,
        repetitions=repetitions,
        profile=_profile(lines),
    )


def _profile(lines: list[tuple[float, str]]) -> tuple[tuple[str, float], ...]:
    """Return the seconds of each step; Grove's release is part of KAI Scheduler's, with which it runs in parallel."""

    def at(what: str, state: str) -> float:
        return next(seconds for seconds, line in lines if what in line and f" {state} " in line)

    kai, platform = "Release dynamo-platform-kai-scheduler", "Release dynamo-platform "
    moments = {
        "engine and program start": at("Stack", "creating"),
        "provider starts, renders the charts": at(kai, "creating"),
        "release kai-scheduler": at(kai, "created"),
        "gates and queues": at(platform, "creating"),
        "release dynamo-platform": at(platform, "created"),
        "state is saved": lines[-1][0],
    }
    return tuple(
        (step, end - begin) for (step, end), begin in zip(moments.items(), [0, *moments.values()], strict=False)
    )


def _with_module(source: ChartSource, pod_delay: float) -> tuple[Seconds, list[tuple[float, str]]]:
    with _fresh_sandbox(source, pod_delay) as (sandbox, config, env):
        stack = create_stack(CHECKOUT, sandbox.paths.root / "stack", config, env)
        return run_with_timeline(["pulumi", "up", "--yes", "--skip-preview", *stack], CHECKOUT, env)


def _with_helm(source: ChartSource, pod_delay: float) -> Seconds:
    with _fresh_sandbox(source, pod_delay) as (sandbox, config, env):
        plan = plan_of({key.partition(":")[2]: value for key, value in config.items()}, stack=True)
        commands = [_command(release, sandbox.paths.root) for release in plan.releases]
        return measure(*commands, folder=sandbox.paths.root, env=env)


def _command(release: Release, folder: Path) -> list[str]:
    values = folder / f"{release.name}.values.json"
    values.write_text(json.dumps(release.values))
    command = ["helm", "install", release.name, release.chart, f"--version={release.version}", f"--values={values}"]
    command += [f"--namespace={release.namespace}", "--create-namespace", "--wait", f"--timeout={release.timeout}s"]
    if release.repository:
        command.append(f"--repo={release.repository}")
    return command if release.hooks else [*command, "--no-hooks"]


@contextmanager
def _fresh_sandbox(source: ChartSource, pod_delay: float) -> Iterator[tuple[Sandbox, dict[str, Any], dict[str, str]]]:
    """Yield a new sandbox, which is removed afterwards, a stack's configuration for it, and its environment."""
    with tempfile.TemporaryDirectory() as scratch:
        sandbox = Sandbox(Path(scratch) / "sandbox", Progress(io.StringIO()), pod_delay)
        try:
            chosen = sandbox.up(source)
            yield (
                sandbox,
                sandbox_config(stack_config("local"), source, chosen, sandbox.registry),
                clean_env(sandbox.env),
            )
        finally:
            sandbox.down()
