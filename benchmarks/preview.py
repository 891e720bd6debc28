"""A preview without a cluster, with and without objects, compared with a bare program with the same three releases."""

import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Result, Seconds, alternate, clean_env, measure
from benchmarks.stacks import BARE, create_stack, stack_config
from dynamo_platform import plan_of
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox
from sandbox.sources import CONTRACT_CHARTS

REPETITIONS = 5
TARGET, TARGET_OF_OBJECTS = 1.25, 1.6
SECONDS_OF_OBJECTS = 5.0

CHARTS = {"kaiScheduler": "kai-scheduler", "grove": "grove-charts"}


def preview() -> Result:
    """Preview of stack `production` with local charts, no cluster and no objects, compared with three bare releases."""
    return _measured(
        "preview", "preview of production, no cluster; three bare releases", TARGET, {"previewObjects": False}
    )


def objects() -> Result:
    """The same with every chart rendered, including CRDs."""
    result = _measured("objects", "the same with every object rendered", TARGET_OF_OBJECTS, {})
    return replace(result, seconds=SECONDS_OF_OBJECTS)


def _measured(name: str, what: str, target: float, settings: dict[str, bool]) -> Result:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        sandbox = Sandbox(root / "sandbox")
        sandbox.paths.state.mkdir(parents=True)
        env = clean_env(sandbox.env) | {
            "KUBECONFIG": str(root / "nowhere"),
            "PYTHONPYCACHEPREFIX": str(root / "pyc"),
        }
        charts = root / "charts"
        charts.mkdir()
        archives = {(chart.name, chart.version): str(chart.archive) for chart in CONTRACT_CHARTS.collect(charts)}

        config = stack_config("production") | {f"dynamo-platform:{key}": value for key, value in settings.items()}
        for key, chart in CHARTS.items():
            dependency = config[f"dynamo-platform:{key}"]
            dependency["chart"] = archives[chart, dependency["version"]]
        config["dynamo-platform:chart"] = archives["dynamo-platform", config["dynamo-platform:version"]]
        plan = plan_of({key.partition(":")[2]: value for key, value in config.items()}, stack=True)
        releases = [
            {"name": each.name, "namespace": each.namespace, "chart": each.chart, "values": each.values}
            for each in plan.releases
        ]
        module = ["pulumi", "preview", *create_stack(CHECKOUT, root / "ours", config, env)]
        bare = ["pulumi", "preview", *create_stack(BARE, root / "bare", {"bare:releases": releases}, env)]

        def measure_module() -> Seconds:
            return measure(module, folder=CHECKOUT, env=env)

        def measure_bare_program() -> Seconds:
            return measure(bare, folder=BARE, env=env)

        measure_module()
        measure_bare_program()
        ours, theirs = alternate(measure_module, measure_bare_program, REPETITIONS)
    return Result(
        name=name,
        what=what,
        figure=ours.clock / theirs.clock,
        target=target,
        unit="x",
        ours=ours,
        theirs=theirs,
        repetitions=REPETITIONS,
    )
