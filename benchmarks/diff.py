"""`diff` of two revisions in which all three releases change, compared with rendering their charts with `helm`."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Result, Seconds, alternate, clean_env, measure
from sandbox import charts
from sandbox.commands import git, run
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox

REPETITIONS = 5
TARGET = 3.0

BASE = {"dynamo-platform": "1.5.1", "kai-scheduler": "v0.17.0", "grove-charts": "v0.1.0-alpha.13"}
HEAD = {"dynamo-platform": "1.6.2", "kai-scheduler": "v0.17.2", "grove-charts": "v0.1.0-alpha.14"}
SECTIONS = {"kai-scheduler": "kaiScheduler", "grove-charts": "grove"}


def diff() -> Result:
    """`dynamo-platform diff` with local charts, compared with `helm template` of the six charts in sequence."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        sandbox = Sandbox(Path(scratch) / "sandbox")
        sandbox.paths.state.mkdir(parents=True)
        env = clean_env(sandbox.env) | {"PYTHONPATH": str(CHECKOUT), "PYTHONPYCACHEPREFIX": str(Path(scratch) / "pyc")}
        (folder / "stacks").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text((CHECKOUT / "Pulumi.yaml").read_text())
        archives = charts.package(folder / "charts", {name: [BASE[name], HEAD[name]] for name in BASE})
        git(folder, "init", "--quiet")
        for tag, versions in (("base", BASE), ("head", HEAD)):
            page = {"config": {f"dynamo-platform:{key}": value for key, value in _settings(versions).items()}}
            (folder / "stacks" / "Pulumi.production.yaml").write_text(yaml.safe_dump(page))
            git(folder, "add", "--all")
            git(folder, "commit", "--quiet", "--message", tag)
            git(folder, "tag", tag)
        command = [sys.executable, "-m", "dynamo_platform", "diff", "base", "head"]
        templates = [
            ["helm", "template", "release", str(archive), "--include-crds", "--kube-version=1.33"]
            for archive in archives
        ]

        def measure_module() -> Seconds:
            return measure(command, folder=folder, env=env)

        report = run(command, folder, env).stdout
        assert "Objects: " in report, report
        ours, theirs = alternate(measure_module, lambda: measure(*templates, folder=folder, env=env), REPETITIONS)
    return Result(
        name="diff",
        what="diff of two revisions, three releases; helm template of their charts",
        figure=ours.clock,
        target=TARGET,
        unit="s",
        ours=ours,
        theirs=theirs,
        repetitions=REPETITIONS,
    )


def _settings(versions: dict[str, str]) -> dict[str, Any]:
    parts = {
        section: {"mode": "separate", "version": versions[chart], "chart": _archive(chart, versions)}
        for chart, section in SECTIONS.items()
    }
    return {
        "version": versions["dynamo-platform"],
        "profile": "production",
        "cluster": {"context": "production"},
        "chart": _archive("dynamo-platform", versions),
        **parts,
    }


def _archive(chart: str, versions: dict[str, str]) -> str:
    return f"./charts/{chart}-{versions[chart]}.tgz"
