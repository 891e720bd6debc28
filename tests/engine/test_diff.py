"""``dynamo-platform diff`` with a real Helm: charts that render, that fail, and that cannot be fetched."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import charts
from sandbox.commands import git, run
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox
from tests.engine.archives import edit, pack, rows
from tests.engine.stacks import NEW, OLD, separate

CHARTS = {"": "dynamo-platform", "kaiScheduler": "kai-scheduler", "grove": "grove-charts"}
NOWHERE = "oci://127.0.0.1:1/charts"


class Repository:
    """A project in a git repository, with one stack and its charts."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.folder = folder
        self.env = sandbox.env | {"PYTHONPATH": str(CHECKOUT)}
        (folder / "stacks").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text((CHECKOUT / "Pulumi.yaml").read_text())
        git(folder, "init", "--quiet")
        versions = {"dynamo-platform": "version", "kai-scheduler": "kai", "grove-charts": "grove"}
        charts.package(folder / "charts", {chart: [OLD[key], NEW[key]] for chart, key in versions.items()})

    def commit(self, tag: str, config: dict[str, Any], *, local: bool = True) -> None:
        """Commit the stack with this configuration."""
        if local:
            config = {"chart": self.archive("dynamo-platform", config["version"])} | config
            for key in ("kaiScheduler", "grove"):
                config[key] = {"chart": self.archive(CHARTS[key], config[key]["version"])} | config[key]
        page = {"config": {f"dynamo-platform:{key}": value for key, value in config.items()}}
        (self.folder / "stacks" / "Pulumi.test.yaml").write_text(yaml.safe_dump(page))
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", tag)
        git(self.folder, "tag", tag)

    @staticmethod
    def archive(chart: str, version: str) -> str:
        return f"./charts/{chart}-{version}.tgz"

    def diff(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["python", "-m", "dynamo_platform", "diff", "base", "head", *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)

    def compared(self) -> dict[str, Any]:
        """Return the changes of the stack."""
        done = self.diff("--format=json")
        assert done.returncode == 0, done.stderr
        (stack,) = json.loads(done.stdout)["stacks"]
        assert isinstance(stack, dict)
        return stack


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A sandbox with Helm, in which nothing runs."""
    sandbox = Sandbox(tmp_path_factory.mktemp("tools"))
    sandbox.paths.state.mkdir(parents=True)
    return sandbox


@pytest.fixture
def repository(tools: Sandbox, tmp_path: Path) -> Repository:
    return Repository(tools, tmp_path / "project")


def texts(stack: dict[str, Any], sign: str) -> list[str]:
    return [each["text"] for each in stack["objects"] if each["sign"] == sign]


def test_an_upgrade(repository: Repository) -> None:
    middle = {"version": "1.4.2", "kai": "v0.17.0", "grove": "v0.1.0-alpha.13"}
    charts.package(repository.folder / "charts", {"dynamo-platform": ["1.4.2"]})
    repository.commit("base", separate(middle, nats={"mode": "disabled"}))
    repository.commit("head", separate(NEW, nats={"mode": "disabled"}))

    stack = repository.compared()

    assert [each["code"] for each in stack["findings"] if each["code"].startswith("UPG")] == ["UPG007"]
    assert stack["equal"] == ["kai-scheduler v0.17.0", "grove v0.1.0-alpha.13"]
    assert {each["release"] for each in stack["objects"]} == {"dynamo-platform"}
    manager = next(text for text in texts(stack, "~") if "controller-manager image" in text)
    assert "kubernetes-operator:1.4.2 → " in manager
    assert manager.endswith("kubernetes-operator:1.5.1")
    assert len(stack["images"]["added"]) == len(stack["images"]["removed"]) > 0


def test_an_edited_chart_at_the_same_path(repository: Repository) -> None:
    repository.commit("base", separate(NEW))
    archive = repository.folder / repository.archive("kai-scheduler", NEW["kai"])
    files = rows(archive)
    operator = yaml.safe_load(files["kai-scheduler/values.yaml"])["operator"]
    edit(files, "kai-scheduler/values.yaml", {"operator": operator | {"replicaCount": 3}})
    pack(files, archive)
    repository.commit("head", separate(NEW))

    stack = repository.compared()

    assert [(step["name"], step["facts"]) for step in stack["steps"]] == [
        ("kai-scheduler", ["another chart at the same path"])
    ]
    assert {each["release"] for each in stack["objects"]} == {"kai-scheduler"}


def test_a_chart_of_another_version_at_the_same_path_is_refused(repository: Repository) -> None:
    repository.commit("base", separate(NEW))
    archive = repository.folder / repository.archive("kai-scheduler", NEW["kai"])
    archive.write_bytes((repository.folder / repository.archive("kai-scheduler", OLD["kai"])).read_bytes())
    repository.commit("head", separate(NEW))
    archive.unlink()

    stack = repository.compared()

    (error,) = [each for each in stack["findings"] if each["severity"] == "error"]
    assert (error["code"], error["path"]) == ("CHT014", "kaiScheduler.version")
    assert error["given"].endswith(f"has {OLD['kai']}")


def test_values_that_break_a_template(repository: Repository) -> None:
    repository.commit("base", separate(NEW))
    page = separate(NEW)
    page["grove"]["values"] = {"replicaCount": "no: number"}
    repository.commit("head", page)

    stack = repository.compared()

    (finding,) = [each for each in stack["findings"] if each["severity"] == "error"]
    assert (finding["code"], finding["path"]) == ("REN001", "grove.values")
    assert finding["allowed"] == "values that grove v0.1.0-alpha.13 accepts"
    assert stack["unknown"] == ["grove"]
    done = repository.diff("--exit-code")
    assert done.returncode == 1
    assert "refused, objects of grove are unknown" in done.stdout


def test_a_registry_out_of_reach(repository: Repository) -> None:
    page = separate(NEW)
    repository.commit("base", page)
    repository.commit("head", page | {"chart": "dynamo-platform", "repository": NOWHERE})

    stack = repository.compared()

    (finding,) = [each for each in stack["findings"] if each["severity"] == "error"]
    assert (finding["code"], finding["path"]) == ("REN003", "chart")
    assert f"dynamo-platform 1.5.1 from {NOWHERE}/dynamo-platform" in finding["given"]
    assert "set chart and repository to a mirror" in finding["allowed"]


def test_charts_of_a_registry(sandbox: Sandbox, tmp_path: Path) -> None:
    repository = Repository(sandbox, tmp_path / "project")
    page = separate(NEW, repository=sandbox.registry.repository)
    for key in ("kaiScheduler", "grove"):
        page[key] |= {"repository": sandbox.registry.oci(CHARTS[key])}
    repository.commit("base", page, local=False)
    repository.commit("head", page | {"monitoring": {"podMonitors": True, "metricsService": True}}, local=False)

    stack = repository.compared()

    assert stack["ok"], stack["findings"]
    assert [each["text"] for each in stack["objects"] if "PodMonitor" in each["text"]]
    assert stack["equal"] == ["kai-scheduler v0.17.0", "grove v0.1.0-alpha.13"]


def test_two_folders_of_helm(repository: Repository, tmp_path: Path) -> None:
    for name, version in (("a", OLD["kai"]), ("b", NEW["kai"])):
        command = [
            "helm",
            "template",
            "kai",
            repository.archive("kai-scheduler", version),
            f"--output-dir={tmp_path / name}",
        ]
        run(command, repository.folder, repository.env)
    report = run(["python", "-m", "dynamo_platform", "diff", "a", "b"], tmp_path, repository.env)
    assert f"operator:{OLD['kai']} → " in report.stdout
