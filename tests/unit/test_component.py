"""What the component registers, as it goes over the wire."""

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.proto import resource_pb2
from pulumi_kubernetes.apiextensions import CustomResource

from dynamo_platform import DynamoPlatform, PlatformConfig, plan_of
from dynamo_platform.catalog import load
from dynamo_platform.component import stack
from dynamo_platform.component.outputs import OUTPUTS, STACK_OUTPUTS
from dynamo_platform.config.model import GroveConfig, KaiSchedulerConfig
from dynamo_platform.planning.running import COMPONENT
from tests.unit.findings import state
from tests.unit.recording import RecordingEngine

SEPARATE: dict[str, Any] = {
    "version": "1.5.1",
    "profile": "development",
    "kai_scheduler": {"mode": "separate"},
    "grove": {"mode": "separate"},
}
BUNDLED: dict[str, Any] = {"version": "1.5.1", "profile": "development"}
PRODUCTION: dict[str, Any] = {
    "version": "1.5.1",
    "profile": "production",
    "cluster": {"context": "eu"},
    "kai_scheduler": {"version": "v0.17.0"},
    "grove": {"version": "v0.1.0-alpha.13"},
}

KAI, CONFIG, SHARD, WEBHOOK = "dp-kai-scheduler", "dp-kai-config", "dp-kai-shard", "dp-kai-queue-controller"
DEFAULT, DYNAMO, GROVE, PLATFORM = "dp-dynamo-default", "dp-dynamo", "dp-grove", "dp-dynamo-platform"
CHILDREN = [KAI, CONFIG, SHARD, WEBHOOK, DEFAULT, DYNAMO, GROVE, PLATFORM]


def register(**settings: Any) -> Callable[[], object]:
    return lambda: DynamoPlatform("dp", settings)


# Order, options and inputs


def test_children_depend_on_what_comes_before_them(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    assert {name: engine[name].depends_on for name in CHILDREN} == {
        KAI: set(),
        CONFIG: {KAI},
        SHARD: {CONFIG},
        WEBHOOK: {SHARD},
        DEFAULT: {WEBHOOK},
        DYNAMO: {WEBHOOK, DEFAULT},
        GROVE: set(),
        PLATFORM: {KAI, CONFIG, SHARD, WEBHOOK, DEFAULT, DYNAMO, GROVE},
    }
    assert {engine[name].parent for name in CHILDREN} == {"dp"}
    assert len(engine.registered) == len(CHILDREN) + 1


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("dp", "dynamo-platform:index:DynamoPlatform"),
        (KAI, "kubernetes:helm.sh/v3:Release"),
        (CONFIG, "kubernetes:kai.scheduler/v1:ConfigPatch"),
        (SHARD, "kubernetes:kai.scheduler/v1:SchedulingShardPatch"),
        (WEBHOOK, "kubernetes:apps/v1:DeploymentPatch"),
        (DYNAMO, "kubernetes:scheduling.run.ai/v2:Queue"),
        (PLATFORM, "kubernetes:helm.sh/v3:Release"),
    ],
)
def test_resources_have_pulumis_types(engine: RecordingEngine, name: str, type_: str) -> None:
    engine.run(register(**SEPARATE))
    assert engine[name].type == type_


def test_release_is_asked_for_with_every_setting_that_bites(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    inputs = engine[PLATFORM].inputs
    values = inputs.pop("values")
    assert inputs == {
        "name": "dynamo-platform",
        "namespace": "dynamo-system",
        "createNamespace": True,
        "chart": "dynamo-platform",
        "repositoryOpts": {"repo": "https://helm.ngc.nvidia.com/nvidia/ai-dynamo"},
        "version": "1.5.1",
        "timeout": 600,
        "maxHistory": 10,
        "resetValues": True,
        "disableWebhooks": True,
        "disableCRDHooks": True,
        "compat": "true",
    }
    assert values["global"]["kai-scheduler"] == {"install": False, "enabled": True}
    assert engine[PLATFORM].request.deleteBeforeReplace


def test_oci_chart_comes_without_repository(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    assert engine[KAI].inputs["chart"] == "oci://ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler"
    assert "repositoryOpts" not in engine[KAI].inputs


@pytest.mark.parametrize(
    ("kai", "hooks"), [("separate", False), ("external", False), ("bundled", True), ("disabled", True)]
)
def test_both_hook_switches_follow_who_owns_the_queues(engine: RecordingEngine, kai: str, hooks: bool) -> None:
    engine.run(register(**BUNDLED, kai_scheduler={"mode": kai}))
    inputs = engine[PLATFORM].inputs
    assert (inputs["disableWebhooks"], inputs["disableCRDHooks"]) == (not hooks, not hooks)


def test_hooks_of_kai_and_grove_run(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    for name in (KAI, GROVE):
        assert (engine[name].inputs["disableWebhooks"], engine[name].inputs["disableCRDHooks"]) == (False, False)


def test_null_in_values_reaches_helm(engine: RecordingEngine) -> None:
    engine.run(register(**BUNDLED, values={"dynamo-operator": {"image": {"tag": None}}}))
    operator = engine[PLATFORM].inputs["values"]["dynamo-operator"]
    assert operator["image"] == {"tag": None}


def test_auto_monitoring_puts_no_null_on_the_wire(engine: RecordingEngine) -> None:
    engine.run(register(**BUNDLED, monitoring={"pod_monitors": None, "metrics_service": True}))
    operator = engine[PLATFORM].inputs["values"]["dynamo-operator"]
    assert operator == {"discoveryBackend": "kubernetes", "metricsService": {"enabled": True}}


def waited_for(inputs: dict[str, Any]) -> tuple[str, list[str]]:
    """Take a gate's annotations out of its inputs: its stamp, and what it waits for."""
    annotations = inputs["metadata"].pop("annotations")
    assert annotations.keys() == {"dynamo-platform/waited-for", "pulumi.com/waitFor"}
    return annotations["dynamo-platform/waited-for"], json.loads(annotations["pulumi.com/waitFor"])


def seen(stamp: str) -> str:
    """The condition that the object is the patched one."""
    return f"jsonpath={{.metadata.annotations['dynamo-platform/waited-for']}}={stamp}"


def test_gate_waits_for_the_condition_as_long_as_kai_may_take(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE | {"kai_scheduler": {"mode": "separate", "timeout": 90}}))
    inputs = engine[CONFIG].inputs
    stamp, conditions = waited_for(inputs)
    assert stamp.startswith("v0.17.2 ")
    assert conditions == [seen(stamp), "condition=Available"]
    assert inputs == {"apiVersion": "kai.scheduler/v1", "kind": "Config", "metadata": {"name": "kai-config"}}
    for name in (CONFIG, SHARD, WEBHOOK):
        timeouts = engine[name].request.customTimeouts
        assert (timeouts.create, timeouts.update) == ("90s", "90s")


def test_webhook_gate_waits_for_the_rollout_and_patches_annotations_alone(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    inputs = engine[WEBHOOK].inputs
    stamp, conditions = waited_for(inputs)
    newest = "@.type=='Progressing' && $.status.observedGeneration==$.metadata.generation"
    rolled_out = f"jsonpath={{.status.conditions[?({newest})].reason}}=NewReplicaSetAvailable"
    assert conditions == [seen(stamp), "condition=Available", rolled_out]
    assert inputs == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": load().kai_scheduler.gates[-1].object_name, "namespace": "kai-scheduler"},
    }


def test_queue_writes_every_number(engine: RecordingEngine) -> None:
    gpu = {"quota": 16, "limit": 32, "over_quota_weight": 2}
    engine.run(register(**SEPARATE, queues=[{"name": "team-a", "parent": "dynamo-default", "gpu": gpu}]))
    unlimited = {"quota": -1, "limit": -1, "overQuotaWeight": 1}
    assert engine["dp-team-a"].inputs == {
        "apiVersion": "scheduling.run.ai/v2",
        "kind": "Queue",
        "metadata": {"name": "team-a", "annotations": {"pulumi.com/patchForce": "true"}},
        "spec": {
            "parentQueue": "dynamo-default",
            "resources": {
                "cpu": unlimited,
                "gpu": {"quota": 16, "limit": 32, "overQuotaWeight": 2},
                "memory": unlimited,
            },
        },
    }


def test_a_state_that_is_being_written_is_read_again(engine: RecordingEngine) -> None:
    engine.unreadable += ["failed to load checkpoint: EOF"] * 2
    engine.run(register(**SEPARATE))
    assert PLATFORM in {each.name for each in engine.registered}


@pytest.mark.parametrize("reasons", [["no such stack"], ["failed to load checkpoint: EOF"] * 100])
def test_a_state_that_cannot_be_read_is_an_error(
    engine: RecordingEngine, monkeypatch: pytest.MonkeyPatch, reasons: list[str]
) -> None:
    monkeypatch.setattr(stack, "READ_PAUSE_SECONDS", 0)
    engine.unreadable += reasons
    with pytest.raises(Exception, match=reasons[0]):
        engine.run(register(**SEPARATE))
    assert engine.registered == []


def test_queues_that_the_charts_hook_made_are_imported(engine: RecordingEngine) -> None:
    team = {"name": "team-a", "parent": "dynamo-default"}
    engine.state.update(state(plan_of({"version": "1.5.1", "profile": "development"}, stack=True)))
    engine.run(register(**SEPARATE, queues=[team], accept=["UPG013"]))
    imported = {each.name: each.request.importId for each in engine.of_type("Queue")}
    assert imported == {DEFAULT: "dynamo-default", DYNAMO: "dynamo", "dp-team-a": ""}


def test_queues_of_a_new_stack_are_made(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    assert {each.request.importId for each in engine.of_type("Queue")} == {""}


@pytest.mark.parametrize(
    ("settings", "protected"),
    [
        (PRODUCTION, {KAI, GROVE, PLATFORM, DEFAULT, DYNAMO}),
        (PRODUCTION | {"protect": False}, set()),
        (SEPARATE, set()),
        (SEPARATE | {"protect": True}, {KAI, GROVE, PLATFORM, DEFAULT, DYNAMO}),
    ],
    ids=["production", "production unprotected", "development", "development protected"],
)
def test_releases_and_queues_are_protected(
    engine: RecordingEngine, settings: dict[str, Any], protected: set[str]
) -> None:
    engine.run(register(**settings))
    assert {each.name for each in engine.registered if each.request.protect} == protected


# Outputs


@pytest.mark.parametrize("preview", [False, True])
def test_outputs_say_what_is_installed(engine: RecordingEngine, preview: bool) -> None:
    seen: dict[str, Any] = {}

    def program() -> None:
        platform = DynamoPlatform("dp", SEPARATE | {"version": "1.5.2"})
        for name in STACK_OUTPUTS:
            output: pulumi.Output[Any] = getattr(platform, name)
            output.apply(partial(seen.__setitem__, name))

    engine.run(program, preview=preview)
    assert seen["versions"] == {"kai-scheduler": "v0.17.2", "grove": "v0.1.0-alpha.13", "dynamo-platform": "1.5.2"}
    assert set(seen["statuses"].values()) == {"deployed"}
    assert seen["namespaces"]["dynamo-platform"] == "dynamo-system"
    assert seen["queues"] == ["dynamo-default", "dynamo"]
    assert [(finding["code"], finding["severity"]) for finding in seen["findings"]] == [
        ("VER005", "warning"),
        ("DEP008", "note"),
    ]


def test_plan_is_logged_and_warnings_are_warnings(engine: RecordingEngine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="pulumi-engine"):
        engine.run(register(**SEPARATE | {"version": "1.5.2"}), preview=True)
    plan, *_ = [record.message for record in caplog.records if record.levelname == "INFO"]
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "release   dynamo-platform 1.5.2" in plan
    assert warning.startswith("warning VER005  version")


def test_nothing_is_rendered_before_the_component_is_registered(
    engine: RecordingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_resource, templates_before = engine.RegisterResource, []

    def slow(request: resource_pb2.RegisterResourceRequest) -> Any:
        if request.type == COMPONENT:
            time.sleep(0.1)
            templates_before.append(len(engine.templates))
        return register_resource(request)

    monkeypatch.setattr(engine, "RegisterResource", slow)
    engine.run(register(**SEPARATE), preview=True)
    assert templates_before == [0]
    assert engine.templates


def test_an_update_logs_its_warnings_and_not_the_plan(
    engine: RecordingEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="pulumi-engine"):
        engine.run(register(**SEPARATE | {"version": "1.5.2"}))
    logged = [record.message.split()[0] for record in caplog.records]
    assert sorted(logged) == ["note", "objects", "warning"]


def test_outputs_are_registered_with_the_charts_for_the_next_preview(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    assert set(engine.outputs["dp"]) == {*OUTPUTS, "charts"}


def test_readme_lists_the_outputs() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"The outputs are (.*?), which is too large", readme, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(OUTPUTS)


# Children and provider


def created(
    engine: RecordingEngine, settings: dict[str, Any], opts: pulumi.ResourceOptions | None = None
) -> DynamoPlatform:
    found: list[DynamoPlatform] = []
    engine.run(lambda: found.append(DynamoPlatform("dp", settings, opts)))
    return found[0]


def test_children_are_attributes_by_name(engine: RecordingEngine) -> None:
    platform = created(engine, SEPARATE)
    resources = {**platform.releases, **platform.gates, **platform.queue_resources}
    assert list(platform.releases) == ["kai-scheduler", "grove", "dynamo-platform"]
    assert list(platform.gates) == ["kai-config", "kai-shard", "kai-queue-controller"]
    assert list(platform.queue_resources) == ["dynamo-default", "dynamo"]
    assert {f"dp-{name}": resource.pulumi_resource_name for name, resource in resources.items()} == {
        name: name for name in CHILDREN
    }
    for resource in resources.values():
        assert engine[resource.pulumi_resource_name].type == resource.pulumi_resource_type


def test_subcharts_are_no_children(engine: RecordingEngine) -> None:
    platform = created(engine, BUNDLED)
    assert list(platform.releases) == ["dynamo-platform"]
    assert (platform.gates, platform.queue_resources) == ({}, {})


def test_a_resource_can_depend_on_a_release(engine: RecordingEngine) -> None:
    def program() -> None:
        platform = DynamoPlatform("dp", PRODUCTION)
        options = pulumi.ResourceOptions(depends_on=[platform.releases["grove"]], provider=platform.provider)
        CustomResource("mine", api_version="v1", kind="Mine", opts=options)

    engine.run(program)
    assert (engine["mine"].depends_on, engine["mine"].provider) == ({GROVE}, "dp-cluster")


def test_provider_is_none_for_the_default_one(engine: RecordingEngine) -> None:
    assert created(engine, SEPARATE).provider is None


# The four ways to pass the configuration

MODEL = PlatformConfig(
    version="1.5.1",
    profile="development",
    kai_scheduler=KaiSchedulerConfig(mode="separate"),
    grove=GroveConfig(mode="separate"),
)
STACK = {
    "dynamo-platform:version": "1.5.1",
    "dynamo-platform:profile": "development",
    "dynamo-platform:kaiScheduler": '{"mode":"separate"}',
    "dynamo-platform:grove": '{"mode":"separate"}',
    "other-project:key": "not ours",
}


def recorded(program: Callable[[], object], config: Mapping[str, str] | None = None) -> list[tuple[str, Any]]:
    engine = RecordingEngine()
    engine.run(program, config=config)
    return sorted((each.name, each.inputs) for each in engine.registered)


@pytest.mark.parametrize(
    ("program", "config"),
    [
        (lambda: DynamoPlatform("dp", SEPARATE), None),
        (lambda: DynamoPlatform("dp", **SEPARATE), None),
        (lambda: DynamoPlatform("dp"), STACK),
    ],
    ids=["dict", "keyword arguments", "stack configuration"],
)
@pytest.mark.usefixtures("engine")
def test_each_way_registers_what_the_model_does(
    program: Callable[[], object], config: Mapping[str, str] | None
) -> None:
    assert recorded(program, config) == recorded(lambda: DynamoPlatform("dp", MODEL))


def test_configuration_from_the_environment_is_read_too(
    engine: RecordingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(STACK))
    engine.run(lambda: DynamoPlatform("dp"))
    assert engine[PLATFORM].inputs["version"] == "1.5.1"


def test_config_and_keyword_arguments_exclude_each_other(engine: RecordingEngine) -> None:
    with pytest.raises(TypeError, match="not both"):
        engine.run(lambda: DynamoPlatform("dp", MODEL, version="1.5.1"))


def test_options_are_not_a_configuration() -> None:
    with pytest.raises(TypeError, match="pass resource options as opts=…"):
        DynamoPlatform("dp", pulumi.ResourceOptions())  # type: ignore[arg-type]


PLAIN_MOCKS = """
import pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return args.name, args.inputs

    def call(self, args):
        return {}

pulumi.runtime.set_mocks(Mocks(), preview=False)

from dynamo_platform import DynamoPlatform

@pulumi.runtime.test
def test():
    platform = DynamoPlatform("dp", {"version": "1.5.1", "profile": "development"})
    return platform.versions.apply(print)

test()
"""


def test_mocks_of_a_program_need_not_know_releases() -> None:
    done = subprocess.run([sys.executable, "-c", PLAIN_MOCKS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "{'dynamo-platform': None}\n"), done.stderr
