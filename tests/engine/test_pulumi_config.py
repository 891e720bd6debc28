"""Values stored with `pulumi config set` are read as intended, or the error has the command that stores them right."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from sandbox.sandbox import Sandbox
from tests.engine.engine import STACK, Engine

# What the component does with the stack's configuration, up to the plan.
READ = """
import json
import pathlib
from dynamo_platform.component.stack import read_settings
from dynamo_platform.config.reading import parse

config, findings = parse(read_settings()[0], stack=True)
settings = config.model_dump(mode="json", by_alias=True, exclude_none=True)
pathlib.Path("read.json").write_text(json.dumps([settings, [finding.as_dict() for finding in findings]]))
"""

Stored = tuple[str, str, bool]
"""A key within the namespace, its value, and whether it is set with `--path`."""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A stack whose program writes the configuration that it reads; it needs no cluster."""
    return Engine(Sandbox(tmp_path / "sandbox"), tmp_path / "project", READ)


def read(engine: Engine) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the configuration that the engine passes to the program, and its findings."""
    engine.preview()
    config, findings = json.loads((engine.folder / "read.json").read_text())
    return config, findings


def store(engine: Engine, *entries: Stored) -> None:
    for key, value, path in entries:
        flags = ["--path"] if path else []
        engine.run("pulumi", "config", "set", "--stack", STACK, *flags, "--", f"dynamo-platform:{key}", value)


def test_what_is_stored_as_it_was_meant(engine: Engine) -> None:
    store(
        engine,
        ("version", "1.5.1", False),
        ("namespace", "2024", False),
        ("kubernetesVersion", "1.30", False),
        ("protect", "false", False),
        ("timeout", "900", False),
        ("monitoring", '{"podMonitors": null}', False),
        ("accept", '["KEY001"]', False),
        ("monitoring.metricsService", "true", True),
        ("kaiScheduler.timeout", "300", True),
        ("queues[0].name", "team-a", True),
        ("queues[0].gpu.quota", "16", True),
        ("queues[0].gpu.limit", "-1", True),
        ("values.dynamo-operator.upgradeCRD", "false", True),
        ('values.dynamo-operator.controllerManager.podLabels["example.com/team"]', "ai", True),
    )
    config, findings = read(engine)
    assert findings == []
    assert config == {
        "version": "1.5.1",
        "namespace": "2024",
        "kubernetesVersion": "1.30",
        "protect": False,
        "timeout": 900,
        "accept": ["KEY001"],
        "monitoring": {"metricsService": True},
        "kaiScheduler": {"timeout": 300},
        "queues": [{"name": "team-a", "gpu": {"quota": 16, "limit": -1, "overQuotaWeight": 1}}],
        "values": {
            "dynamo-operator": {"upgradeCRD": False, "controllerManager": {"podLabels": {"example.com/team": "ai"}}}
        },
    }


def test_error_gives_the_command_that_stores_what_was_meant(engine: Engine) -> None:
    store(
        engine,
        ("timeout", "null", False),
        ("queues[0].name", "2024", True),
        ("queues[0].gpu.quota", "0.5", True),
        ("queues[0].gpu.limit", "4", True),
        ("queues[0].cpu", "null", True),
        ("monitoring.podMonitors", "null", True),
        ("grove.version", "true", True),
    )
    _, findings = read(engine)
    commands = {finding["path"]: finding["allowed"].partition("as a command: ")[2] for finding in findings}
    assert sorted(commands) == [
        "grove.version",
        "monitoring.podMonitors",
        "queues[0].cpu",
        "queues[0].gpu.quota",
        "queues[0].name",
        "timeout",
    ]
    for line in commands.values():
        for command in line.split(" && "):
            engine.run(*shlex.split(command), "--stack", STACK)
    config, findings = read(engine)
    assert findings == []
    assert config == {
        "queues": [{"name": "2024", "gpu": {"quota": 0.5, "limit": 4, "overQuotaWeight": 1}}],
        "monitoring": {},
        "grove": {"version": "true"},
    }


def test_boolean_that_was_quoted_is_stored_by_the_command(engine: Engine) -> None:
    engine.stack_file.write_text("config:\n  dynamo-platform:monitoring: {metricsService: 'true'}\n")
    [finding] = read(engine)[1]
    for command in finding["allowed"].partition("as a command: ")[2].split(" && "):
        engine.run(*shlex.split(command), "--stack", STACK)
    assert read(engine) == ({"monitoring": {"metricsService": True}}, [])


def test_comments_and_the_schema_stay_where_they_are(engine: Engine) -> None:
    head = "# yaml-language-server: $schema=schema.json\n# Ours.\nconfig:\n"
    engine.stack_file.write_text(f'{head}  dynamo-platform:version: "1.5.1"\n')
    store(engine, ("version", "1.5.2", False), ("timeout", "900", False))
    assert engine.stack_file.read_text().startswith(head)
