"""The plan: what is done, in what order, from where; a pure function that needs no Pulumi."""

import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamo_platform import Plan, plan_of
from dynamo_platform.planning.explanation import explain_steps
from dynamo_platform.planning.model import Gate, Release
from tests.unit.local_charts import write_chart

MODES = ("separate", "bundled", "external", "disabled")
# Grove separate while KAI Scheduler is bundled cannot be planned: GRV001.
PAIRS = [pair for pair in product(MODES, MODES) if pair != ("bundled", "separate")]

KAI_GATES = ["kai-config", "kai-shard", "kai-queue-controller"]


def planned(kai: str = "separate", grove: str = "separate", /, **settings: Any) -> Plan:
    """A development stack; ``settings`` are stack keys, those of KAI Scheduler and Grove beside their modes."""
    page: dict[str, Any] = {"version": "1.5.1", "profile": "development"} | settings
    page["kaiScheduler"] = {"mode": kai} | settings.get("kaiScheduler", {})
    page["grove"] = {"mode": grove} | settings.get("grove", {})
    return plan_of(page, stack=True)


def names(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def gates(plan: Plan) -> list[Gate]:
    return [step for step in plan.steps if isinstance(step, Gate)]


def release(plan: Plan, name: str) -> Release:
    return next(each for each in plan.releases if each.name == name)


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {step.name: step.depends_on for step in plan.steps}


# Order

OWNED = [*KAI_GATES, "dynamo-default", "dynamo"]
OWNED_EXTERNAL = ["kai-queue-controller", "kai-config", "dynamo-default", "dynamo"]


@pytest.mark.parametrize(("kai", "grove"), PAIRS)
def test_steps_of_each_mode_pair(kai: str, grove: str) -> None:
    before = {"separate": ["kai-scheduler", *OWNED], "external": OWNED_EXTERNAL}.get(kai, [])
    assert names(planned(kai, grove)) == [*before, *(["grove"] if grove == "separate" else []), "dynamo-platform"]


@pytest.mark.parametrize(("kai", "grove"), PAIRS)
def test_platform_comes_after_everything(kai: str, grove: str) -> None:
    *before, platform = planned(kai, grove).steps
    assert platform.depends_on == tuple(step.name for step in before)


@st.composite
def queue_trees(draw: st.DrawFn) -> list[dict[str, str]]:
    """Queues in any order, each below one that comes earlier in a hidden order, or below none."""
    hidden = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    parents = [draw(st.sampled_from([None, "dynamo-default", *hidden[:i]])) for i in range(len(hidden))]
    queues = [
        {"name": name} | ({"parent": parent} if parent else {}) for name, parent in zip(hidden, parents, strict=True)
    ]
    return draw(st.permutations(queues))


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([pair for pair in PAIRS if pair[0] != "disabled"]), queue_trees())
def test_each_step_comes_after_what_it_depends_on(pair: tuple[str, str], queues: list[dict[str, str]]) -> None:
    plan = planned(*pair, queues=queues)
    done: set[str] = set()
    for step in plan.steps:
        assert set(step.depends_on) <= done
        assert step.name not in done
        done.add(step.name)
    assert {queue["name"] for queue in queues} <= done
    made = {queue.name for queue in plan.queues}
    for queue in plan.queues:
        parent = queue.spec.get("parentQueue")
        assert parent not in made or parent in queue.depends_on


def topology(enabled: bool) -> dict[str, Any]:
    return {"values": {"config": {"topologyAwareScheduling": {"enabled": enabled}}}}


@pytest.mark.parametrize("version", ["1.2.1", "1.5.1"])
@pytest.mark.parametrize(
    ("grove", "waits"), [({}, ()), (topology(False), ()), (topology(True), ("kai-scheduler",))], ids=["", "off", "on"]
)
def test_grove_waits_for_kai_where_topology_makes_it_look_for_its_crds(
    version: str, grove: dict[str, Any], waits: tuple[str, ...]
) -> None:
    assert release(planned(version=version, grove=grove), "grove").depends_on == waits


def test_grove_waits_for_no_kai_that_this_stack_does_not_install() -> None:
    assert release(planned("external", grove=topology(True)), "grove").depends_on == ()


# Gates


def test_gates_after_kais_own_release_go_from_config_to_shard_to_webhook() -> None:
    assert [(gate.name, gate.depends_on) for gate in gates(planned("separate"))] == [
        ("kai-config", ("kai-scheduler",)),
        ("kai-shard", ("kai-config",)),
        ("kai-queue-controller", ("kai-shard",)),
    ]


def test_gates_of_an_external_kai_start_with_the_deployment_that_no_patch_creates() -> None:
    assert [(gate.name, gate.depends_on) for gate in gates(planned("external"))] == [
        ("kai-queue-controller", ()),
        ("kai-config", ("kai-queue-controller",)),
    ]


def test_gates_of_a_bundled_kai_wait_again_when_its_values_change() -> None:
    queues = [{"name": "team-a", "parent": "dynamo-default"}]
    one, two = (
        planned("bundled", "bundled", queues=queues, values={"kai-scheduler": {"global": {"gpuSharing": sharing}}})
        for sharing in (True, False)
    )
    assert {gate.stamp for gate in gates(one)}.isdisjoint(gate.stamp for gate in gates(two))


def test_gates_name_kais_objects() -> None:
    assert [
        (gate.api_version, gate.kind, gate.object_name, gate.namespace, gate.condition) for gate in gates(planned())
    ] == [
        ("kai.scheduler/v1", "Config", "kai-config", None, "Available"),
        ("kai.scheduler/v1", "SchedulingShard", "default", None, "Available"),
        ("apps/v1", "Deployment", "queue-controller", "kai-scheduler", None),
    ]


@pytest.mark.parametrize("mode", ["separate", "external"])
def test_webhook_is_waited_for_in_kais_namespace(mode: str) -> None:
    plan = planned(mode, kaiScheduler={"namespace": "scheduling"})
    assert {gate.namespace for gate in gates(plan)} == {None, "scheduling"}


@pytest.mark.parametrize(
    ("settings", "waits_again"),
    [
        ({"kaiScheduler": {"version": "v0.17.1"}}, True),
        ({"kaiScheduler": {"values": {"global": {"gpuSharing": True}}}}, True),
        ({"kaiScheduler": {"timeout": 60}}, False),
        ({"kaiScheduler": {"chart": "./kai-scheduler.tgz"}}, False),
        ({"values": {"a": 1}}, False),
        ({"version": "1.5.0"}, False),
        ({"queues": [{"name": "a"}]}, False),
        ({"grove": {"values": {"replicas": 2}}}, False),
        ({"monitoring": {"podMonitors": True}}, False),
    ],
    ids=str,
)
def test_gates_wait_again_when_kais_version_or_values_change(
    settings: dict[str, Any], waits_again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_chart(Path("kai-scheduler.tgz"), "kai-scheduler", "v0.17.2")
    stamps = [{gate.stamp for gate in gates(plan)} for plan in (planned(), planned(**settings))]
    assert all(len(stamp) == 1 for stamp in stamps)
    assert (stamps[0] != stamps[1]) is waits_again


def test_stamp_does_not_depend_on_the_order_of_values() -> None:
    plans = [planned(kaiScheduler={"values": dict(pairs)}) for pairs in ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)])]
    assert gates(plans[0])[0].stamp == gates(plans[1])[0].stamp


def test_gates_of_an_external_kai_wait_again_when_its_version_changes() -> None:
    versions: list[dict[str, Any]] = [{"version": "v0.17.0"}, {"version": "v0.17.1"}, {}]
    stamps = {gates(planned("external", kaiScheduler=version))[0].stamp for version in versions}
    assert len(stamps) == 3


def test_gates_take_as_long_as_kai_may() -> None:
    assert {gate.timeout for gate in gates(planned())} == {600}
    assert {gate.timeout for gate in gates(planned(kaiScheduler={"timeout": 90}))} == {90}


# Queues

UNLIMITED = {"quota": -1, "limit": -1, "overQuotaWeight": 1}
EVERYTHING = {"cpu": UNLIMITED, "gpu": UNLIMITED, "memory": UNLIMITED}


def specs(plan: Plan) -> dict[str, Any]:
    return {queue.name: queue.spec for queue in plan.queues}


@pytest.mark.parametrize("kai", ["separate", "external"])
def test_two_queues_are_always_there_with_every_number_written(kai: str) -> None:
    assert specs(planned(kai)) == {
        "dynamo-default": {"resources": EVERYTHING},
        "dynamo": {"parentQueue": "dynamo-default", "resources": EVERYTHING},
    }


def test_parents_come_before_their_children_whatever_the_order_of_the_page() -> None:
    plan = planned(queues=[{"name": "c", "parent": "b"}, {"name": "b", "parent": "a"}, {"name": "a"}])
    assert [queue.name for queue in plan.queues] == ["dynamo-default", "dynamo", "a", "b", "c"]
    assert after(plan)["c"] == ("kai-queue-controller", "b")


def test_queue_below_kais_own_parent_waits_for_the_gate_alone() -> None:
    plan = planned(queues=[{"name": "a", "parent": "default-parent-queue"}])
    assert after(plan)["a"] == ("kai-queue-controller",)
    assert specs(plan)["a"]["parentQueue"] == "default-parent-queue"


def test_numbers_for_the_two_replace_theirs_and_keep_the_parent() -> None:
    gpu = {"quota": 16, "limit": 32.5, "overQuotaWeight": 2}
    plan = planned(queues=[{"name": "dynamo", "gpu": gpu}])
    assert specs(plan)["dynamo"] == {"parentQueue": "dynamo-default", "resources": EVERYTHING | {"gpu": gpu}}
    assert [queue.name for queue in plan.queues] == ["dynamo-default", "dynamo"]


def test_fields_and_labels_of_a_queue_are_those_of_its_object() -> None:
    team = {
        "name": "team",
        "parent": "dynamo-default",
        "displayName": "Team A",
        "priority": 120,
        "preemptMinRuntime": "10m",
        "reclaimMinRuntime": "1h30m",
        "labels": {"team": "a"},
    }
    (queue,) = [queue for queue in planned(queues=[team]).queues if queue.name == "team"]
    assert queue.manifest["metadata"] == {"name": "team", "labels": {"team": "a"}}
    assert queue.spec == {
        "displayName": "Team A",
        "parentQueue": "dynamo-default",
        "priority": 120,
        "preemptMinRuntime": "10m",
        "reclaimMinRuntime": "1h30m",
        "resources": EVERYTHING,
    }


@pytest.mark.parametrize("kai", ["separate", "external"])
def test_queues_of_someone_else_are_not_made_by_the_stack_nor_by_hooks(kai: str) -> None:
    plan = planned(kai, defaultQueues=False, queues=[{"name": "team", "parent": "theirs"}])
    assert [queue.name for queue in plan.queues] == ["team"]
    assert plan.platform.hooks is False
    assert names(planned(kai, defaultQueues=False)) == [
        name for name in names(planned(kai)) if name not in {"dynamo-default", "dynamo"}
    ]


def test_labels_of_namespaces_come_before_every_release() -> None:
    labels = {"team": "ai"}
    plan = planned(namespaceLabels=labels, kaiScheduler={"namespaceAnnotations": {"owner": "ai"}})
    assert [step.manifest for step in plan.namespaces] == [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "kai-scheduler", "annotations": {"owner": "ai"}},
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dynamo-system", "labels": labels}},
    ]
    assert names(plan)[:3] == ["namespace-kai-scheduler", "namespace-dynamo-system", "kai-scheduler"]
    assert after(plan)["kai-scheduler"] == ("namespace-kai-scheduler",)
    assert after(plan)["grove"] == ()
    assert "namespace-dynamo-system" in after(plan)["dynamo-platform"]


def test_a_release_whose_namespace_is_labelled_is_explained_as_any_other() -> None:
    labels = {"namespaceLabels": {"team": "ai"}}
    plain, labelled = (explain_steps(planned(kaiScheduler=more, grove=more)) for more in ({}, labels))
    why = {step.name: step.why for step in plain}
    assert why == {step.name: step.why for step in labelled if step.kind != "namespace"}
    assert ("label", "team: ai") in labelled[0].facts


def test_releases_in_one_namespace_label_it_once() -> None:
    shared = {"namespace": "dynamo-system", "namespaceLabels": {"a": "1", "b": "2"}}
    plan = planned(namespaceLabels={"a": "1"}, grove=shared)
    assert [(step.namespace, step.labels) for step in plan.namespaces] == [("dynamo-system", {"a": "1", "b": "2"})]
    assert after(plan)["grove"] == ("namespace-dynamo-system",)


def test_whole_amounts_are_written_as_integers() -> None:
    plan = planned(queues=[{"name": "a", "gpu": {"quota": 1.0, "limit": 1.5}}])
    assert str(specs(plan)["a"]["resources"]["gpu"]) == "{'quota': 1, 'limit': 1.5, 'overQuotaWeight': 1}"


def test_further_queues_with_bundled_kai_come_after_the_platform_and_its_gates() -> None:
    plan = planned("bundled", "bundled", queues=[{"name": "a", "parent": "dynamo-default"}])
    assert after(plan) == {
        "dynamo-platform": (),
        "kai-config": ("dynamo-platform",),
        "kai-shard": ("kai-config",),
        "kai-queue-controller": ("kai-shard",),
        "a": ("kai-queue-controller",),
    }
    assert gates(plan)[-1].namespace == "dynamo-system"


# Releases


def test_defaults_of_a_release_are_upstreams_namespace_and_ten_minutes() -> None:
    assert [(each.name, each.namespace, each.timeout) for each in planned().releases] == [
        ("kai-scheduler", "kai-scheduler", 600),
        ("grove", "grove-system", 600),
        ("dynamo-platform", "dynamo-system", 600),
    ]


def test_each_release_has_its_own_version_namespace_and_timeout() -> None:
    own = {"namespace": "mine", "timeout": 90}
    plan = planned(kaiScheduler=own, grove=own | {"version": "v0.1.0-alpha.14"}, namespace="dynamo", timeout=30)
    assert [(each.version, each.namespace, each.timeout) for each in plan.releases] == [
        ("v0.17.2", "mine", 90),
        ("v0.1.0-alpha.14", "mine", 90),
        ("1.5.1", "dynamo", 30),
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in another one."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", ["kai-scheduler", "grove", "dynamo-platform"])
@pytest.mark.parametrize(
    ("override", "chart", "repository"),
    [
        ({"chart": "./charts/x-1.tgz"}, "./charts/x-1.tgz", None),
        ({"chart": "charts/x-1.tgz"}, "charts/x-1.tgz", None),
        ({"chart": "../charts/x"}, "../charts/x", None),
        ({"chart": "oci://mirror.example/charts/x"}, "oci://mirror.example/charts/x", None),
        ({"chart": "https://mirror.example/x-1.tgz"}, "https://mirror.example/x-1.tgz", None),
        ({"repository": "oci://mirror.example/charts/"}, "oci://mirror.example/charts/{}", None),
        ({"repository": "https://mirror.example"}, "{}", "https://mirror.example"),
        ({"repository": "https://mirror.example", "chart": "x"}, "x", "https://mirror.example"),
    ],
    ids=str,
)
def test_chart_and_repository_are_overridden(
    name: str, override: dict[str, str], chart: str, repository: str | None, project: Path
) -> None:
    upstream = {"grove": "grove-charts"}.get(name, name)
    assert Path.cwd() == project
    if chart.startswith((".", "charts/")):
        version = {"grove": "v0.1.0-alpha.13", "kai-scheduler": "v0.17.2"}.get(name, "1.5.1")
        write_chart(Path(chart), upstream, version)
    key = {"kai-scheduler": "kaiScheduler", "grove": "grove"}.get(name)
    made = release(planned(**({key: override} if key else override)), name)
    assert (made.chart, made.repository) == (chart.format(upstream), repository)


# Profile


@pytest.mark.parametrize(
    ("profile", "mode", "protect"), [("development", "bundled", False), ("production", "separate", True)]
)
def test_profile_decides_modes_and_protection(profile: str, mode: str, protect: bool) -> None:
    page: dict[str, Any] = {"version": "1.5.1", "profile": profile}
    if profile == "production":
        page |= {"cluster": {"context": "eu"}, "kaiScheduler": {"version": "v0.17.0"}}
        page |= {"grove": {"version": "v0.1.0-alpha.13"}}
    plan = plan_of(page, stack=True)
    assert plan.modes == {"kai-scheduler": mode, "grove": mode}
    assert plan.protect is protect


@pytest.mark.parametrize("protect", [True, False])
def test_protect_is_taken_at_its_word(protect: bool) -> None:
    assert planned(protect=protect).protect is protect


def test_summary_names_cluster_versions_order_and_flags() -> None:
    text = str(planned(cluster={"context": "prod-eu"}))
    assert "cluster   prod-eu" in text
    assert "release   kai-scheduler v0.17.2 in kai-scheduler from oci://ghcr.io/" in text
    assert "hooks off  after kai-scheduler, kai-config" in text
    assert "flags     grove: separate, install false, enabled true" in text


# Purity


@pytest.mark.parametrize(("kai", "grove"), PAIRS)
def test_same_page_gives_the_same_plan(kai: str, grove: str) -> None:
    assert planned(kai, grove) == planned(kai, grove)


def test_planning_imports_no_pulumi() -> None:
    program = """
import sys
from dynamo_platform import PlatformConfig, make_plan
make_plan(PlatformConfig(version="1.5.1", profile="development"))
print(sorted(name for name in sys.modules if name.partition(".")[0] in {"pulumi", "pulumi_kubernetes", "grpc", "yaml"}))
"""
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "[]\n"
