"""Outputs and other values of a program that cannot be planned, and a CLI that is too old."""

import asyncio
import re
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from dynamo_platform import DynamoPlatform, PlatformConfig
from dynamo_platform.component import engine as engines
from dynamo_platform.component.inputs import known_settings
from tests.unit.recording import RecordingEngine
from tests.unit.test_component import PLATFORM, SEPARATE

CHECKOUT = Path(__file__).parents[2]
SECRET = "planted-password"


def output() -> Any:
    return pulumi.Output.from_input("arn:aws:iam::1:role/dynamo")


def everywhere(value: Any) -> dict[str, Any]:
    """Settings with the value in each kind of place."""
    return {
        "profile": "development",
        "version": value,
        "accept": ["VER005", value],
        "queues": [{"name": "team-a", "gpu": {"quota": value, "limit": 1}}, {"name": value}, value],
        "nats": {"mode": "external", "address": value},
        "etcd": value,
        "values": {"a": {"b": [1, {"c": [value]}]}, value: 1},
        "kai_scheduler": {"mode": "separate", "values": value},
        "grove": {"mode": "separate", "values": {"deployment": {"env": [{"value": value}]}}},
    }


EVERYWHERE = [
    "RUN002  accept[1]",
    "RUN002  etcd",
    "RUN002  grove.values.deployment.env[0].value",
    "RUN002  kai_scheduler.values",
    "RUN002  nats.address",
    "RUN002  queues[0].gpu.quota",
    "RUN002  queues[1].name",
    "RUN002  queues[2]",
    "RUN002  values",
    "RUN002  values.a.b[1].c[0]",
    "RUN002  version",
]


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("preview_objects", [True, False])
@pytest.mark.parametrize("secret", [True, False])
@pytest.mark.parametrize("form", ["mapping", "keywords"])
def test_outputs_everywhere_are_one_report(
    engine: RecordingEngine, preview: bool, preview_objects: bool, secret: bool, form: str
) -> None:
    def program() -> None:
        value = pulumi.Output.secret(SECRET) if secret else output()
        settings = everywhere(value) | {"preview_objects": preview_objects}
        if form == "mapping":
            DynamoPlatform("dp", settings)
        else:
            DynamoPlatform("dp", **settings)

    with pytest.raises(pulumi.RunError) as caught:
        engine.run(program, preview=preview)
    found = re.findall(r"^error (\S+  .*)$", str(caught.value), re.MULTILINE)
    assert found == EVERYWHERE
    assert SECRET not in str(caught.value)
    assert engine.registered == []


def test_outputs_in_a_model_are_found(engine: RecordingEngine) -> None:
    def program() -> None:
        values = {"serviceAccount": {"annotations": {"role": output()}}}
        DynamoPlatform("dp", PlatformConfig(version="1.5.1", profile="development", values=values))

    with pytest.raises(pulumi.RunError, match=r"error RUN002  values\.serviceAccount\.annotations\.role\n"):
        engine.run(program)
    assert engine.registered == []


def test_other_findings_are_in_the_same_report(engine: RecordingEngine) -> None:
    def program() -> None:
        DynamoPlatform("dp", SEPARATE | {"values": {"a": output()}, "timeout": 0, "nats": {"mode": "own"}})

    with pytest.raises(pulumi.RunError, match="3 errors") as caught:
        engine.run(program)
    assert re.findall(r"^error (\S+)  (\S+)$", str(caught.value), re.MULTILINE) == [
        ("CFG002", "nats.mode"),
        ("CFG002", "timeout"),
        ("RUN002", "values.a"),
    ]


@pytest.mark.parametrize("kind", ["future", "resource"])
def test_awaitables_and_resources_are_not_known_either(engine: RecordingEngine, kind: str) -> None:
    def program() -> None:
        value: Any = asyncio.Future() if kind == "future" else pulumi.ComponentResource("t:i:T", "role")
        DynamoPlatform("dp", SEPARATE | {"values": {"a": value}})

    with pytest.raises(pulumi.RunError, match=r"error RUN002  values\.a\n"):
        engine.run(program)


@pytest.mark.parametrize("value", [date(2026, 1, 31), {1, 2}, b"text", object(), Path("charts")])
def test_chart_values_are_plain_data(value: Any) -> None:
    _, findings = known_settings({"grove": {"values": {"a": [value]}}, "chart": value})
    assert [(each.code, each.path) for each in findings] == [("RUN003", "grove.values.a[0]")]


@pytest.mark.parametrize("value", ["text", 1, 1.5, True, None, [], (), {}, {"a": [None]}])
def test_plain_data_is_left_as_it_is(value: Any) -> None:
    settings = {"values": {"a": value}, "version": "1.5.1"}
    plain, findings = known_settings(settings)
    assert (plain, findings) == (settings | {"values": {"a": [] if value == () else value}}, [])


def test_a_known_value_of_an_output_installs_the_platform(engine: RecordingEngine) -> None:
    def program() -> None:
        output().apply(lambda arn: DynamoPlatform("dp", SEPARATE | {"values": {"a": arn}}))

    engine.run(program)
    assert engine[PLATFORM].inputs["values"]["a"] == "arn:aws:iam::1:role/dynamo"


# The CLI


@pytest.mark.parametrize(
    ("refusal", "given"),
    [
        ('Pulumi CLI version 3.243.0 does not satisfy the version range ">=3.244.0"', "3.243.0"),
        (
            "The installed version of the CLI does not support the `RequirePulumiVersion` RPC.",
            "a version that is too old",
        ),
    ],
)
def test_old_cli_is_an_error_beside_the_others(
    engine: RecordingEngine, monkeypatch: pytest.MonkeyPatch, refusal: str, given: str
) -> None:
    def require(_: str) -> None:
        raise Exception(refusal)  # noqa: TRY002  as the SDK does

    monkeypatch.setattr(engines, "is_mocked", lambda: False)
    monkeypatch.setattr(pulumi, "require_pulumi_version", require)
    with pytest.raises(pulumi.RunError) as caught:
        engine.run(lambda: DynamoPlatform("dp", SEPARATE | {"timeout": 0}))
    assert re.findall(r"^error (\S+)", str(caught.value), re.MULTILINE) == ["RUN001", "CFG002"]
    assert f"given    {given}" in str(caught.value)
    assert engine.registered == []


def test_component_project_and_package_require_the_same_version(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(engines, "is_mocked", lambda: False)
    monkeypatch.setattr(pulumi, "require_pulumi_version", asked.append)
    assert engines.check_cli() == []
    project = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert asked == [project["requiredPulumiVersion"]]
    package = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"pulumi{asked[0].removesuffix(".0")},<4"' in package
