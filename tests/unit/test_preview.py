"""The objects in a preview: the component with charts that render, and with charts that do not."""

import logging
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes import Provider

from dynamo_platform import DynamoPlatform
from tests.unit.local_charts import write_chart
from tests.unit.recording import RecordingEngine

SETTINGS: dict[str, Any] = {"version": "1.5.1", "profile": "development", "grove": {"mode": "disabled"}}
SEPARATE = SETTINGS | {"kai_scheduler": {"mode": "separate"}}
URN = "urn:pulumi:stack::project::dynamo-platform:index:DynamoPlatform::dynamo"


def service(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}}


def run(engine: RecordingEngine, *, preview: bool = True, **settings: Any) -> None:
    engine.run(lambda: DynamoPlatform("dynamo", **settings), preview=preview)


def messages(caplog: pytest.LogCaptureFixture, start: str) -> list[str]:
    return [record.message for record in caplog.records if record.message.startswith(start)]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="pulumi-engine")
    return caplog


def test_objects_are_compared_with_those_of_the_last_update(
    engine: RecordingEngine, logged: pytest.LogCaptureFixture
) -> None:
    before = {"dynamo-platform": {"v1 Service dynamo-system/a": "000000000000", "v1 Service dynamo-system/b": "0"}}
    engine.state[URN] = {"type": "", "outputs": {"objects": before}}
    engine.manifests["dynamo-platform"] = [service("a"), service("c")]
    run(engine, **SETTINGS)
    (message,) = messages(logged, "objects")
    assert message.splitlines() == [
        "objects   1 added, 1 changed, 1 removed",
        "  ~ Service dynamo-system/a",
        "  - Service dynamo-system/b",
        "  + Service dynamo-system/c",
        "  not shown: objects created by operators and hook Jobs",
    ]


def test_objects_of_another_component_do_not_count(engine: RecordingEngine, logged: pytest.LogCaptureFixture) -> None:
    engine.state[f"{URN}-of-another"] = {"type": "", "outputs": {"objects": {"x": {"v1 Service a": "0"}}}}
    run(engine, **SETTINGS)
    assert [text.splitlines()[0] for text in messages(logged, "objects")] == ["objects   0 new: dynamo-platform 0"]


def test_the_template_is_what_the_release_installs(engine: RecordingEngine) -> None:
    run(engine, **SEPARATE)
    release = engine["dynamo-dynamo-platform"].inputs
    asked = [options for options in engine.templates if options["release_name"] == "dynamo-platform"]
    assert [options["values"] for options in asked] == [release["values"]] * 2
    assert {(options["chart"], options["version"], options["namespace"]) for options in asked} == {
        (release["chart"], release["version"], release["namespace"])
    }
    assert {options["fetch_opts"]["repo"] for options in asked} == {release["repositoryOpts"]["repo"]}


def test_no_api_versions_come_from_a_cluster(engine: RecordingEngine) -> None:
    run(engine, **SETTINGS)
    asked = sorted(options["api_versions"] for options in engine.templates)
    assert asked == [["v1"], ["v1", "monitoring.coreos.com/v1"]]
    assert {options["kube_version"] for options in engine.templates} == {"1.33"}


def test_given_api_versions_leave_no_optional_api_open(engine: RecordingEngine) -> None:
    run(engine, **SETTINGS, api_versions=["monitoring.coreos.com/v1"], kubernetes_version="1.31")
    assert [options["api_versions"] for options in engine.templates] == [["v1", "monitoring.coreos.com/v1"]] * 2
    assert {options["kube_version"] for options in engine.templates} == {"1.31"}


def test_every_chart_that_cannot_be_rendered_is_reported_and_nothing_is_registered(engine: RecordingEngine) -> None:
    failed = "failed to create chart from template: execution error at (a.yaml:1:1): global.kai-scheduler is odd"
    engine.manifests["dynamo-platform"] = failed
    engine.manifests["kai-scheduler"] = "failed to pull chart: no such host"
    with pytest.raises(pulumi.RunError) as report:
        run(engine, **SEPARATE)
    text = str(report.value)
    assert text.startswith("2 errors in the configuration of dynamo-platform; nothing was changed")
    assert "error REN001  values.global.kai-scheduler" in text
    assert "error REN003  kaiScheduler.chart" in text
    assert not engine.of_type("Release")


def test_a_template_that_looks_up_an_object_is_a_warning(
    engine: RecordingEngine, logged: pytest.LogCaptureFixture
) -> None:
    engine.manifests["dynamo-platform"] = (
        "failed to create chart from template: at <lookup>: Secret pull not found in namespace dynamo-system"
    )
    run(engine, **SETTINGS)
    assert len(messages(logged, "warning REN002  values")) == 1
    assert engine.of_type("Release")


def test_objects_that_cannot_be_rendered_are_those_of_the_last_update(
    engine: RecordingEngine, logged: pytest.LogCaptureFixture
) -> None:
    engine.state[URN] = {"type": "", "outputs": {"objects": {"dynamo-platform": {"v1 Service dynamo-system/a": "0"}}}}
    engine.manifests["dynamo-platform"] = None
    run(engine, **SETTINGS)
    assert len(messages(logged, "note REN004  values")) == 1
    assert [text.splitlines()[0] for text in messages(logged, "objects")] == ["objects   1 unchanged"]


def test_nothing_is_rendered_if_previews_of_objects_are_off(
    engine: RecordingEngine, logged: pytest.LogCaptureFixture
) -> None:
    run(engine, **SETTINGS, preview_objects=False)
    assert engine.templates == []
    assert messages(logged, "objects") == []


def test_the_provider_of_the_release_renders(engine: RecordingEngine) -> None:
    engine.run(
        lambda: DynamoPlatform(
            "dynamo", **SETTINGS, opts=pulumi.ResourceOptions(provider=Provider("there", context="there"))
        )
    )
    assert {provider.split("::")[-2] for provider in engine.providers} == {"there"}


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "queues.scheduling.run.ai"},
    "spec": {"versions": [{"name": "v2", "served": True, "storage": True}]},
}


def outputs(engine: RecordingEngine, **settings: Any) -> dict[str, Any]:
    """The component's outputs after an update."""
    run(engine, preview=False, **settings)
    found: dict[str, Any] = engine.outputs["dynamo"]
    return found


def test_crds_of_a_chart_are_rendered_once(engine: RecordingEngine, logged: pytest.LogCaptureFixture) -> None:
    engine.crds["dynamo-platform"] = [CRD]
    engine.state[URN] = {"type": "", "outputs": outputs(engine, **SETTINGS)}
    engine.templates.clear()
    run(engine, **SETTINGS)
    assert [options["skip_crd_rendering"] for options in engine.templates] == [True, True]
    assert messages(logged, "objects")[-1].splitlines()[0] == "objects   1 unchanged"


@pytest.mark.parametrize("other", [{"version": "1.5.0"}, {"kai_scheduler": {"mode": "disabled"}}])
def test_crds_of_another_chart_are_rendered_again(engine: RecordingEngine, other: dict[str, Any]) -> None:
    engine.crds["dynamo-platform"] = [CRD]
    engine.state[URN] = {"type": "", "outputs": outputs(engine, **SETTINGS)}
    engine.templates.clear()
    run(engine, **SETTINGS | other)
    assert sorted(options["skip_crd_rendering"] for options in engine.templates) == [False, True]


def test_crds_of_a_local_chart_are_rendered_again_when_it_changes(engine: RecordingEngine, tmp_path: Path) -> None:
    crds = tmp_path / "chart" / "crds"
    crds.mkdir(parents=True)
    write_chart(crds.parent, "dynamo-platform", SETTINGS["version"])
    settings = SETTINGS | {"chart": str(crds.parent)}
    engine.crds["dynamo-platform"] = [CRD]
    asked = []
    for text in ("a", "a", "b"):
        (crds / "queues.yaml").write_text(text)
        engine.templates.clear()
        engine.state[URN] = {"type": "", "outputs": outputs(engine, **settings)}
        asked.append(sorted(options["skip_crd_rendering"] for options in engine.templates))
    assert asked == [[False, True], [True, True], [False, True]]


def test_crds_of_the_charts_folder_stay_in_the_cluster(engine: RecordingEngine) -> None:
    engine.crds["dynamo-platform"] = [CRD]
    objects = outputs(engine, **SETTINGS)["objects"]["dynamo-platform"]
    assert [text.split(" ")[1:] for text in objects.values()] == [["kept", "versions=v2*"]]


def test_the_objects_are_an_output(engine: RecordingEngine) -> None:
    engine.manifests["dynamo-platform"] = [service("a")]
    found: list[Any] = []

    def program() -> None:
        DynamoPlatform("dynamo", **SETTINGS).objects.apply(found.append)

    engine.run(program)
    (objects,) = found
    assert type(objects) is dict
    assert list(objects["dynamo-platform"]) == ["v1 Service dynamo-system/a"]
