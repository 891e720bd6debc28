"""Objects in previews are those that Helm installs, on any machine; and charts that cannot be rendered."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta

from dynamo_platform import Plan, plan_of
from dynamo_platform.rendering import helm
from dynamo_platform.rendering.objects import CRD, Key, Object, from_plain, read_objects, to_plain
from sandbox.cluster import client
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.engine.engine import NOWHERE, SHARD, STACK, Engine
from tests.engine.stacks import NEW, separate

Objects = Mapping[Key, Object]

FOUND_BY_LOOKUP = {"kai-scheduler": {"Namespace kai-resource-reservation"}}
"""Objects that a template renders only if the cluster does not have them: only Helm's first revision has them."""


@pytest.fixture(scope="module")
def deployed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A deployed stack."""
    engine = Engine(sandbox, tmp_path_factory.mktemp("deployed") / "project")
    engine.configure(separate(NEW))
    engine.up()
    return engine


def configured_plan(engine: Engine) -> Plan:
    config = yaml.safe_load(engine.stack_file.read_text())["config"]
    return plan_of({key.removeprefix("dynamo-platform:"): value for key, value in config.items()}, stack=True)


def of_helm(engine: Engine, release: str, namespace: str) -> Objects:
    """Return the objects of a release according to Helm."""
    text = "\n".join(engine.helm("get", what, release, "-n", namespace) for what in ("manifest", "hooks"))
    manifests = [document for document in yaml.safe_load_all(text) if document]
    # Helm stores the platform's hooks in the release, but does not run them.
    return read_objects(manifests, manifests, namespace, hooks=release != "dynamo-platform")


def test_objects_are_those_that_helm_installed(deployed: Engine) -> None:
    rendered = from_plain(deployed.listed())
    namespaces = deployed.outputs()["namespaces"]
    assert set(rendered) == {"kai-scheduler", "grove", "dynamo-platform"}
    for release, objects in rendered.items():
        # Without the Prometheus operator in the cluster, the chart omits the monitors; Helm does not list `crds/`.
        certain = {key: item for key, item in objects.items() if not item.uncertain and key.kind != CRD}
        installed = of_helm(deployed, release, namespaces[release])
        found = FOUND_BY_LOOKUP.get(release, set())
        assert {k for k in certain if k.title not in found} == {k for k in installed if k.title not in found}
        assert {str(k): str(i) for k, i in installed.items() if certain.get(k) != i} == {}
        assert [key.kind for key in objects if objects[key].uncertain and not key.kind.endswith("Monitor")] == []


def test_the_helm_on_path_renders_the_same(deployed: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "SSL_CERT_FILE", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"):
        monkeypatch.setenv(name, deployed.env[name])
    plan = configured_plan(deployed)
    rendered, warnings = helm.render_releases(plan.releases, plan.rendering, project=deployed.folder)
    assert warnings == []
    assert to_plain({each.release.name: each.objects for each in rendered}) == deployed.listed()


def test_no_object_changes_without_a_cluster(deployed: Engine) -> None:
    count = sum(map(len, deployed.listed().values()))
    assert f"objects   {count} unchanged" in deployed.preview(env={"KUBECONFIG": NOWHERE})


def test_an_upgrade_lists_images_and_crds(deployed: Engine) -> None:
    before = deployed.stack_file.read_text()
    newer = {"version": "1.6.1", "kai": NEW["kai"], "grove": "v0.1.0-alpha.14"}
    deployed.configure(separate(newer))
    try:
        text = deployed.preview("--diff", env={"KUBECONFIG": NOWHERE})
    finally:
        deployed.stack_file.write_text(before)
    operator = "Deployment dynamo-system/dynamo-platform-dynamo-operator-controller-manager"
    image = "nvcr.io/nvidia/ai-dynamo/kubernetes-operator"
    assert f"  ~ {operator} image {image}:1.5.1 → {image}:1.6.1\n" in text
    assert "PodMonitor dynamo-system/dynamo-worker (the cluster decides)" not in text


def with_args(engine: Engine, value: object, **config: Any) -> None:
    """Configure the deployed stack with an argument of KAI's scheduler."""
    kai = separate(NEW)["kaiScheduler"] | {"values": {"scheduler": {"args": {"v": value}}}}
    engine.configure(separate(NEW, kaiScheduler=kai, **config))


@pytest.mark.parametrize("reuse", [True, False], ids=["the same chart", "another chart"])
def test_a_field_that_the_api_server_would_refuse_fails_the_preview(
    deployed: Engine, engine: Engine, *, reuse: bool
) -> None:
    stack = deployed if reuse else engine
    before = deployed.stack_file.read_text()
    try:
        with_args(stack, 4)
        text = failure(stack)
        assert "error REN009  kaiScheduler.values.scheduler.args.v" in text
        assert 'text, in quotes: "4"' in text
        assert "spec.args.v of SchedulingShard default" in " ".join(text.split())
        with_args(stack, "4")
        assert "REN009" not in stack.preview(env={"KUBECONFIG": NOWHERE})
    finally:
        deployed.stack_file.write_text(before)


def test_the_api_server_refuses_that_field(deployed: Engine) -> None:
    api = client(deployed.sandbox.paths.kubeconfig)
    metadata = ObjectMeta(name="other")
    with pytest.raises(ApiError, match=r"spec\.args\.v: Invalid value: \"integer\""):
        api.create(SHARD(metadata=metadata, spec={"args": {"v": 4}}))
    api.create(SHARD(metadata=metadata, spec={"args": {"v": "4"}}))
    api.delete(SHARD, "other")


def test_objects_whose_api_is_not_listed_fail_the_preview(engine: Engine) -> None:
    certificates = {"mode": "cert-manager"}
    engine.configure(separate(NEW, webhookCertificates=certificates, apiVersions=["monitoring.coreos.com/v1"]))
    text = " ".join(failure(engine).split())
    assert "error REN008 apiVersions given no cert-manager.io/v1" in text
    engine.configure(
        separate(NEW, webhookCertificates=certificates, apiVersions=["monitoring.coreos.com/v1", "cert-manager.io/v1"])
    )
    engine.preview(env={"KUBECONFIG": NOWHERE})


def test_an_update_prints_its_plan_once_and_no_list_of_objects(deployed: Engine) -> None:
    text = deployed.run("pulumi", "up", "--yes", "--stack", STACK)
    assert text.count("profile   development") == 1
    outputs = text.partition("\nOutputs:\n")[2].partition("\nResources:\n")[0]
    named = re.findall(r"^ {4}(\w+)", outputs, re.MULTILINE)
    assert named == ["findings", "namespaces", "queues", "statuses", "versions"]


CHART = {"apiVersion": "v2", "name": "dynamo-platform", "version": "1.5.1"}
PAGE = {
    "version": "1.5.1",
    "profile": "development",
    "kaiScheduler": {"mode": "disabled"},
    "grove": {"mode": "disabled"},
    "chart": "./chart",
}


def with_chart(engine: Engine, **templates: str) -> Engine:
    """Return a stack with a chart that has these templates."""
    (engine.folder / "chart" / "templates").mkdir(parents=True)
    (engine.folder / "chart" / "Chart.yaml").write_text(yaml.safe_dump(CHART))
    for name, text in templates.items():
        (engine.folder / "chart" / "templates" / f"{name}.yaml").write_text(text)
    engine.configure(PAGE, charts=False)
    return engine


def failure(engine: Engine) -> str:
    with pytest.raises(CommandError) as failed:
        engine.preview(env={"KUBECONFIG": NOWHERE})
    text = failed.value.output
    assert "Traceback" not in text
    assert "kubernetes:helm.sh/v3:Release" not in text
    return text


def test_a_chart_that_refuses_its_values_fails_the_preview(engine: Engine) -> None:
    text = failure(with_chart(engine, refuses='{{ fail "global.grove.enabled is not for today" }}'))
    assert "error REN001  values.global.grove.enabled" in text
    assert "is not for today" in " ".join(text.split())


def test_a_template_error_fails_the_preview(engine: Engine) -> None:
    assert "error REN001  values" in failure(with_chart(engine, wrong="{{ .Values.no.such.key }}"))


def test_a_template_that_asks_the_cluster_is_a_warning(engine: Engine) -> None:
    asks = 'a: {{ (lookup "v1" "Secret" "dynamo-system" "pull").data.key }}'
    assert "warning REN002  values" in with_chart(engine, asks=asks).preview(env={"KUBECONFIG": NOWHERE})


@pytest.mark.parametrize(
    "place", [{"repository": "https://127.0.0.1:9"}, {"chart": "oci://127.0.0.1:9/dynamo-platform"}]
)
def test_a_chart_out_of_reach_fails_the_preview(engine: Engine, place: dict[str, Any]) -> None:
    engine.configure({key: value for key, value in PAGE.items() if key != "chart"} | place, charts=False)
    text = failure(engine)
    assert "error REN003  chart" in text
    assert "127.0.0.1:9" in text


GENERATES = """
{{- $name := randAlphaNum 8 | lower }}
{{- $authority := genCA "authority" 365 }}
apiVersion: v1
kind: Secret
metadata: {name: certificate}
stringData:
  tls.crt: {{ $authority.Cert | quote }}
  password: {{ randAlphaNum 16 }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: setup-{{ $name }}
  annotations: {checksum/certificate: {{ $authority.Cert | sha256sum }}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: setup, image: "registry/setup:1"}]}}}
"""


def test_what_a_chart_generates_does_not_change_from_run_to_run(engine: Engine) -> None:
    with_chart(engine, generates=GENERATES)
    engine.configure(PAGE | {"namespace": "generated"}, charts=False)
    engine.up()
    assert list(engine.listed()["dynamo-platform"]) == [
        "batch/v1 Job generated/setup-*",
        "v1 Secret generated/certificate",
    ]
    assert "objects   2 unchanged" in engine.preview(env={"KUBECONFIG": NOWHERE})


LATER = """
import pathlib, os
import pulumi
from pulumi_kubernetes import Provider
from dynamo_platform import DynamoPlatform

first = pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "first", {"apiVersion": "v1", "kind": "ConfigMap"})
text = pathlib.Path(os.environ["KUBECONFIG"]).read_text()
later = Provider("later", kubeconfig=first.id.apply(lambda _: text))
DynamoPlatform("dynamo-platform", opts=pulumi.ResourceOptions(provider=later))
"""


def test_a_cluster_that_is_not_known_yet_renders_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    engine = with_chart(Engine(sandbox, tmp_path / "project", LATER))
    assert "note REN004  values" in engine.preview()


def test_another_folder_changes_nothing(deployed: Engine, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for path in deployed.folder.iterdir():
        (other / path.name).symlink_to(path)
    text = deployed.run(
        "pulumi", "preview", "--stack", "test", "--expect-no-changes", "--cwd", str(other), env={"KUBECONFIG": NOWHERE}
    )
    assert re.search(r"objects   \d+ unchanged", text)
