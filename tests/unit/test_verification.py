"""The checks of `verify`: each finds its difference, and nothing where there is none."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from dynamo_platform import PlatformConfig
from dynamo_platform.cluster.reader import Answer, Unread
from dynamo_platform.planning.model import Gate, Plan, Release
from dynamo_platform.planning.planner import make_plan
from dynamo_platform.rendering.helm import RenderedRelease
from dynamo_platform.rendering.objects import GENERATED, Key, key_of
from dynamo_platform.verification import report
from dynamo_platform.verification.commands import Commands
from dynamo_platform.verification.dry_runs import dry_run_objects
from dynamo_platform.verification.fields import differences, title
from dynamo_platform.verification.installed import (
    check_gates,
    check_operator,
    check_releases,
    check_webhooks,
    check_workloads,
)
from dynamo_platform.verification.model import Check, HelmRelease, Snapshot
from dynamo_platform.verification.objects import check_objects
from dynamo_platform.verification.planned import Planned, own_objects, release_objects
from dynamo_platform.verification.queues import live_queues
from dynamo_platform.verification.reading import key_of_gate
from dynamo_platform.verification.verify import Verification

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
FORBIDDEN = Unread('cannot list resource "secrets" in API group "" in the namespace "kai-scheduler"')
DEPLOYMENT = yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: kai-operator, namespace: kai-scheduler, labels: {app: kai-operator}}
spec:
  replicas: 1
  selector: {matchLabels: {app: kai-operator}}
  template:
    metadata: {labels: {app: kai-operator}}
    spec:
      containers:
        - name: operator
          image: ghcr.io/kai-scheduler/operator:v0.17.0
          env: [{name: API_TOKEN, value: hunter2}]
          resources: {limits: {cpu: 1000m, memory: 1Gi}}
""")
SHARD = {
    "apiVersion": "kai.scheduler/v1",
    "kind": "SchedulingShard",
    "metadata": {"name": "default"},
    "spec": {"partitionLabelValue": "", "placementStrategy": {"gpu": "binpack"}},
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    config = {
        "version": "1.5.1",
        "profile": "development",
        "kai_scheduler": {"mode": "separate", "version": "v0.17.0"},
        "grove": {"mode": "separate", "version": "v0.1.0-alpha.13"},
        "queues": [{"name": "team-a", "parent": "dynamo-default", "gpu": {"quota": 16, "limit": 32}}],
    }
    return make_plan(PlatformConfig.model_validate(config))


@pytest.fixture(scope="module")
def commands(plan: Plan) -> Commands:
    return Commands(plan, "prod", "eu")


def snapshot(**given: Any) -> Snapshot:
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Pod", "ConfigMap", "Queue")
    lists = {kind: [] for kind in kinds} | given.pop("lists", {})
    defaults: dict[str, Any] = {"context": "eu", "now": NOW, "objects": {}, "releases": {}, "answers": {}}
    return Snapshot(**(defaults | given | {"lists": lists}))


def changed(manifest: Mapping[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    """A copy of a manifest with another value at a path; without the field for ``...``."""
    copy: Any = json.loads(json.dumps(manifest))
    node = copy
    for step in path[:-1]:
        node = node[step]
    if to is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = to
    return dict(copy)


def seen(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(title(each.path), *each.texts) for each in differences(manifest, live)]


def statuses(checks: Iterator[Check]) -> list[tuple[str, str]]:
    return [(check.object, check.status) for check in checks]


# Fields


def test_a_live_object_as_rendered_has_no_differences() -> None:
    assert seen(DEPLOYMENT, DEPLOYMENT) == []


def test_what_others_add_is_no_difference() -> None:
    live = changed(DEPLOYMENT, "spec", "revisionHistoryLimit", to=10)
    live = changed(live, "metadata", "annotations", to={"deployment.kubernetes.io/revision": "1"})
    live = changed(live, "status", to={"replicas": 1})
    assert seen(DEPLOYMENT, changed(live, "spec", "template", "spec", "containers", 0, "ports", to=[])) == []


CONTAINER = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ((*CONTAINER, "image"), "evil:1", ('"ghcr.io/kai-scheduler/operator:v0.17.0"', '"evil:1"')),
        (("spec", "replicas"), 3, ("1", "3")),
        (("metadata", "labels", "app"), ..., ('"kai-operator"', "nothing")),
        ((*CONTAINER, "resources", "limits", "memory"), "2Gi", ('"1Gi"', '"2Gi"')),
    ],
)
def test_a_changed_field_is_found(path: tuple[str | int, ...], value: Any, found: tuple[str, str]) -> None:
    assert seen(DEPLOYMENT, changed(DEPLOYMENT, *path, to=value)) == [(title(path), *found)]


@pytest.mark.parametrize(("one", "other"), [("1000m", "1"), (1, "1"), ("1Gi", "1024Mi"), ("1500M", "1.5G")])
def test_equal_quantities_are_no_difference(one: Any, other: Any) -> None:
    path = (*CONTAINER, "resources", "limits", "memory")
    assert seen(changed(DEPLOYMENT, *path, to=one), changed(DEPLOYMENT, *path, to=other)) == []


def test_texts_outside_of_resources_are_no_quantities() -> None:
    assert seen(changed(SHARD, "spec", "args", to={"a": "1"}), changed(SHARD, "spec", "args", to={"a": "1.0"})) == [
        ("spec.args.a", '"1"', '"1.0"')
    ]


def test_a_list_is_compared_by_names_and_shows_what_was_added() -> None:
    added = {"name": "DEBUG", "value": "1"}
    live = changed(DEPLOYMENT, *CONTAINER, "env", to=[added, {"name": "API_TOKEN", "value": "hunter2"}])
    path = "spec.template.spec.containers[0].env[0]"
    assert seen(DEPLOYMENT, live) == [(path, "nothing", '{"name": "DEBUG", "value": "1"}')]


def test_secrets_are_shown_as_digests() -> None:
    live = changed(DEPLOYMENT, *CONTAINER, "env", 0, "value", to="other")
    ((_, expected, found),) = seen(DEPLOYMENT, live)
    assert expected.startswith("a secret with digest ")
    assert found.startswith("a secret with digest ")
    assert expected != found

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hunter2"}}
    live = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": base64.b64encode(b"hunter3").decode()}}
    ((path, expected, found),) = seen(secret, live)
    assert (path, "hunter" in expected + found) == ("data.a", False)


def test_a_secret_that_is_rendered_empty_is_filled_by_a_controller() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"tls.crt": ""}}
    assert seen(secret, secret | {"data": {"tls.crt": "eA=="}}) == []


def test_a_password_in_a_text_is_not_shown() -> None:
    texts = [
        {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"c.yaml": f"a: 1\npassword: {password}\n"}}
        for password in ("hunter2", "hunter3")
    ]
    ((_, expected, found),) = seen(*texts)
    assert (expected.startswith("line 2: "), "hunter" in expected + found) == (True, False)


def test_what_the_chart_generates_is_no_difference() -> None:
    assert (
        seen(changed(SHARD, "spec", "args", to={"ca": GENERATED}), changed(SHARD, "spec", "args", to={"ca": "x"})) == []
    )


def test_a_bundle_that_a_controller_fills_in_is_no_difference() -> None:
    webhook = {"kind": "W", "metadata": {"name": "w"}, "webhooks": [{"name": "a", "clientConfig": {"caBundle": ""}}]}
    assert seen(webhook, changed(webhook, "webhooks", 0, "clientConfig", "caBundle", to="eA==")) == []


@pytest.mark.parametrize("empty", [None, {}, [], "", 0, False])
def test_a_rendered_zero_that_the_api_server_leaves_out_is_no_difference(empty: Any) -> None:
    assert seen(changed(SHARD, "spec", "args", to=empty), SHARD) == []


# Objects


def rendered(plan: Plan, *manifests: Mapping[str, Any], crds: Sequence[str] = ()) -> list[Planned]:
    release = next(each for each in plan.releases if each.name == "kai-scheduler")
    return release_objects(plan, [RenderedRelease(release, manifests, manifests, frozenset(crds))])


def checked(planned: Sequence[Planned], commands: Commands, **live: Any) -> list[Check]:
    objects = {each.key: live.get(each.key.kind, each.manifest) for each in planned}
    return list(check_objects(planned, snapshot(objects=objects), commands))


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "podcliquesets.grove.io"},
    "spec": {"group": "grove.io", "versions": []},
}
UPGRADER = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "crd-upgrader", "annotations": {"helm.sh/hook": "pre-install,pre-upgrade"}},
}
CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "kai-config-manifest",
        "annotations": {"helm.sh/hook": "post-install", "helm.sh/hook-delete-policy": "hook-succeeded"},
    },
    "data": {"kai-config.yaml": "apiVersion: kai.scheduler/v1\nkind: Config\nmetadata: {name: kai-config}\n"},
}


def test_objects_as_planned_are_ok(plan: Plan, commands: Commands) -> None:
    assert [check.status for check in checked(rendered(plan, DEPLOYMENT, SHARD), commands)] == ["ok", "ok"]


def test_an_object_that_may_not_be_read_is_not_checked(plan: Plan, commands: Commands) -> None:
    (check,) = checked(rendered(plan, DEPLOYMENT), commands, Deployment=FORBIDDEN)
    assert (check.status, check.seen) == ("not checked", FORBIDDEN.why)


@pytest.mark.parametrize(
    ("manifests", "crds", "kind", "repairs"),
    [
        ([DEPLOYMENT], [], "Deployment", ("upgrade", "upgrade")),
        ([SHARD], [], "SchedulingShard", ("upgrade", "none")),
        ([SHARD | {"kind": "Queue", "metadata": {"name": "default-queue"}}], [], "Queue", ("none", "none")),
        ([CRD], ["podcliquesets.grove.io"], "CustomResourceDefinition", ("none", "none")),
        ([CRD, UPGRADER], ["podcliquesets.grove.io"], "CustomResourceDefinition", ("upgrade", "upgrade")),
        ([CRD], [], "CustomResourceDefinition", ("upgrade", "none")),
        ([CONFIG], [], "Config", ("upgrade", "upgrade")),
    ],
)
def test_which_update_repairs_a_missing_and_an_edited_object(
    plan: Plan, manifests: list[Mapping[str, Any]], crds: list[str], kind: str, repairs: tuple[str, str]
) -> None:
    (planned,) = rendered(plan, *manifests, crds=crds)
    assert (planned.key.kind, (planned.if_missing, planned.if_edited)) == (kind, repairs)


def test_helm_repairs_an_edited_deployment(plan: Plan, commands: Commands) -> None:
    live = changed(DEPLOYMENT, *CONTAINER, "image", to="evil:1")
    (check,) = checked(rendered(plan, DEPLOYMENT), commands, Deployment=live)
    image = "ghcr.io/kai-scheduler/operator:v0.17.0"
    patch = f'[{{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"{image}"}}]'
    assert check == Check(
        "objects",
        "Deployment kai-scheduler/kai-operator",
        "differs",
        "spec.template.spec.containers[0].image",
        f'"{image}"',
        '"evil:1"',
        "upgrade",
        f"kubectl --context eu patch deployment.apps kai-operator -n kai-scheduler --type json -p '{patch}'",
    )


def test_no_update_repairs_an_edited_shard(plan: Plan, commands: Commands) -> None:
    live = changed(SHARD, "spec", "placementStrategy", to={"cpu": "spread"})
    (check,) = checked(rendered(plan, SHARD), commands, SchedulingShard=live)
    assert (check.repair, check.path) == ("none", "spec.placementStrategy.gpu")
    assert '{"op":"add","path":"/spec/placementStrategy/gpu","value":"binpack"}' in check.todo


def test_a_missing_object_is_written_by_an_upgrade(plan: Plan, commands: Commands) -> None:
    (check,) = checked(rendered(plan, SHARD), commands, SchedulingShard=None)
    assert (check.seen, check.repair) == ("does not exist", "upgrade")
    assert check.todo == (
        "helm --kube-context eu upgrade kai-scheduler oci://ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler "
        "--version v0.17.0 -n kai-scheduler --reuse-values"
    )


def test_a_secret_is_in_no_command(plan: Plan, commands: Commands) -> None:
    live = changed(DEPLOYMENT, *CONTAINER, "env", 0, "value", to="other")
    (check,) = checked(rendered(plan, DEPLOYMENT), commands, Deployment=live)
    assert "hunter2" not in json.dumps(check)


def test_of_an_object_with_many_differences_the_first_are_listed(plan: Plan, commands: Commands) -> None:
    wanted = changed(SHARD, "spec", "args", to={f"a{n}": "1" for n in range(9)})
    checks = checked(rendered(plan, wanted), commands, SchedulingShard=changed(wanted, "spec", "args", to={"x": "1"}))
    assert [check.path for check in checks][-2:] == ["spec.args.a4", "4 more fields"]


def test_a_hook_that_helm_deletes_is_not_expected(plan: Plan) -> None:
    gone = changed(CONFIG, "data", to={})
    assert rendered(plan, gone, UPGRADER) == []


def test_the_stacks_own_queues_are_repaired_by_a_refresh(plan: Plan, commands: Commands) -> None:
    own = own_objects(plan)
    assert [check.status for check in checked(own, commands)] == ["ok"] * 3
    objects = {each.key: changed(each.manifest, "spec", "resources", "gpu", "quota", to=3) for each in own}
    team = list(check_objects(own, snapshot(objects=objects), commands))[-1]
    assert (team.name, team.object, team.path) == ("queues", "Queue team-a", "spec.resources.gpu.quota")
    assert (team.expected, team.seen, team.repair) == ("16", "3", "refresh")
    assert team.todo == "pulumi up --refresh --stack prod"


# Releases


def installed(plan: Plan, **changes: Any) -> dict[str, HelmRelease | Unread | None]:
    return {each.name: HelmRelease(each.version, 2, "deployed", each.values) for each in plan.releases} | changes


def test_releases_as_planned_are_ok(plan: Plan, commands: Commands) -> None:
    checks = list(check_releases(plan, snapshot(releases=installed(plan)), commands))
    assert [(check.object, check.status, check.seen) for check in checks] == [
        ("kai-scheduler", "ok", "v0.17.0 (revision 2)"),
        ("grove", "ok", "v0.1.0-alpha.13 (revision 2)"),
        ("dynamo-platform", "ok", "1.5.1 (revision 2)"),
    ]


def release(plan: Plan, name: str) -> Release:
    return next(each for each in plan.releases if each.name == name)


def test_another_version_state_or_value_of_a_release_differs(plan: Plan, commands: Commands) -> None:
    values = changed(release(plan, "grove").values, "extra", to={"token": "hunter2"})
    grove = HelmRelease("v0.1.0-alpha.12", 3, "failed", values)
    checks = list(check_releases(plan, snapshot(releases=installed(plan, grove=grove)), commands))
    assert [(check.path, check.expected, check.seen) for check in checks if check.status == "differs"] == [
        ("version", "v0.1.0-alpha.13", "v0.1.0-alpha.12"),
        ("status", "deployed", "failed"),
        ("values", "as planned", "others at extra.token"),
    ]
    assert {check.repair for check in checks} == {None, "refresh"}


def test_nulls_and_empty_mappings_in_values_are_no_difference(plan: Plan, commands: Commands) -> None:
    values = {**release(plan, "grove").values, "a": None, "b": {"c": None}}
    found = installed(plan, grove=HelmRelease("v0.1.0-alpha.13", 1, "deployed", values))
    assert {check.status for check in check_releases(plan, snapshot(releases=found), commands)} == {"ok"}


def test_a_release_that_is_missing_or_forbidden(plan: Plan, commands: Commands) -> None:
    found = installed(plan) | {"kai-scheduler": FORBIDDEN, "grove": None}
    assert statuses(check_releases(plan, snapshot(releases=found), commands)) == [
        ("kai-scheduler", "not checked"),
        ("grove", "differs"),
        ("dynamo-platform", "ok"),
    ]


# Gates


def gates(plan: Plan, commands: Commands, **config: Any) -> Check:
    ready = {"type": "Available", "status": "True"} | config
    live = {"metadata": {"name": "x", "generation": 2}, "spec": {}, "status": {"conditions": [ready]}}
    rolled_out = {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1}
    objects = {
        key_of_gate(step): {**live, "status": rolled_out} if step.kind == "Deployment" else live
        for step in plan.steps
        if isinstance(step, Gate)
    }
    first, *others = check_gates(plan, snapshot(objects=objects), commands)
    assert {each.object for each in others} == {"SchedulingShard default", "Deployment kai-scheduler/queue-controller"}
    return first


def test_a_gate_whose_object_is_ready_is_ok(plan: Plan, commands: Commands) -> None:
    assert gates(plan, commands) == Check("gates", "Config kai-config", "ok", seen="Available")


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"status": "False", "message": "Binder: not deployed"}, "Available False: Binder: not deployed"),
        ({"observedGeneration": 1}, "Available of an older generation"),
        ({"type": "Ready"}, "no condition Available"),
    ],
)
def test_a_gate_whose_object_is_not_ready_differs(
    plan: Plan, commands: Commands, condition: dict[str, Any], found: str
) -> None:
    check = gates(plan, commands, **condition)
    assert (check.status, check.seen, check.repair) == ("differs", found, "none")
    assert check.todo == "kubectl --context eu describe config.kai.scheduler kai-config"


# Webhooks


def test_the_objects_that_are_tried_out(plan: Plan) -> None:
    found = {each["kind"]: each["metadata"].get("namespace") for each in dry_run_objects(plan)}
    assert found == {"Queue": None, "PodCliqueSet": "dynamo-system", "DynamoGraphDeployment": "dynamo-system"}


POST = 'Post "https://grove-operator.grove-system.svc:9443/webhooks/default-podcliqueset?timeout=10s"'
REFUSED = f'Internal error occurred: failed calling webhook "pcs": failed to call webhook: {POST}: connection refused'


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (Answer(""), "ok", "answers"),
        (Answer(REFUSED), "differs", 'failed calling webhook "pcs": connection refused. The webhook\'s pod runs'),
        (Answer('admission webhook "policy" denied the request: no'), "not checked", "the test object was refused"),
        (Unread('cannot create resource "queues"'), "not checked", 'cannot create resource "queues"'),
        (None, "differs", "the cluster does not serve this kind"),
    ],
)
def test_webhooks(commands: Commands, answer: Answer | Unread | None, status: str, said: str) -> None:
    (check,) = check_webhooks(snapshot(answers={"PodCliqueSet": answer}), commands)
    assert (check.object, check.status, check.seen[: len(said)]) == ("PodCliqueSet", status, said)
    if answer == Answer(REFUSED):
        assert check.todo == "kubectl --context eu get services,endpointslices,pods -n grove-system"


# The operator's flags


def operator_config(**enabled: bool) -> dict[str, Any]:
    orchestrators = {name: {"enabled": on} for name, on in enabled.items()}
    document = {"kind": "OperatorConfiguration", "orchestrators": orchestrators}
    metadata = {
        "name": "config",
        "namespace": "dynamo-system",
        "creationTimestamp": "2026-12-01T10:00:00Z",
        "managedFields": [{"time": "2026-12-01T11:00:00Z"}],
    }
    return {"apiVersion": "v1", "metadata": metadata, "data": {"config.yaml": yaml.safe_dump(document)}}


def operator_pod(started: str) -> dict[str, Any]:
    volumes = [{"name": "config", "configMap": {"name": "config"}}]
    metadata = {"name": "manager-abc-xyz", "namespace": "dynamo-system"}
    return {"metadata": metadata, "spec": {"volumes": volumes, "containers": []}, "status": {"startTime": started}}


def test_the_operators_flags_are_as_planned(plan: Plan, commands: Commands) -> None:
    groves = {"metadata": {}, "data": {"config.yaml": "kind: OperatorConfiguration\nserver: {}\n"}}
    lists = {
        "ConfigMap": [groves, operator_config(grove=True, kaiScheduler=True)],
        "Pod": [operator_pod("2026-12-01T11:00:01Z")],
    }
    assert statuses(check_operator(plan, snapshot(lists=lists), commands)) == [("kai-scheduler", "ok"), ("grove", "ok")]


def test_another_flag_differs(plan: Plan, commands: Commands) -> None:
    lists = {"ConfigMap": [operator_config(grove=False, kaiScheduler=True)]}
    check = list(check_operator(plan, snapshot(lists=lists), commands))[-1]
    assert (check.object, check.path) == ("ConfigMap dynamo-system/config", "orchestrators.grove.enabled")
    assert (check.expected, check.seen) == ("on", "off")


def test_an_operator_that_started_before_its_configuration_changed_differs(plan: Plan, commands: Commands) -> None:
    lists = {
        "ConfigMap": [operator_config(grove=True, kaiScheduler=True)],
        "Pod": [operator_pod("2026-12-01T10:30:00Z")],
    }
    check = list(check_operator(plan, snapshot(lists=lists), commands))[-1]
    assert (check.object, check.status) == ("Pod dynamo-system/manager-abc-xyz", "differs")
    assert check.todo == "kubectl --context eu rollout restart deployment manager -n dynamo-system"


@pytest.mark.parametrize("config_maps", [[], FORBIDDEN])
def test_without_its_configuration_the_operator_is_not_checked(
    plan: Plan, commands: Commands, config_maps: Any
) -> None:
    assert statuses(check_operator(plan, snapshot(lists={"ConfigMap": config_maps}), commands)) == [("", "not checked")]


# Workloads and images


def workload(
    name: str = "kai-operator", labels: Mapping[str, str] | None = None, *, available: int = 1
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "kai-scheduler", "generation": 1, "labels": labels or {}}
    status = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": available}
    return {"metadata": metadata, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}}, "status": status}


def pod(image: str, app: str = "kai-operator") -> dict[str, Any]:
    metadata = {"name": f"{app}-1", "namespace": "kai-scheduler", "labels": {"app": app}}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": image}]}}


OPERAND = {"app.kubernetes.io/managed-by": "kai-operator"}


@pytest.mark.parametrize(
    ("deployment", "image", "found"),
    [
        (workload(), "ghcr.io/kai-scheduler/operator:v0.17.0", [("images", "ok")]),
        (workload(), "ghcr.io/kai-scheduler/operator:v0.16.0", [("images", "differs")]),
        (workload("binder", OPERAND), "ghcr.io/kai-scheduler/binder:v0.17.0", [("images", "ok")]),
        (workload("binder", OPERAND), "ghcr.io/kai-scheduler/binder:v0.13.0", [("images", "differs")]),
        (workload("others"), "others:1", []),
        (
            workload(available=0),
            "ghcr.io/kai-scheduler/operator:v0.17.0",
            [("workloads", "differs"), ("images", "ok")],
        ),
    ],
)
def test_workloads_run_the_planned_images(
    plan: Plan, commands: Commands, deployment: dict[str, Any], image: str, found: list[tuple[str, str]]
) -> None:
    lists = {"Deployment": [deployment], "Pod": [pod(image, deployment["metadata"]["name"])]}
    checks = check_workloads(rendered(plan, DEPLOYMENT), snapshot(lists=lists), commands)
    assert [(check.name, check.status) for check in checks] == found


def test_without_rendered_charts_images_are_not_checked(commands: Commands) -> None:
    (check,) = check_workloads(None, snapshot(), commands)
    assert (check.status, check.seen) == ("not checked", "the charts were not rendered")


# Queues


def live_queue(name: str, parent: str | None = None, **status: Any) -> dict[str, Any]:
    spec = {"parentQueue": parent, "resources": {"gpu": {"quota": 16, "limit": -1}}}
    metadata = {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": "2026-11-28T12:00:00Z"}
    return {"metadata": metadata, "spec": spec, "status": status}


def test_queues_are_listed_below_their_parents_with_what_they_use() -> None:
    gpus = {"nvidia.com/gpu": "2500m", "cpu": "4"}
    lists = {"Queue": [live_queue("a", "z", allocated=gpus), live_queue("b"), live_queue("z")]}
    found = live_queues(snapshot(lists=lists))
    assert [(each.name, each.parent, each.allocated_gpus) for each in found] == [
        ("b", None, 0),
        ("z", None, 0),
        ("a", "z", 2.5),
    ]
    assert (found[2].uid, found[2].age, found[2].gpus("quota"), found[2].gpus("limit")) == ("uid-of-a", 259200, 16, -1)


def test_a_loop_of_queues_is_listed() -> None:
    lists = {"Queue": [live_queue("a", "b"), live_queue("b", "a")]}
    assert len(live_queues(snapshot(lists=lists))) == 2


# The report

CHECKS = (
    Check("releases", "grove", "ok", seen="v0.1.0-alpha.13 (revision 1)"),
    Check("objects", "SchedulingShard default", "differs", "spec.a", "1", "2", "none", "kubectl patch"),
    Check("objects", "SchedulingShard default", "differs", "spec.b", "3", "4", "none", "kubectl patch"),
    Check("webhooks", "Queue", "not checked", seen="cannot create"),
    Check("webhooks", "PodCliqueSet", "not checked", seen="cannot create"),
)


def result(plan: Plan, checks: Sequence[Check] = CHECKS) -> Verification:
    return Verification(tuple(checks), snapshot(lists={"Queue": [live_queue("team-a")]}), plan)


def test_the_headline_counts(plan: Plan) -> None:
    assert report.headline(result(plan), "prod") == "prod on context eu: 2 differ from the plan, 2 not checked"
    assert report.headline(result(plan, CHECKS[:1]), "prod") == "prod on context eu: as planned"


def test_an_objects_differences_are_one_block(plan: Plan) -> None:
    assert list(report.difference_blocks(result(plan))) == [
        """\
objects  SchedulingShard default
  spec.a
    expected  1
    seen      2
  spec.b
    expected  3
    seen      4
    repair    no `up` repairs it
    do        kubectl patch"""
    ]


def test_checks_that_were_not_made_are_listed_by_reason(plan: Plan) -> None:
    assert report.unchecked_lines(result(plan)) == ["webhooks  2 objects: cannot create"]


def test_queue_rows(plan: Plan) -> None:
    assert report.queue_rows(result(plan)) == [("team-a", "-", "uid-of-t", "3d", "0", "16", "unlimited")]


def test_json_has_every_check(plan: Plan) -> None:
    data = report.as_data(result(plan), "prod")
    assert (data["ok"], data["counts"]) == (False, {"ok": 1, "differs": 2, "notChecked": 2})
    assert data["checks"][1] == {
        "check": "objects",
        "object": "SchedulingShard default",
        "status": "differs",
        "path": "spec.a",
        "expected": "1",
        "seen": "2",
        "repairedBy": None,
        "do": "kubectl patch",
    }
    assert list(data["queues"][0]) == ["name", "parent", "uid", "ageSeconds", "resources", "allocated"]


def test_junit_has_a_test_for_each_check(plan: Plan) -> None:
    suite = ET.fromstring(report.as_junit(result(plan), "prod"))  # noqa: S314  its own output
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped")} == {
        "tests": "5",
        "failures": "2",
        "skipped": "2",
    }
    cases = [(case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite]
    assert cases[1] == ("objects", "SchedulingShard default spec.a", ["failure"])
    assert cases[3] == ("webhooks", "Queue", ["skipped"])


def test_keys_of_kinds_match_what_is_read(plan: Plan) -> None:
    assert key_of(SHARD, "") == Key("kai.scheduler/v1", "SchedulingShard", None, "default")
