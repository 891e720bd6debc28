"""The parts of the simulated operators that need no cluster."""

import asyncio
import base64
import io
import ssl
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import httpx2
import pytest
import yaml
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import PersistentVolumeClaim, Pod

from sandbox.cluster import stages
from sandbox.operators import dynamo, grove, operands, pods
from sandbox.operators.charts import Charts, parse_version
from sandbox.operators.cluster import Cluster
from sandbox.operators.hooks import JOB_LABEL, Hooks
from sandbox.operators.kai import conditions, is_available
from sandbox.operators.operands import MANAGED_BY, Config, Images, SchedulingShard, config_operands, shard_operands
from sandbox.operators.queue_webhook import QueueWebhook, review
from sandbox.operators.volumes import volume

STAGES = Path(operands.__file__).parent / "stages.yaml"
IMAGES = Images("registry.example/kai", "v0.17.0")


Kind = TypeVar("Kind")


def of(kind: type[Kind], content: Mapping[str, Any]) -> Kind:
    return cast("Kind", cast("Any", kind).from_dict(content))


def pod(**status: Any) -> Pod:
    spec = {
        "initContainers": [{"name": "crd-apply", "image": "registry.example:5000/operator:1.5.1"}],
        "containers": [{"name": "manager", "image": "registry.example:5000/operator:v0.14.7-fips"}],
    }
    return of(Pod, {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec, "status": status})


def config(**spec: Any) -> Any:
    metadata = {"name": "kai-config", "uid": "c"}
    return of(Config, {"apiVersion": "kai.scheduler/v1", "kind": "Config", "metadata": metadata, "spec": spec})


def shard(**spec: Any) -> Any:
    metadata = {"name": "default", "uid": "s"}
    kind = {"apiVersion": "kai.scheduler/v1", "kind": "SchedulingShard"}
    return of(SchedulingShard, {**kind, "metadata": metadata, "spec": spec})


def archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def chart(name: str, version: str, crd: str) -> dict[str, bytes]:
    return {
        f"{name}/Chart.yaml": yaml.safe_dump({"name": name, "version": "0.0.1", "appVersion": version}).encode(),
        f"{name}/crds/{crd}.yaml": yaml.safe_dump({"metadata": {"name": crd}}).encode(),
        f"{name}/crds/embed.go": b"// not: yaml: either",
        f"{name}/templates/ignored.yaml": b"{{ not yaml",
    }


class TestCharts:
    @pytest.fixture
    def charts(self, tmp_path: Path) -> Charts:
        (tmp_path / "a.tgz").write_bytes(archive(chart("kai-scheduler", "v0.17.0", "queues")))
        nested = archive(chart("kai-scheduler", "v0.13.4", "old-queues"))
        bundled = chart("dynamo-platform", "1.0.1", "none") | {"dynamo-platform/charts/kai.tgz": nested}
        bundled |= {
            f"dynamo-platform/charts/{path}": text for path, text in chart("dynamo-operator", "1.0.1", "dgd").items()
        }
        (tmp_path / "b.tgz").write_bytes(archive(bundled))
        return Charts(tmp_path)

    @pytest.mark.parametrize(
        ("name", "version", "crds"),
        [
            ("kai-scheduler", "v0.17.0", ["queues"]),
            ("kai-scheduler", "0.17.0", ["queues"]),
            ("kai-scheduler", "v0.13.4", ["old-queues"]),
            ("dynamo-operator", "1.0.1", ["dgd"]),
            ("kai-scheduler", "v0.16.0", []),
            ("grove-charts", "v0.17.0", []),
        ],
    )
    def test_crds_are_found_by_chart_and_version_also_in_subcharts(
        self, charts: Charts, name: str, version: str, crds: list[str]
    ) -> None:
        assert [crd["metadata"]["name"] for crd in charts.crds(name, version)] == crds

    def test_a_release_sorts_after_its_candidates_and_main_builds_after_everything(self) -> None:
        versions = ["v0.9.4", "v0.13.0-rc1", "v0.13.0", "v0.13.4", "v0.16.0", "v0.16.1", "0.0.0-3f2a1b7"]
        assert sorted(versions[::2] + versions[1::2], key=parse_version) == versions


class TestPods:
    def test_what_was_reported_is_read_back(self) -> None:
        assert pods.reported_problem(pod()) is None
        assert pods.reported_problem(pod(**pods.ready_status(pod()))) == ""
        assert pods.reported_problem(pod(**pods.waiting_status(pod(), "no queues"))) == "no queues"

    def test_a_crashing_pod_runs_but_is_not_ready(self) -> None:
        status = pods.waiting_status(pod(), "no queues")
        assert status["phase"] == "Running"
        assert {item["type"]: item["status"] for item in status["conditions"]} == {
            "Initialized": "True",
            "ContainersReady": "False",
            "Ready": "False",
        }

    def test_a_failed_pod_says_why(self) -> None:
        status = pods.finished_status(pod(), "no archive")
        assert (status["phase"], status["message"]) == ("Failed", "no archive")
        assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 1

    def test_the_event_of_a_crashing_pod_is_the_kubelets(self) -> None:
        content = pods.back_off_event(pod())
        assert content["involvedObject"] | {"kind": "Pod", "name": "p", "uid": "u"} == content["involvedObject"]
        assert content["involvedObject"]["fieldPath"] == "spec.containers{manager}"
        assert (content["type"], content["reason"], content["source"]["component"]) == ("Warning", "BackOff", "kubelet")
        assert content["message"] == "Back-off restarting failed container manager in pod p_n(u)"

    def test_versions_come_from_image_tags(self) -> None:
        assert pods.image_version(pod()) == "v0.14.7"
        assert pods.init_image_version(pod(), "crd-apply") == "1.5.1"
        assert pods.init_image_version(pod(), "crd-installer") is None

    def test_an_image_without_tag_has_none(self) -> None:
        assert pods.image_tag("registry.example:5000/operator") == ""


class TestOperands:
    def test_images_follow_the_operator_unless_the_config_names_others(self) -> None:
        own = {"binder": {"service": {"image": {"repository": "mirror.example", "tag": "v9"}}}}
        made = config_operands(config(namespace="kai", **own), IMAGES)
        images = {title: item["spec"]["template"]["spec"]["containers"][0]["image"] for title, item in made.items()}
        assert images["Binder"] == "mirror.example/binder:v9"
        assert images["QueueController"] == "registry.example/kai/queuecontroller:v0.17.0"

    def test_registry_and_tag_are_taken_from_the_operator(self) -> None:
        containers = [{"name": "operator", "image": "registry.example:5000/kai/operator:v0.17.0"}]
        operator = of(Deployment, {"spec": {"selector": {}, "template": {"spec": {"containers": containers}}}})
        assert Images.from_operator(operator) == Images("registry.example:5000/kai", "v0.17.0")

    def test_a_disabled_operand_is_not_made(self) -> None:
        made = config_operands(config(admission={"service": {"enabled": False}}), IMAGES)
        assert "KAIAdmission" not in made
        assert len(made) == 4

    def test_operands_belong_to_the_config_and_live_in_its_namespace(self) -> None:
        metadata = config_operands(config(namespace="dynamo-system"), IMAGES)["Binder"]["metadata"]
        assert metadata["namespace"] == "dynamo-system"
        assert metadata["ownerReferences"][0]["uid"] == "c"

    def test_a_shards_scheduler_belongs_to_the_shard_and_has_its_arguments(self) -> None:
        operands = shard_operands(shard(args={"default-staleness-grace-period": "-1s"}), config(), IMAGES)
        made = operands["SchedulerForShard"]
        assert made["metadata"]["name"] == "kai-scheduler-default"
        assert made["metadata"]["ownerReferences"][0]["uid"] == "s"
        arguments = made["spec"]["template"]["spec"]["containers"][0]["args"]
        assert arguments == ["--default-staleness-grace-period=-1s"]

    def test_replicas_come_from_the_operand_then_from_all(self) -> None:
        made = config_operands(config(binder={"replicas": 3}, **{"global": {"replicaCount": 2}}), IMAGES)
        assert made["Binder"]["spec"]["replicas"] == 3
        assert made["PodGrouper"]["spec"]["replicas"] == 2


class TestConditions:
    @pytest.mark.parametrize(
        ("updated", "condition", "expected"),
        [(1, "True", True), (0, "True", False), (1, "False", False), (None, None, False)],
    )
    def test_available_needs_updated_replicas_and_the_condition(
        self, updated: int | None, condition: str | None, expected: bool
    ) -> None:
        listed = [{"type": "Available", "status": condition}] if condition else []
        status = {"updatedReplicas": updated, "conditions": listed}
        spec = {"replicas": 1, "selector": {}, "template": {}}
        assert is_available(of(Deployment, {"spec": spec, "status": status})) is expected

    def test_an_unavailable_operand_is_named(self) -> None:
        problem = "QueueController: Deployment [queue-controller] is not available"
        found = {item["type"]: item for item in conditions([], [problem], 3, [])}
        assert (found["Available"]["status"], found["Available"]["message"]) == ("False", problem)
        assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "not_ready")
        assert {item["observedGeneration"] for item in found.values()} == {3}

    def test_a_condition_that_says_the_same_is_not_touched(self) -> None:
        first = [{**item, "lastTransitionTime": "2026-01-01T00:00:00Z"} for item in conditions([], [], 1, [])]
        assert conditions([], [], 1, first) == first
        assert conditions([], [], 2, first) != first


class TestQueueWebhook:
    @pytest.mark.parametrize(
        ("spec", "allowed"),
        [
            ({"resources": {"gpu": {"quota": 0}}}, True),
            ({"resources": {}, "parentQueue": "missing"}, True),
            ({"parentQueue": "team"}, False),
            ({"resources": None}, False),
            (None, False),
        ],
    )
    def test_only_resources_are_required(self, spec: Mapping[str, Any] | None, allowed: bool) -> None:
        answer = review({"request": {"uid": "1", "object": {"spec": spec}}})["response"]
        assert (answer["uid"], answer["allowed"]) == ("1", allowed)

    def test_it_refuses_connections_until_it_listens_and_after_on_one_port(self) -> None:
        webhook = QueueWebhook()
        registered = webhook.registration(config())["webhooks"][0]["clientConfig"]
        trusting = ssl.create_default_context(cadata=base64.b64decode(registered["caBundle"]).decode())
        body = {"request": {"uid": "1", "object": {"spec": {"resources": {}}}}}

        def reviewed() -> bool:
            answer = httpx2.post(registered["url"], json=body, verify=trusting, trust_env=False)
            allowed: bool = answer.json()["response"]["allowed"]
            return allowed

        for _ in range(2):
            with pytest.raises(httpx2.ConnectError, match="refused"):
                reviewed()
            webhook.listen()
            assert reviewed()
            webhook.refuse()


class TestCleanUp:
    LABELLED = MANAGED_BY
    THERE: ClassVar = {
        ("kai-scheduler", "binder"): LABELLED,
        ("kai-scheduler", "bystander"): {},
        ("dynamo-system", "admission"): LABELLED,
        ("dynamo-system", "dynamo-operator"): {},
    }
    FIXED_NAMESPACE: ClassVar = {("kai-scheduler", "binder"), ("kai-scheduler", "bystander")}
    RELEASE_NAMESPACE: ClassVar = {("dynamo-system", "admission"), ("dynamo-system", "dynamo-operator")}
    LABELLED_ONLY: ClassVar = {("dynamo-system", "admission")}

    @pytest.mark.parametrize(
        ("version", "deployments", "takes_config"),
        [
            ("v0.12.23", FIXED_NAMESPACE, False),
            ("v0.13.0-rc1", FIXED_NAMESPACE, False),
            ("v0.13.0", FIXED_NAMESPACE, True),
            ("v0.15.3", FIXED_NAMESPACE, True),
            ("v0.16.0", RELEASE_NAMESPACE, True),
            ("v0.16.1", LABELLED_ONLY, True),
            ("v0.17.0-fips", LABELLED_ONLY, True),
        ],
    )
    def test_it_deletes_what_that_versions_job_deletes(
        self, tmp_path: Path, version: str, deployments: set[tuple[str, str]], takes_config: bool
    ) -> None:
        deleted: list[tuple[type, str | None, str]] = []

        class Recording(Cluster):
            async def delete(self, kind: Any, name: str, namespace: str | None = None) -> None:
                deleted.append((kind, namespace, name))

        hooks = Hooks(Recording(cast("Any", None)), Charts(tmp_path))
        for (namespace, name), labels in self.THERE.items():
            metadata = {"namespace": namespace, "name": name, "labels": labels}
            content = {"metadata": metadata, "spec": {"selector": {}, "template": {}}}
            hooks.deployments._objects[namespace, name] = of(Deployment, content)
        containers = [{"name": "deleter", "image": f"registry.example/crd-upgrader:{version}"}]
        asyncio.run(hooks._clean_up("dynamo-system", of(Pod, {"spec": {"containers": containers}})))
        assert {(namespace, name) for kind, namespace, name in deleted if kind is Deployment} == deployments
        assert ((Config, None, "kai-config") in deleted) is takes_config


class TestDynamo:
    def test_there_are_seven_crds(self) -> None:
        assert len(dynamo.crds("1.3.1")) == 7

    @pytest.mark.parametrize(("version", "stored"), [("1.4.2", "v1alpha1"), ("1.5.0", "v1beta1")])
    def test_the_storage_version_became_beta_with_1_5(self, version: str, stored: str) -> None:
        crds = {crd["spec"]["names"]["kind"]: crd["spec"]["versions"] for crd in dynamo.crds(version)}
        assert [item["name"] for item in crds["DynamoGraphDeployment"] if item["storage"]] == [stored]
        assert [item["name"] for item in crds["DynamoModel"] if item["storage"]] == ["v1alpha1"]


def test_a_volume_fits_its_claim() -> None:
    requests = {"requests": {"storage": "10Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard", "resources": requests}
    claim = of(PersistentVolumeClaim, {"metadata": {"name": "c", "namespace": "n", "uid": "u"}, "spec": spec})
    made = volume(claim)["spec"]
    assert made["claimRef"]["uid"] == "u"
    assert (made["capacity"], made["accessModes"]) == ({"storage": "10Gi"}, ["ReadWriteOnce"])


def test_a_certificate_has_the_keys_of_a_tls_secret() -> None:
    assert set(grove.certificate("grove-system")) == {"ca.crt", "tls.crt", "tls.key"}


def test_stages_leave_the_pods_that_the_operators_run(tmp_path: Path) -> None:
    stages = {stage["metadata"]["name"]: stage for stage in yaml.safe_load_all(STAGES.read_text())}
    left = {item["key"]: item.get("values") for item in stages["pod-ready"]["spec"]["selector"]["matchExpressions"]}
    assert left['.metadata.labels["app.kubernetes.io/name"]'] == [dynamo.WORKLOAD, grove.WORKLOAD]
    assert f'.metadata.labels["{operands.SIMULATED}"]' in left
    hooks = Hooks(Cluster(cast("Any", None)), Charts(tmp_path))
    by_name, by_app = (left[f'.metadata.labels["{label}"]'] or [] for label in (JOB_LABEL, "app"))
    assert {*by_name, *by_app} == set(hooks._work)


def test_kwok_reports_pods_ready_after_their_delay() -> None:
    delays = {stage["metadata"]["name"]: stage["spec"].get("delay") for stage in stages(20)}
    assert delays["pod-ready"] == {"durationMilliseconds": 20_000}
    assert {delay for name, delay in delays.items() if name != "pod-ready"} == {None}


@pytest.mark.parametrize(("scheduled", "due"), [(19, False), (21, True)])
def test_pods_of_the_operators_start_after_their_delay(tmp_path: Path, scheduled: int, due: bool) -> None:
    since = (datetime.now(UTC) - timedelta(seconds=scheduled)).isoformat()
    waiting = pod(conditions=[{"type": "PodScheduled", "status": "True", "lastTransitionTime": since}])

    async def is_due() -> bool:
        return Hooks(Cluster(cast("Any", None), pod_delay=20), Charts(tmp_path)).can_start("crd-upgrader", waiting)

    assert asyncio.run(is_due()) is due
