"""Programs that pass what is not known, and a CLI that is too old, on a real engine."""

from pathlib import Path

import pytest

from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.engine.engine import Engine

SECRET = "planted-password"
PROGRAM = f"""
import pulumi
from dynamo_platform import DynamoPlatform
from dynamo_platform.component import engine

role = pulumi.Output.from_input("arn:aws:iam::1:role/dynamo")
password = pulumi.Output.secret("{SECRET}")

def install(**settings):
    DynamoPlatform(
        "dynamo-platform",
        version="1.5.1",
        profile="development",
        kai_scheduler={{"mode": "disabled"}},
        grove={{"mode": "disabled"}},
        chart="CHART",
        **settings,
    )
"""
OUTPUTS = (
    PROGRAM
    + """
install(nats={"mode": "external", "address": password}, values={"a": [role, {"b": password}]})
"""
)
APPLIED = (
    PROGRAM
    + """
role.apply(lambda arn: install(values={"dynamo-operator": {"serviceAccount": {"annotations": {"role": arn}}}}))
"""
)
OLD = (
    PROGRAM
    + """
engine.OLDEST_CLI = "99.0.0"
install(timeout=0)
"""
)


def project(sandbox: Sandbox, folder: Path, program: str) -> Engine:
    chart = sandbox.paths.charts / "dynamo-platform-1.5.1.tgz"
    engine = Engine(sandbox, folder / "project", program.replace("CHART", str(chart)))
    engine.configure({}, charts=False)
    return engine


@pytest.mark.parametrize("command", ["preview", "up"])
def test_outputs_are_refused_before_anything_is_registered(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    engine = project(sandbox, tmp_path, OUTPUTS)
    with pytest.raises(CommandError) as failed:
        engine.preview() if command == "preview" else engine.up()
    assert "3 errors in the configuration" in failed.value.output
    for path in ("nats.address", "values.a[0]", "values.a[1].b"):
        assert f"error RUN002  {path}\n" in failed.value.output
    assert SECRET not in failed.value.output
    assert "kubernetes:" not in failed.value.output
    assert engine.releases() == {}


def test_the_value_of_an_output_can_be_waited_for(sandbox: Sandbox, tmp_path: Path) -> None:
    engine = project(sandbox, tmp_path, APPLIED)
    engine.up()
    assert engine.releases()["dynamo-platform"] == ("1.5.1", "deployed")
    engine.up("--expect-no-changes")
    engine.destroy()


def test_old_cli_is_refused_by_the_component_and_by_the_project(sandbox: Sandbox, tmp_path: Path) -> None:
    engine = project(sandbox, tmp_path, OLD)
    with pytest.raises(CommandError) as failed:
        engine.preview()
    assert "2 errors in the configuration" in failed.value.output
    assert "error RUN001  Pulumi CLI\n" in failed.value.output
    version = engine.run("pulumi", "version").strip().removeprefix("v")
    assert f"given    {version}\n" in failed.value.output

    project_file = engine.folder / "Pulumi.yaml"
    project_file.write_text(project_file.read_text().replace(">=3.244.0", ">=99.0.0"))
    with pytest.raises(CommandError, match="does not satisfy the version range"):
        engine.preview()
