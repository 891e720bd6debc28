"""Previews: without a cluster, of every committed stack, and of configurations that must be refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import charts
from sandbox.commands import CommandError
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox
from tests.engine.engine import NOWHERE, Engine
from tests.engine.stacks import NEW, separate


def with_local_charts(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the configuration with every release's chart from a folder of the project."""
    config = {key.removeprefix("dynamo-platform:"): value for key, value in config.items()}
    versions = {"dynamo-platform": [config["version"]]}
    config["chart"] = f"./charts/dynamo-platform-{config['version']}.tgz"
    for key, chart in (("kaiScheduler", "kai-scheduler"), ("grove", "grove-charts")):
        part = config.get(key, {})
        if part.get("mode") == "separate":
            versions[chart] = [part["version"]]
            config[key] = part | {"chart": f"./charts/{chart}-{part['version']}.tgz"}
    charts.package(folder / "charts", versions)
    return config


@pytest.mark.parametrize(
    ("stack", "created"),
    [("local", 11), ("dev", 3), ("production", 12), ("external", 8)],
)
def test_every_stack_previews_without_a_cluster(engine: Engine, stack: str, created: int) -> None:
    committed = yaml.safe_load((CHECKOUT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"]
    engine.configure(with_local_charts(committed, engine.folder), charts=False)
    text = engine.preview(env={"KUBECONFIG": NOWHERE})
    assert f"+ {created} to create" in text
    cluster = committed.get("dynamo-platform:cluster", {}).get("context", "the current context")
    assert f"cluster   {cluster}" in text


def test_a_deployed_stack_previews_no_change_without_a_cluster(engine: Engine) -> None:
    engine.configure(separate(NEW))
    engine.up()
    engine.preview("--expect-no-changes", env={"KUBECONFIG": NOWHERE})
    # A value that only the platform reads changes only the platform's release.
    engine.configure(separate(NEW, monitoring={"metricsService": False}))
    text = engine.preview("--diff", env={"KUBECONFIG": NOWHERE})
    assert "~ 1 to update" in text
    assert "metricsService" in text


BAD: dict[str, tuple[str, list[str]]] = {
    "empty": ("", ["PRO001  profile", "VER001  version"]),
    "unknown key": (
        "dynamo-platform:version: '1.5.1'\ndynamo-platform:profile: development\ndynamo-platform:grov: {}",
        ["CFG001  grov"],
    ),
    "string booleans": (
        (
            "dynamo-platform:version: '1.5.1'\ndynamo-platform:profile: development\n"
            "dynamo-platform:monitoring: {podMonitors: 'true', metricsService: 'null'}"
        ),
        ["CFG003  monitoring.podMonitors", "CFG003  monitoring.metricsService", "write auto instead"],
    ),
    "bundled in production": (
        (
            "dynamo-platform:version: '1.5.1'\ndynamo-platform:profile: production\n"
            "dynamo-platform:kaiScheduler: {mode: bundled}"
        ),
        ["PRO002  kaiScheduler.mode", "PRO003  grove.version", "PRO004  cluster.context"],
    ),
    "unknown minor": (
        "dynamo-platform:version: 1.9.0\ndynamo-platform:profile: production",
        ["VER004  version", "PRO003  kaiScheduler.version", "PRO003  grove.version", "PRO004  cluster.context"],
    ),
    "too old": ("dynamo-platform:version: 0.9.1\ndynamo-platform:profile: development", ["VER003  version"]),
    "unquoted": ("dynamo-platform:version: 1.5\ndynamo-platform:profile: development", ["VER002  version", "quotes"]),
}


@pytest.mark.parametrize("case", BAD)
def test_everything_wrong_is_reported_at_once_and_nothing_registered(engine: Engine, case: str) -> None:
    config, expected = BAD[case]
    lines = [f"  {line}" for line in config.splitlines()]
    engine.stack_file.write_text("\n".join(["config:", *lines]) + "\n" if lines else "")
    with pytest.raises(CommandError) as failed:
        engine.preview(env={"KUBECONFIG": NOWHERE})
    text = failed.value.output
    for each in expected:
        assert each in text
    for word in ("given", "allowed", "why", "read"):
        assert f"  {word} " in text
    assert "DynamoPlatform" not in text
    assert "Traceback" not in text


def test_null_by_config_set_is_refused_with_the_right_spelling(engine: Engine) -> None:
    engine.configure(separate(NEW))
    engine.run("pulumi", "config", "set", "--path", "dynamo-platform:monitoring.podMonitors", "null")
    with pytest.raises(CommandError, match="write auto instead"):
        engine.preview()
    engine.run("pulumi", "config", "set", "--path", "dynamo-platform:monitoring.podMonitors", "auto")
    engine.preview()


def test_a_kubeconfig_without_the_context_stops_an_up_and_not_a_preview(engine: Engine, tmp_path: Path) -> None:
    other = tmp_path / "kubeconfig"
    document = yaml.safe_load(engine.sandbox.paths.kubeconfig.read_text())
    document["contexts"][0]["name"] = document["current-context"] = "someone-elses"
    other.write_text(yaml.safe_dump(document))
    engine.configure(separate(NEW))
    assert "CLU003" in engine.preview(env={"KUBECONFIG": str(other)})
    with pytest.raises(CommandError) as failed:
        engine.run("pulumi", "up", "--yes", "--skip-preview", "--stack", "test", env={"KUBECONFIG": str(other)})
    assert "someone-elses" in failed.value.output
    assert "DynamoPlatform" not in failed.value.output


FIVE_LINES = """
from dynamo_platform import DynamoPlatform, PlatformConfig

config = PlatformConfig(version="1.5.1", profile="development", chart="./charts/dynamo-platform-1.5.1.tgz")
DynamoPlatform("dynamo", config)
"""


@pytest.mark.slow
def test_five_lines_preview_in_an_empty_environment(sandbox: Sandbox, tmp_path: Path) -> None:
    engine = Engine(sandbox, tmp_path / "project", FIVE_LINES)
    (engine.folder / "dynamo_platform").unlink()
    charts.package(engine.folder / "charts", {"dynamo-platform": ["1.5.1"]})
    engine.run("python", "-m", "venv", ".venv")
    engine.run(".venv/bin/python", "-m", "pip", "install", "--quiet", str(CHECKOUT))
    assert engine.run(".venv/bin/dynamo-platform", "docs", "findings", "kai002").startswith("### KAI002\n")
    path = f"{engine.folder / '.venv' / 'bin'}:{engine.env['PATH']}"
    assert "+ 3 to create" in engine.preview(env={"PATH": path, "KUBECONFIG": NOWHERE})


TWO_CLUSTERS = """
import pulumi
from pulumi_kubernetes import Provider
from dynamo_platform import DynamoPlatform


class Site(pulumi.ComponentResource):
    def __init__(self, name, provider):
        super().__init__("test:index:Site", name, None, pulumi.ResourceOptions(providers=[provider]))
        DynamoPlatform(
            f"{name}-dynamo",
            {"version": "1.5.1", "profile": "development", "chart": "./charts/dynamo-platform-1.5.1.tgz"},
            pulumi.ResourceOptions(parent=self),
        )


for site in ("paris", "oslo"):
    Site(site, Provider(f"{site}-cluster", context=site, cluster_identifier=site))
"""


def test_two_clusters_in_one_program_nested_in_components(sandbox: Sandbox, tmp_path: Path) -> None:
    engine = Engine(sandbox, tmp_path / "project", TWO_CLUSTERS)
    charts.package(engine.folder / "charts", {"dynamo-platform": ["1.5.1"]})
    # The stack, and for each site the site, its provider, the platform and the release.
    assert "+ 9 to create" in engine.preview(env={"KUBECONFIG": NOWHERE})
