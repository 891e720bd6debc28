"""A stack file is read the same with and without an engine."""

import json
import shutil
import textwrap

import pytest

from dynamo_platform.config.reading import decode_stack
from dynamo_platform.config.stackfile import find_project, read_stack
from sandbox.commands import CommandError
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox
from tests.engine.engine import STACK, Engine

# The configuration from the engine, and which values are secret.
PROGRAM = """
import json, os
from pathlib import Path

names = ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS")
Path("handed-over.json").write_text(json.dumps([json.loads(os.environ[name]) for name in names]))
"""

EVERY_KIND_OF_VALUE = """
config:
  dynamo-platform:version: 1.50
  chart: 2
  dynamo-platform:profile: true
  dynamo-platform:namespace:
  dynamo-platform:protect: "true"
  dynamo-platform:timeout: 1_000
  dynamo-platform:nats: null
  dynamo-platform:accept: [KAI001, 1, 1.0, null, ~, "null"]
  kubernetes:context: elsewhere
  dynamo-platform:values:
    words: [yes, No, on, OFF, y, true, True, "true", TRUE, false]
    numbers: [1, -1, +12, 1.0, 1.5, 1.50, .5, 1., 1e3, 1E-7, 1e21, 1e22, -0, 0.0]
    bases: [0x1F, 0o17, 017, -017, 08, 0b11, 1_000]
    long: [9223372036854775807, 18446744073709551615, 99999999999999999999]
    text: [1.5.1, 1:30, 0x, 1e, 1__, ".5.", "1", '', !!str 1.5, v1, +, 2024-1, =, "é", !!int "3", !custom x]
    nothing: [null, Null, NULL, ~, {}, []]
    1: digits
    1.5: fraction
    true: word
    ~: nothing
    base: &base {a: 1, b: {c: 2}}
    merged: {<<: *base, b: 3}
    both: {<<: [{a: 1}, {a: 2, d: 4}], e: 5}
    again: *base
    folded: >-
      one
      two
    not-secret: {secure: text, beside: another}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A project whose program writes its configuration to a file; no cluster."""
    folder = tmp_path_factory.mktemp("engine")
    return Engine(Sandbox(folder / "sandbox"), folder / "project", PROGRAM)


@pytest.fixture
def engine(project: Engine) -> Engine:
    """The project with its own project file, and no stack file."""
    shutil.copy(CHECKOUT / "Pulumi.yaml", project.folder)
    project.stack_file.unlink(missing_ok=True)
    return project


def handed_over(engine: Engine) -> tuple[dict[str, str], set[str]]:
    engine.preview()
    config, secret = json.loads((engine.folder / "handed-over.json").read_text())
    prefix = "dynamo-platform:"
    return (
        {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)},
        {key.removeprefix(prefix) for key in secret},
    )


def test_every_kind_of_value_is_read_as_the_engine_hands_it_over(engine: Engine) -> None:
    engine.stack_file.write_text(EVERY_KIND_OF_VALUE)
    raw, _ = handed_over(engine)

    read = read_stack(find_project(engine.folder), STACK)

    assert read.problems == ()
    assert json.dumps(read.settings, sort_keys=True) == json.dumps(decode_stack(raw), sort_keys=True)


def test_project_configuration_goes_into_every_stack(engine: Engine) -> None:
    project = engine.folder / "Pulumi.yaml"
    project.write_text(
        project.read_text()
        + textwrap.dedent("""
            config:
              dynamo-platform:profile: development
              dynamo-platform:version: {value: "1.5.1"}
              dynamo-platform:namespace: {value: not-used}
              timeout: {type: integer, default: 60}
              dynamo-platform:kaiScheduler: {value: {mode: separate, version: v0.17.0}}
        """)
    )
    engine.stack_file.write_text("config: {dynamo-platform:namespace: own}\n")
    raw, _ = handed_over(engine)

    read = read_stack(find_project(engine.folder), STACK)

    assert read.settings == decode_stack(raw)
    assert read.settings["namespace"] == "own"
    assert read.settings["timeout"] == 60


def test_encrypted_values_are_secret_to_the_engine(engine: Engine) -> None:
    engine.stack_file.write_text('config: {dynamo-platform:version: "1.5.1"}\n')
    engine.run("pulumi", "config", "set", "--secret", "dynamo-platform:namespace", "x")
    engine.run("pulumi", "config", "set", "--secret", "--path", "dynamo-platform:values.global.token", "x")
    _, secret = handed_over(engine)

    read = read_stack(find_project(engine.folder), STACK)

    assert {finding.path for finding in read.problems if finding.code == "CFG004"} == secret == {"namespace", "values"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("config:\n\tdynamo-platform:version: x\n", id="tab"),
        pytest.param("config: [\n", id="not YAML"),
        pytest.param("config:\n  dynamo-platform:grove: {mode: bundled, mode: separate}\n", id="twice"),
        pytest.param("config:\n  dynamo-platform:version: x\n  dynamo-platform:version: x\n", id="twice at the top"),
        pytest.param("config:\n  dynamo-platform:values: {a: .inf}\n", id="infinite"),
        pytest.param("config: 5\n", id="number for the settings"),
        pytest.param("- config\n", id="list"),
    ],
)
def test_what_the_engine_refuses_is_refused(engine: Engine, text: str) -> None:
    engine.stack_file.write_text(text)
    with pytest.raises(CommandError):
        engine.run("pulumi", "config", "--stack", STACK)

    assert read_stack(find_project(engine.folder), STACK).settings is None
