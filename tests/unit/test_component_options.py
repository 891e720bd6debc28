"""The resource options of the component take precedence over its settings and its own defaults."""

from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.apiextensions import CustomResource

from dynamo_platform import DynamoPlatform, plan_of
from dynamo_platform.planning.running import COMPONENT
from tests.unit.findings import state
from tests.unit.recording import RecordingEngine
from tests.unit.test_component import CHILDREN, CONFIG, DEFAULT, DYNAMO, GROVE, KAI, PLATFORM, PRODUCTION, SEPARATE

PROTECTED = {KAI, GROVE, PLATFORM, DEFAULT, DYNAMO}


def register(engine: RecordingEngine, settings: dict[str, Any], name: str = "dp", **options: Any) -> None:
    engine.run(lambda: DynamoPlatform(name, settings, pulumi.ResourceOptions(**options)))


@pytest.mark.parametrize(
    "settings", [SEPARATE, SEPARATE | {"protect": False}, PRODUCTION], ids=["default", "setting", "production"]
)
def test_protected_component_protects_all_children(engine: RecordingEngine, settings: dict[str, Any]) -> None:
    register(engine, settings, protect=True)
    assert {each.name for each in engine.registered if not each.request.protect} == set()


def test_unprotected_component_protects_nothing_in_production(
    engine: RecordingEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="pulumi-engine"):
        engine.run(lambda: DynamoPlatform("dp", PRODUCTION, pulumi.ResourceOptions(protect=False)), preview=True)
    assert {each.name for each in engine.registered if each.request.protect} == set()
    assert "profile   production\n" in caplog.text


def test_protected_parent_protects_all_children(engine: RecordingEngine) -> None:
    def program() -> None:
        parent = pulumi.ComponentResource("t:i:T", "parent", None, pulumi.ResourceOptions(protect=True))
        DynamoPlatform("dp", SEPARATE, pulumi.ResourceOptions(parent=parent))

    engine.run(program)
    assert {each.name for each in engine.registered if not each.request.protect} == set()


def test_retain_on_delete_is_the_components(engine: RecordingEngine) -> None:
    register(engine, SEPARATE, retain_on_delete=True)
    assert engine["dp"].request.retainOnDelete
    # The engine passes it on to children that have none of their own.
    assert not any(engine[name].request.HasField("retainOnDelete") for name in CHILDREN)


@pytest.mark.parametrize(
    ("path", "ignoring"),
    [
        ("values", {KAI, GROVE, PLATFORM}),
        ('values["dynamo-operator"].image', {KAI, GROVE, PLATFORM}),
        ('["version"]', {KAI, GROVE, PLATFORM}),
        ("spec.resources.gpu", {DEFAULT, DYNAMO}),
        ("*", PROTECTED),
        ("valuesFrom", set()),
    ],
)
def test_ignored_changes_reach_the_children_that_have_the_input(
    engine: RecordingEngine, path: str, ignoring: set[str]
) -> None:
    register(engine, SEPARATE, ignore_changes=[path])
    found = {each.name: list(each.request.ignoreChanges) for each in engine.registered if each.name != "dp"}
    assert found == {name: [path] if name in ignoring else [] for name in CHILDREN}


def test_component_and_so_its_children_depend_on_what_the_options_name(engine: RecordingEngine) -> None:
    def program() -> None:
        before = CustomResource("before", api_version="v1", kind="Mine")
        DynamoPlatform("dp", SEPARATE, pulumi.ResourceOptions(depends_on=[before]))

    engine.run(program)
    assert engine["dp"].depends_on == {"before"}
    assert {engine[name].parent for name in CHILDREN} == {"dp"}


def test_transformations_see_and_change_every_child(engine: RecordingEngine) -> None:
    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        timeout = {"timeout": 5} if "timeout" in args.props else {}
        options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=False))
        return pulumi.ResourceTransformationResult({**args.props, **timeout}, options)

    register(engine, SEPARATE | {"protect": True}, transformations=[transform])
    assert engine[PLATFORM].inputs["timeout"] == 5
    assert {each.name for each in engine.registered if each.request.protect} == set()


@pytest.mark.parametrize(
    ("name", "former", "child"),
    [
        ("new", "dp", "dp-dynamo-platform"),
        ("dynamo-platform", "dp", "dp-dynamo-platform"),
        ("dp", "dynamo-platform", "dynamo-platform"),
    ],
)
@pytest.mark.parametrize("form", ["alias", "urn"])
def test_renamed_component_keeps_children_and_knows_what_it_installed(
    engine: RecordingEngine, name: str, former: str, child: str, form: str
) -> None:
    engine.state.update(state(plan_of(SEPARATE | {"version": "1.4.2"}, stack=False), former))
    alias = pulumi.Alias(name=former) if form == "alias" else f"urn:pulumi:s::p::{COMPONENT}::{former}"
    with pytest.raises(pulumi.RunError, match="UPG"):
        register(engine, SEPARATE | {"version": "1.3.0"}, name, aliases=[alias])
    register(engine, SEPARATE, name, aliases=[alias])
    aliases = {each.name: [alias.spec.name for alias in each.request.aliases] for each in engine.of_type("Release")}
    platform = "dynamo-platform" if name == "dynamo-platform" else f"{name}-dynamo-platform"
    assert aliases == {f"{name}-grove": [f"{former}-grove"], f"{name}-kai-scheduler": [f"{former}-kai-scheduler"]} | {
        platform: [child]
    }


def test_alias_without_a_name_changes_no_name(engine: RecordingEngine) -> None:
    register(engine, SEPARATE, aliases=[pulumi.Alias(type_="old:index:Platform")])
    assert not engine[CONFIG].request.aliases
