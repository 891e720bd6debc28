"""The GitOps back-end: which files a plan becomes, and how the command writes them."""

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dynamo_platform import catalog, gitops
from dynamo_platform.config.stackfile import find_project, read_stack
from dynamo_platform.findings import Finding
from dynamo_platform.gitops import Files
from dynamo_platform.gitops.argocd import with_sync_wave
from dynamo_platform.gitops.yamlfiles import dump
from dynamo_platform.planning.model import Plan, Release
from dynamo_platform.planning.planner import plan_of
from dynamo_platform.planning.stacks import plan_stack
from dynamo_platform.rendering.helm import RenderedRelease
from dynamo_platform.trees import value_at
from tests.unit.local_charts import write_chart

CHECKOUT = Path(__file__).parents[2]
Manifest = dict[str, Any]

SEPARATE = {
    "version": "1.5.1",
    "profile": "development",
    "kaiScheduler": {"mode": "separate"},
    "grove": {"mode": "separate"},
    "monitoring": {"podMonitors": True, "metricsService": False},
}
BUNDLED = SEPARATE | {"kaiScheduler": {"mode": "bundled"}, "grove": {"mode": "bundled"}}
EXTERNAL = SEPARATE | {"kaiScheduler": {"mode": "external", "version": "v0.17.0"}}


def planned(page: dict[str, Any], **more: Any) -> Plan:
    return plan_of(page | more, stack=True)


def manifest(kind: str, name: str, api_version: str = "v1", hook: str | None = None, **more: Any) -> Manifest:
    annotations = {"helm.sh/hook": hook, "helm.sh/hook-weight": "3", "helm.sh/hook-delete-policy": "hook-succeeded"}
    metadata = {"name": name} | ({"annotations": annotations} if hook else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata | more.pop("metadata", {})} | more


def crd(kind: str, group: str) -> Manifest:
    name = f"{kind.lower()}s.{group}"
    spec = {"group": group, "names": {"kind": kind}}
    return manifest("CustomResourceDefinition", name, "apiextensions.k8s.io/v1", spec=spec)


def job(name: str = "migration", hook: str | None = "post-install,post-upgrade", **spec: Any) -> Manifest:
    volumes = [{"name": "script", "configMap": {"name": "script"}}]
    pod = {"containers": [{"name": "main", "image": "registry/main:1"}], "volumes": volumes}
    return manifest("Job", name, "batch/v1", hook, spec={"template": {"spec": pod}} | spec)


def config(hook: str | None = None) -> Manifest:
    return manifest("Config", "kai-config", "kai.scheduler/v1", hook, spec={"global": {}})


def rendered(plan: Plan, *manifests: Manifest, of: str = "kai-scheduler") -> list[RenderedRelease]:
    """The plan's releases, of which only one has objects."""
    releases = [(release, manifests if release.name == of else ()) for release in plan.releases]
    return [RenderedRelease(release, made, made, frozenset()) for release, made in releases]


def written(*manifests: Manifest, page: dict[str, Any] = SEPARATE, of: str = "kai-scheduler", **more: Any) -> Files:
    plan = planned(page)
    return gitops.object_files(plan, rendered(plan, *manifests, of=of), **more)


def objects(files: Files) -> list[Manifest]:
    return [each for path, text in files.items() if path.endswith(".yaml") for each in yaml.safe_load_all(text)]


def only(kind: str, files: Files) -> Manifest:
    (found,) = (each for each in objects(files) if each["kind"] == kind)
    return found


def folders(files: Files) -> list[str]:
    return list(dict.fromkeys(path.partition("/")[0] for path in sorted(files) if "/" in path))


# Stages


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (SEPARATE, ["crds-and-namespaces", "kai-scheduler", "gates", "queues", "grove", "dynamo-platform"]),
        (EXTERNAL, ["crds-and-namespaces", "gates", "queues", "grove", "dynamo-platform"]),
        (BUNDLED, ["crds-and-namespaces", "dynamo-platform"]),
        (
            BUNDLED | {"queues": [{"name": "team", "parent": "dynamo-default"}]},
            ["crds-and-namespaces", "dynamo-platform", "gates", "queues"],
        ),
    ],
)
def test_folders_sort_in_the_order_of_the_plan(page: dict[str, Any], expected: list[str]) -> None:
    files = written(manifest("Service", "operator"), page=page, of="dynamo-platform")
    files |= written(manifest("Service", "operator"), page=page, of="grove")
    files |= written(manifest("Service", "operator"), page=page, of="kai-scheduler")
    assert folders(files) == [f"{number}-{name}" for number, name in enumerate(expected, 1)]


def test_crds_and_namespaces_of_all_charts_come_first() -> None:
    files = written(crd("Queue", "scheduling.run.ai"), manifest("Namespace", "reservation"), manifest("Service", "s"))
    assert sorted(path for path in files if path.startswith("1-")) == [
        "1-crds-and-namespaces/0-customresourcedefinition-queues.scheduling.run.ai.yaml",
        "1-crds-and-namespaces/0-namespace-dynamo-system.yaml",
        "1-crds-and-namespaces/0-namespace-grove-system.yaml",
        "1-crds-and-namespaces/0-namespace-kai-scheduler.yaml",
        "1-crds-and-namespaces/0-namespace-reservation.yaml",
    ]
    assert "2-kai-scheduler/1-service-s.yaml" in files


def test_a_namespace_of_a_chart_replaces_the_default_one() -> None:
    files = written(manifest("Namespace", "kai-scheduler", metadata={"labels": {"a": "b"}}))
    text = files["1-crds-and-namespaces/0-namespace-kai-scheduler.yaml"]
    assert yaml.safe_load(text)["metadata"] == {"name": "kai-scheduler", "labels": {"a": "b"}}


def test_workloads_come_after_their_dependencies_and_before_custom_resources() -> None:
    files = written(
        crd("Config", "kai.scheduler"),
        config(),
        manifest("Deployment", "operator", "apps/v1"),
        manifest("Certificate", "serving", "cert-manager.io/v1"),
        manifest("ClusterRole", "grove:system:operator", "rbac.authorization.k8s.io/v1"),
    )
    assert sorted(path for path in files if path.startswith("2-")) == [
        "2-kai-scheduler/1-certificate-serving.yaml",
        "2-kai-scheduler/1-clusterrole-grove-system-operator.yaml",
        "2-kai-scheduler/2-deployment-operator.yaml",
        "2-kai-scheduler/3-config-kai-config.yaml",
    ]


def test_queues_of_a_bundled_chart_come_last() -> None:
    hook = "post-install,post-upgrade"
    queues = [manifest("Queue", name, "scheduling.run.ai/v2", hook) for name in ("dynamo", "dynamo-default")]
    files = written(crd("Queue", "scheduling.run.ai"), *queues, page=BUNDLED, of="dynamo-platform")
    assert sorted(files)[-3:] == [
        "2-dynamo-platform/4-queue-dynamo-default.yaml",
        "2-dynamo-platform/4-queue-dynamo.yaml",
        "README.md",
    ]


def test_queues_come_after_their_parents() -> None:
    queues = [
        {"name": "a", "parent": "team", "gpu": {"quota": 1, "limit": 1}},
        {"name": "team", "parent": "dynamo-default", "gpu": {"quota": 1, "limit": 1}},
    ]
    files = written(page=SEPARATE | {"queues": queues})
    assert [path for path in files if path.startswith("4-")] == [
        "4-queues/0-queue-dynamo-default.yaml",
        "4-queues/1-queue-dynamo.yaml",
        "4-queues/1-queue-team.yaml",
        "4-queues/2-queue-a.yaml",
    ]
    assert yaml.safe_load(files["4-queues/2-queue-a.yaml"])["spec"]["parentQueue"] == "team"


def test_gates_are_a_readme_with_commands_that_wait() -> None:
    files = written()
    assert [path for path in files if "gates" in path] == ["3-gates/README.md"]
    commands = [line for line in files["3-gates/README.md"].splitlines() if line.startswith("kubectl ")]
    webhook = catalog.load().kai_scheduler.gates[-1].object_name
    assert commands == [
        "kubectl wait --for=create --timeout=600s config.kai.scheduler/kai-config",
        "kubectl wait --for=condition=Available --timeout=600s config.kai.scheduler/kai-config",
        "kubectl wait --for=create --timeout=600s schedulingshard.kai.scheduler/default",
        "kubectl wait --for=condition=Available --timeout=600s schedulingshard.kai.scheduler/default",
        f"kubectl wait --for=create --timeout=600s deployment.apps/{webhook} -n kai-scheduler",
        f"kubectl rollout status --timeout=600s deployment.apps/{webhook} -n kai-scheduler",
    ]
    readme = files["README.md"]
    assert readme.index("-f 2-kai-scheduler") < readme.index(commands[0]) < readme.index("-f 4-queues")


def test_two_objects_of_one_file_name_are_both_written() -> None:
    roles = [manifest("ClusterRole", name, "rbac.authorization.k8s.io/v1") for name in ("a:b", "a-b")]
    files = written(*roles)
    documents = yaml.safe_load_all(files["2-kai-scheduler/1-clusterrole-a-b.yaml"])
    assert [each["metadata"]["name"] for each in documents] == ["a:b", "a-b"]


def test_the_order_of_a_charts_objects_does_not_matter() -> None:
    made = [job(), config("pre-install"), manifest("Service", "s"), manifest("ConfigMap", "script", data={"a": "b"})]
    assert written(*made) == written(*reversed(made))


# Objects


@pytest.mark.parametrize("hook", ["pre-install", "post-install, post-upgrade", "pre-upgrade"])
def test_a_hook_becomes_an_ordinary_object(hook: str) -> None:
    made = only("Config", written(config(hook)))
    assert made == {"apiVersion": "kai.scheduler/v1", "kind": "Config", "metadata": {"name": "kai-config"}} | {
        "spec": {"global": {}}
    }


def test_hook_annotations_of_argo_cd_are_removed_and_others_stay() -> None:
    annotations = {
        "helm.sh/resource-policy": "keep",
        "argocd.argoproj.io/hook": "PostSync",
        "argocd.argoproj.io/hook-delete-policy": "HookSucceeded",
    }
    made = only("Service", written(manifest("Service", "s", metadata={"annotations": annotations})))
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize("hook", ["post-delete", "pre-delete", "test", "test-success", "post-rollback"])
def test_hooks_that_no_installation_runs_are_omitted_and_listed(hook: str) -> None:
    files = written(job("cleanup", hook))
    assert "Job" not in {each["kind"] for each in objects(files)}
    assert f"- kai-scheduler: Job kai-scheduler/cleanup (a hook of {hook})" in files["README.md"]


def test_hooks_of_a_release_without_hooks_are_omitted_and_listed() -> None:
    queue = manifest("Queue", "dynamo", "scheduling.run.ai/v2", "post-install,post-upgrade")
    files = written(queue, of="dynamo-platform")
    assert [path for path in files if "queue-dynamo.yaml" in path] == ["4-queues/1-queue-dynamo.yaml"]
    assert "- dynamo-platform: Queue dynamo (the release's hooks are off)" in files["README.md"]


def test_an_object_gets_its_namespace_and_a_cluster_scoped_one_loses_it() -> None:
    files = written(manifest("Service", "s"), config() | {"metadata": {"name": "kai-config", "namespace": "x"}})
    assert only("Service", files)["metadata"] == {"name": "s", "namespace": "kai-scheduler"}
    assert only("Config", files)["metadata"] == {"name": "kai-config"}


def test_the_items_of_a_list_are_written_to_one_file_each() -> None:
    items = [manifest("ConfigMap", "a"), manifest("ConfigMap", "b")]
    files = written({"apiVersion": "v1", "kind": "ConfigMapList", "items": items})
    assert {"2-kai-scheduler/1-configmap-a.yaml", "2-kai-scheduler/1-configmap-b.yaml"} <= files.keys()


# Jobs


def name_of_job(*manifests: Manifest) -> str:
    name: str = only("Job", written(*manifests))["metadata"]["name"]
    return name


def test_the_name_of_a_job_changes_only_with_what_it_runs() -> None:
    script = manifest("ConfigMap", "script", data={"run": "true"})
    name = name_of_job(job(), script)
    assert name.startswith("migration-")
    assert name_of_job(job(hook=None), script) == name
    assert name_of_job(job(), script, manifest("ConfigMap", "other", data={"a": "b"})) == name
    assert name_of_job(job(backoffLimit=1), script) != name
    assert name_of_job(job(), manifest("ConfigMap", "script", data={"run": "false"})) != name


def test_a_job_stays_when_it_has_finished() -> None:
    made = only("Job", written(job(ttlSecondsAfterFinished=60)))
    assert "ttlSecondsAfterFinished" not in made["spec"]


def test_a_jobs_name_is_short_enough_for_the_label_of_its_pods() -> None:
    assert len(name_of_job(job("m" * 63))) == 63


def test_the_readme_waits_until_the_jobs_of_a_folder_are_complete() -> None:
    config = SEPARATE | {"kaiScheduler": {"mode": "separate", "timeout": 900}}
    files = written(job("migration"), page=config)
    (path,) = (path for path in files if "job-migration" in path)
    name = yaml.safe_load(files[path])["metadata"]["name"]
    commands = [line for line in files["README.md"].splitlines() if line.startswith("kubectl ")]
    waits = f"kubectl wait --for=condition=Complete --timeout=900s job.batch/{name} -n kai-scheduler"
    assert commands[commands.index(waits) - 1].endswith("-f 2-kai-scheduler")


# Secrets, and what is generated


def test_a_secret_that_its_operator_fills_is_written_without_keys() -> None:
    empty = manifest("Secret", "certificate", type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""})
    assert gitops.check_rendered(rendered(planned(SEPARATE), empty)) == []
    assert only("Secret", written(empty)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "certificate", "namespace": "kai-scheduler"},
    }


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_secret_with_contents_is_refused_and_not_printed(field: str) -> None:
    secret = manifest("Secret", "pull") | {field: {"password": "aHVudGVyMg=="}}
    (finding,) = gitops.check_rendered(rendered(planned(SEPARATE), secret))
    assert (finding.code, finding.severity, finding.path) == ("REN007", "error", "kaiScheduler.values")
    assert "Secret kai-scheduler/pull" in finding.given
    assert "aHVudGVyMg==" not in str(finding)
    assert "aHVudGVyMg==" not in "".join(written(secret).values())


def differing(first: Sequence[Manifest], again: Sequence[Manifest]) -> list[Finding]:
    release = planned(SEPARATE).releases[0]
    return gitops.check_rendered([RenderedRelease(release, first, again, frozenset())])


def test_an_object_that_renders_differently_every_time_is_refused_with_the_field() -> None:
    first, again = (manifest("ConfigMap", "seed", data={"fixed": "1", "seed": seed}) for seed in ("a", "b"))
    (finding,) = differing([first], [again])
    assert (finding.code, finding.severity) == ("REN006", "error")
    assert finding.given == "kai-scheduler v0.17.2 with ConfigMap kai-scheduler/seed (data.seed)"


def test_a_key_that_only_one_rendering_has_is_named() -> None:
    (finding,) = differing([manifest("ConfigMap", "seed", data={"a": None})], [manifest("ConfigMap", "seed", data={})])
    assert finding.given.endswith("seed (data)")


def test_a_generated_name_is_refused() -> None:
    (finding,) = differing([manifest("ConfigMap", "seed-a")], [manifest("ConfigMap", "seed-b")])
    assert "seed-a (name), ConfigMap kai-scheduler/seed-b (name)" in finding.given


def test_omitted_hooks_may_render_differently() -> None:
    first, again = (manifest("Secret", "test", hook="test", data={"a": seed}) for seed in ("a", "b"))
    assert differing([first], [again]) == []


# Monitors


def undecided(**more: Any) -> list[str]:
    return [finding.path for finding in gitops.undecided_monitors(planned(SEPARATE, **more), catalog.load())]


def test_monitors_that_are_auto_are_refused() -> None:
    assert undecided(monitoring={}) == ["monitoring.podMonitors", "monitoring.metricsService"]
    assert undecided(monitoring={"podMonitors": None, "metricsService": False}) == ["monitoring.podMonitors"]
    assert undecided() == []


def test_monitors_are_decided_by_the_apis_that_the_cluster_serves() -> None:
    assert undecided(monitoring={}, apiVersions=[]) == []
    assert undecided(monitoring={}, apiVersions=["monitoring.coreos.com/v1"]) == []


def test_monitors_are_decided_by_chart_values() -> None:
    values = {"dynamo-operator": {"dynamo": {"metrics": {"podMonitors": {"enabled": True}}}}}
    assert undecided(monitoring={"metricsService": False}, values=values) == []


# KAI Scheduler's Config


def inline(page: dict[str, Any], release: str, below: str = "") -> Any:
    """Two chart values: whether the chart renders the Config, and whether a Job creates it."""
    releases = gitops.with_inline_config(planned(page), catalog.load())
    (values,) = (each.values for each in releases if each.name == release)
    return tuple(value_at(values, f"{below}{key}") for key in ("kaiConfig.render", "kaiConfigDeployer.enabled"))


def test_the_config_is_rendered_if_the_version_can() -> None:
    newest = {"mode": "separate", "version": "v0.17.0"}
    assert inline(SEPARATE | {"kaiScheduler": newest}, "kai-scheduler") == (True, False)
    assert inline(BUNDLED, "dynamo-platform", "kai-scheduler.") == (True, False)


@pytest.mark.parametrize("version", ["v0.13.4", "v0.14.7", "v0.15.3"])
def test_the_config_is_left_to_the_chart_if_the_version_cannot_render_it(version: str) -> None:
    page = SEPARATE | {
        "version": "1.1.1",
        "kaiScheduler": {"mode": "separate", "version": version},
        "grove": {"mode": "separate", "version": "v0.1.0-alpha.8"},
    }
    assert inline(page, "kai-scheduler") == (None, None)
    assert inline(BUNDLED | {"version": "1.4.2", "nats": {"mode": "bundled"}}, "dynamo-platform") == (None, None)


def test_the_config_of_an_external_installation_is_not_written() -> None:
    plan = planned(EXTERNAL)
    assert gitops.with_inline_config(plan, catalog.load()) == plan.releases


# Argo CD


def annotations(files: Files) -> Iterator[tuple[str, dict[str, str]]]:
    for path in sorted(files):
        if path.endswith(".yaml"):
            for each in yaml.safe_load_all(files[path]):
                yield path, each["metadata"]["annotations"]


def test_sync_waves_follow_the_order_of_the_files() -> None:
    made = [crd("Config", "kai.scheduler"), config(), manifest("Service", "s"), job()]
    waves = [
        int(each["argocd.argoproj.io/sync-wave"]) for _, each in annotations(written(*made, annotate=with_sync_wave))
    ]
    assert waves == [10, 10, 10, 10, 21, 22, 23, 40, 41]
    assert all(one <= other for one, other in pairwise(waves))


def test_argo_cd_adds_annotations_and_nothing_else() -> None:
    made = [crd("Config", "kai.scheduler"), config("pre-install"), manifest("Service", "s"), job()]
    plain, argocd = written(*made), written(*made, annotate=with_sync_wave)
    assert plain.keys() == argocd.keys()
    for one, other in zip(objects(plain), objects(argocd), strict=True):
        other["metadata"].pop("annotations")
        assert one == other


def test_argo_cd_keeps_what_helm_keeps() -> None:
    annotated = {"annotations": {"argocd.argoproj.io/sync-options": "Prune=false,Validate=false"}}
    made = [crd("Config", "kai.scheduler"), manifest("Namespace", "n", metadata=annotated), manifest("Service", "s")]
    options = {
        path: each.get("argocd.argoproj.io/sync-options")
        for path, each in annotations(written(*made, annotate=with_sync_wave))
    }
    assert options["1-crds-and-namespaces/0-customresourcedefinition-configs.kai.scheduler.yaml"] == (
        "Prune=false,Delete=false,ServerSideApply=true"
    )
    assert options["1-crds-and-namespaces/0-namespace-n.yaml"] == "Prune=false,Validate=false,Delete=false"
    assert options["2-kai-scheduler/1-service-s.yaml"] is None
    assert options["4-queues/1-queue-dynamo.yaml"] is None
    protected = written(page=SEPARATE | {"protect": True}, annotate=with_sync_wave)
    assert "Prune=false,Delete=false" in protected["4-queues/1-queue-dynamo.yaml"]


# Values


def values_of(page: dict[str, Any], **settings: Any) -> gitops.Files:
    return gitops.values_files(planned(page, **settings), Path("/project"), Path("/project/out"))


def test_commands_work_from_their_folder_with_any_path_and_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_chart(Path("my charts/kai"), "kai-scheduler", "v0.17.2")
    kai = {"mode": "separate", "version": "v0.17.2", "chart": "./my charts/kai"}
    plan = planned(SEPARATE | {"kaiScheduler": kai, "cluster": {"context": "it's mine"}})
    files = gitops.values_files(plan, tmp_path, tmp_path / "a" / "out")
    (block,) = re.findall(r"```sh\n(.*?)```", files["README.md"], re.DOTALL)
    commands = [shlex.split(line) for line in block.replace("\\\n", "").splitlines()]
    kai_command = next(each for each in commands if each[:4] == ["helm", "upgrade", "--install", "kai-scheduler"])
    assert kai_command[4] == "../../my charts/kai"
    assert {each[each.index("--kube-context") + 1] for each in commands if each[0] == "helm"} == {"it's mine"}
    assert {tuple(each[1:3]) for each in commands if each[0] == "kubectl"} == {("--context", "it's mine")}
    index = yaml.safe_load(files["releases.yaml"])["releases"]
    assert (index[0]["chart"], index[0]["values"]) == ("../../my charts/kai", "1-kai-scheduler/values.yaml")


def test_values_are_the_plans_with_an_index_in_order() -> None:
    plan = plan_stack(read_stack(find_project(CHECKOUT), "production"))
    files = gitops.values_files(plan, CHECKOUT, CHECKOUT / "out")
    index = yaml.safe_load(files["releases.yaml"])["releases"]
    assert [Release(**{**each, "values": yaml.safe_load(files[each["values"]])}) for each in index] == [
        release._replace(depends_on=()) for release in plan.releases
    ]
    assert [each["values"] for each in index] == [
        "1-kai-scheduler/values.yaml",
        "4-grove/values.yaml",
        "5-dynamo-platform/values.yaml",
    ]
    assert files["5-dynamo-platform/values.yaml"].startswith(
        "# Helm values of dynamo-platform 1.6.2 from https://helm.ngc.nvidia.com/nvidia/ai-dynamo/dynamo-platform\n"
    )
    assert [path for path in files if "queue" in path] == [
        "3-queues/0-queue-dynamo-default.yaml",
        "3-queues/1-queue-dynamo.yaml",
        "3-queues/1-queue-research.yaml",
    ]


def test_the_readme_of_values_names_releases_without_hooks() -> None:
    separate, bundled = (values_of(page)["README.md"] for page in (SEPARATE, BUNDLED))
    assert separate.count("--no-hooks") == 1
    assert "The hooks of dynamo-platform are off" in separate
    assert "hooks" not in bundled


def test_auto_stays_out_of_values() -> None:
    files = values_of(SEPARATE, monitoring={})
    assert "podMonitors" not in files["5-dynamo-platform/values.yaml"]


# YAML

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)


@given(st.recursive(SCALARS, lambda below: st.lists(below) | st.dictionaries(st.text(), below)))
def test_yaml_survives_the_round_trip(value: Any) -> None:
    text = dump([value])
    assert yaml.safe_load(text) == value
    assert "&id" not in dump([[value, value]])


@pytest.mark.parametrize(
    "text", ["1e3", "12E04", "-1.5e+3", "0o17", "yes", "0x1F", "1_000", "12:30", "2026-01-01", "~"]
)
def test_text_that_some_parsers_read_as_another_type_is_quoted(text: str) -> None:
    assert dump([{"a": text}]) == f"a: '{text}'\n"


def test_multi_line_text_is_a_literal_block() -> None:
    assert dump([{"a": "one\ntwo\n"}]) == "a: |\n  one\n  two\n"


# Namespaces


def test_labels_of_a_namespace_are_on_its_object_beside_helms() -> None:
    page = SEPARATE | {"namespaceLabels": {"team": "ai"}, "namespaceAnnotations": {"owner": "ai"}}
    found = {
        each["metadata"]["name"]: each["metadata"]
        for each in objects(written(page=page))
        if each["kind"] == "Namespace"
    }
    assert found["dynamo-system"] == {
        "name": "dynamo-system",
        "labels": {"name": "dynamo-system", "team": "ai"},
        "annotations": {"owner": "ai"},
    }
    assert found["grove-system"] == {"name": "grove-system", "labels": {"name": "grove-system"}}


def test_values_come_with_the_labelled_namespaces_first() -> None:
    files = values_of(SEPARATE, namespaceLabels={"team": "ai"})
    path = "1-namespace-dynamo-system/0-namespace-dynamo-system.yaml"
    assert yaml.safe_load(files[path])["metadata"] == {"name": "dynamo-system", "labels": {"team": "ai"}}
    assert "kubectl apply --server-side --force-conflicts -f 1-namespace-dynamo-system" in files["README.md"]
