"""Pass-through chart values: every key that nothing reads is found, and no key that something reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamo_platform import Finding, PlatformError, plan_of
from dynamo_platform.catalog.keys import Keys, nearest_recording, recorded, recordings
from dynamo_platform.catalog.model import Kind
from dynamo_platform.versions import Version

Values = dict[str, Any]

RECORDED_VALUES = Path(__file__).parents[1] / "data" / "values"
CHARTS = ["dynamo-platform", "kai-scheduler", "grove-charts"]
BACKENDS = {"nats": {"mode": "bundled"}, "etcd": {"mode": "bundled"}}
SEPARATE = {"kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}}


def findings(**page: Any) -> tuple[Finding, ...]:
    """What is said about a page of 1.5.0 with everything bundled, but for what ``page`` says."""
    page = {"version": "1.5.0", "profile": "development", **BACKENDS, **page}
    try:
        return plan_of(page, stack=True).findings
    except PlatformError as error:
        return error.findings


def found(code: str, **page: Any) -> list[Finding]:
    """A rule's findings about such a page."""
    return [finding for finding in findings(**page) if finding.code == code]


def tree(path: str, value: object) -> Values:
    """``a.b`` as ``{"a": {"b": value}}``."""
    for step in reversed(path.split(".")):
        value = {step: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("chart", CHARTS)
def test_recordings_follow_each_other(chart: str) -> None:
    before: dict[str, Any] = {}
    for row, (version, kinds) in zip(recordings(chart).values(), recorded(chart).items(), strict=True):
        assert row.source.startswith("https://"), version
        assert set(row.went) <= set(before), version
        assert not [path for path, kind in row.came.items() if before.get(path) == kind], version
        before = kinds
    assert list(recorded(chart)) == sorted(recorded(chart))


DEAD_IN_THE_WILD = [
    ("1.5.0", "metricsService.enabled", False, "metricsService", "dynamo-operator.metricsService"),
    (
        "1.5.0",
        "dynamo-operator.controllerManager.resources",
        {"limits": {"cpu": 1}},
        "dynamo-operator.controllerManager.resources",
        "dynamo-operator.controllerManager.manager.resources",
    ),
    ("1.5.0", "nats.jetstream.enabled", True, "nats.jetstream", "nats.config.jetstream"),
    ("1.5.0", "nats.jetstream.fileStorage.size", "1Gi", "nats.jetstream", "nats.config.jetstream"),
    ("1.5.0", "global.etcd.enabled", True, "global.etcd.enabled", "the setting etcd.mode"),
    ("1.5.0", "global.nats.enabled", True, "global.nats.enabled", "the setting nats.mode"),
    ("1.0.1", "kai-scheduler.enabled", True, "kai-scheduler.enabled", "the setting kaiScheduler.mode"),
    ("1.1.0", "grove.enabled", False, "grove.enabled", "the setting grove.mode"),
    ("1.0.1", "etcd.enabled", True, "etcd.enabled", "the setting etcd.mode"),
    ("1.5.0", "upgradeCRD", False, "upgradeCRD", "dynamo-operator.upgradeCRD"),
    ("1.5.0", "image.tag", "1.5.0", "image", "dynamo-operator.controllerManager.manager.image"),
]


@pytest.mark.parametrize(("version", "path", "value", "topmost", "instead"), DEAD_IN_THE_WILD)
def test_key_known_to_be_dead_is_found(version: str, path: str, value: object, topmost: str, instead: str) -> None:
    [finding] = found("KEY001", version=version, values=tree(path, value))
    assert (finding.path, finding.allowed) == (f"values.{topmost}", instead)
    assert finding.severity == "warning"


def test_group_that_no_version_reads_is_found() -> None:
    [finding] = found("KEY001", values=tree("global.lws.enabled", value=True))
    assert finding.path == "values.global.lws"
    assert finding.allowed.startswith("no key: LeaderWorkerSet is installed on its own")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("dynamo-operator.upgradeCrd", "dynamo-operator.upgradeCRD"),
        ("Dynamo-Operator.upgradeCRD", "dynamo-operator"),
        ("nats.natsbox.enabled", "nats.natsBox"),
        ("dynamo-operator.metricService.enabled", "dynamo-operator.metricsService"),
        ("global.kai-scheduler.instal", "global.kai-scheduler.install"),
        ("kai-scheduler.operator.replicas", "kai-scheduler.operator.replicaCount"),
        ("grove.crdInstall.enabled", "grove.crdInstaller"),
        ("dynamo-operator.manager.resources", "dynamo-operator.controllerManager.manager"),
    ],
)
def test_key_that_was_meant_is_named(given: str, meant: str) -> None:
    [finding] = found("KEY001", values=tree(given, {}))
    assert finding.allowed == meant


def test_nothing_alike_gets_the_names_that_are_read_there() -> None:
    [finding] = found("KEY001", grove={"values": {"config": {"scheduler": {"x": 1}}}})
    assert finding.path == "grove.values.config.scheduler.x"
    assert finding.allowed == "one of the keys at this level: defaultProfileName, profiles"


def test_map_below_a_key_that_takes_none_is_found() -> None:
    [finding] = found("KEY001", values=tree("dynamo-operator.upgradeCRD.enabled", value=True))
    assert (finding.path, finding.allowed) == ("values.dynamo-operator.upgradeCRD", "true or false")


READ = [
    tree("dynamo-operator.controllerManager.podLabels", {"team": "ai", "Team": "ai"}),
    tree("dynamo-operator.controllerManager.serviceAccount.annotations", {"eks.amazonaws.com/role-arn": "arn"}),
    tree("dynamo-operator.controllerManager.affinity", {"nodeAffinity": {"x": 1}}),
    tree("dynamo-operator.controllerManager.tolerations", [{"operator": "Exists"}]),
    tree("dynamo-operator.controllerManager.manager.containerSecurityContext", {"runAsUser": 1000}),
    tree("dynamo-operator.controllerManager.manager.resources", {"limits": {"ephemeral-storage": "1Gi"}}),
    tree("dynamo-operator.metricsService.labels", {"release": "monitoring"}),
    tree("dynamo-operator.env", [{"name": "A", "value": "b"}]),
    tree("dynamo-operator.dynamo.dockerRegistry.server", "registry.example.com"),
    tree("dynamo-operator.fullnameOverride", "operator"),
    tree("nats.config.cluster", {"enabled": True, "replicas": 3, "tls": {"enabled": False}}),
    tree("nats.config.jetstream.fileStore.pvc.merge", {"spec": {"volumeMode": "Block"}}),
    tree("nats.promExporter", {"enabled": True, "image": {"tag": "1"}, "podMonitor": {"enabled": True}}),
    tree("nats.extraResources", [{"kind": "ConfigMap"}]),
    tree("nats.natsBox.contexts.other", {"creds": {"secretName": "a"}}),
    tree(
        "etcd", {"metrics": {"enabled": True}, "service": {"type": "ClusterIP"}, "resources": {}, "image": {"tag": "1"}}
    ),
    tree("etcd.startupProbe.enabled", value=True),
    tree("snapshot", {"anything": {"at": "all"}}),
    tree("global.imagePullSecrets", [{"name": "a"}]),
    tree("global.storageClass", "fast"),
    tree("global.image.registry", "registry.example.com"),
    tree("global.nodeSelector", {"pool": "system"}),
    tree("kai-scheduler.operator.resources.limits.memory", "512Mi"),
    tree("kai-scheduler.scheduler.args", {"v": "4"}),
    tree("kai-scheduler.nodescaleadjuster.image.tag", "v0.17.0"),
    tree("grove.deployment.labels", {"app.kubernetes.io/name": "grove"}),
    tree("grove.affinity", {}),
    tree("grove.resources", {"limits": {"nvidia.com/gpu": 1}}),
    tree("grove.imagePullSecrets", []),
    tree("dynamo-operator.controllerManager.podAnnotations", {"a.b": "x", "prometheus.io/scrape": "true"}),
    tree("global.nodeSelector", {"kubernetes.io/os": "linux"}),
    tree("etcd.podAnnotations", {"prometheus.io/scrape": "true"}),
]


@pytest.mark.parametrize("values", READ, ids=lambda values: str(values)[:70])
def test_key_that_something_reads_is_not_found(values: Values) -> None:
    assert [finding for n in (1, 2, 3, 4, 7) for finding in found(f"KEY00{n}", values=values)] == []


@pytest.mark.parametrize(
    ("values", "path", "meant"),
    [
        (
            {"dynamo-operator.controllerManager.replicas": 5},
            "",
            {"dynamo-operator": {"controllerManager": {"replicas": 5}}},
        ),
        (
            {"dynamo-operator": {"controllerManager.replicas": 5}},
            "dynamo-operator.",
            {"dynamo-operator": {"controllerManager": {"replicas": 5}}},
        ),
        ({"global.grove": {"enabled": False}}, "", {"global": {"grove": {"enabled": False}}}),
        ({"kai-scheduler.operator.qps": 50}, "", {"kai-scheduler": {"operator": {"qps": 50}}}),
        ({"etcd": {"auth.rbac.create": True}}, "etcd.", {"etcd": {"auth": {"rbac": {"create": True}}}}),
        ({"etcd.auth.rbac.create": True}, "", {"etcd": {"auth": {"rbac": {"create": True}}}}),
        (
            {"dynamo-operator.controllerManager.podLabels.example.com/a": "b"},
            "",
            {"dynamo-operator": {"controllerManager": {"podLabels": {"example.com/a": "b"}}}},
        ),
    ],
    ids=str,
)
def test_a_key_that_is_a_path_is_one_key(values: Values, path: str, meant: Values) -> None:
    (finding,) = found("KEY007", values=values)
    key = next(iter(values[path[:-1]] if path else values))
    assert finding.path == f"values.{path}" + key.replace(".", "\\.")
    assert finding.allowed == json.dumps(meant)
    assert {each.code for each in findings(values=values)} <= {"KEY007", "VER008"}


def test_a_key_with_dots_that_is_no_path_is_an_unread_key() -> None:
    assert found("KEY007", values={"example.com/a": 1}) == []
    assert [finding.path for finding in found("KEY001", values={"example.com/a": 1})] == ["values.example\\.com/a"]


def test_a_path_for_a_key_sets_nothing() -> None:
    bad = {"dynamo-operator.upgradeCRD": False, "dynamo-operator.namespaceRestriction.enabled": True}
    plan = plan_of({"version": "1.5.0", "profile": "development", "values": bad, "accept": ["KEY007"]}, stack=True)
    assert {finding.severity for finding in plan.findings if finding.code == "KEY007"} == {"note"}
    assert not [finding for finding in plan.findings if finding.code.startswith("CHT")]
    assert plan.platform.values["dynamo-operator.upgradeCRD"] is False


def test_values_of_a_chart_that_is_not_installed_reach_nothing() -> None:
    values = {"kai-scheduler": {"operator": {"qps": 1}}, "nats": {"config": {}}, "etcd": {"replicaCount": 1}}
    off = {"nats": {"mode": "external", "address": "nats://a:4222"}, "etcd": {"mode": "disabled"}}
    assert [(finding.path, finding.allowed) for finding in found("KEY001", **SEPARATE, **off, values=values)] == [
        ("values.etcd", "no values below etcd"),
        ("values.kai-scheduler", "kaiScheduler.values, for its own release"),
        ("values.nats", "no values below nats"),
    ]


def test_key_that_the_module_writes_is_read_also_where_the_chart_is_not_installed() -> None:
    off = {"nats": {"mode": "disabled"}}
    assert found("KEY001", version="1.0.1", **off, values=tree("nats.enabled", value=False)) == []


@pytest.mark.parametrize(
    ("version", "read"),
    [("v0.14.7", False), ("v0.15.0", True), ("v0.15.1", True), ("v0.17.0", True)],
)
def test_key_is_found_by_the_version_that_is_installed(version: str, read: bool) -> None:
    kai = {"mode": "separate", "version": version, "values": {"scheduler": {"args": {"v": "4"}}}}
    findings = found("KEY001", version="1.4.0", kaiScheduler=kai, grove={"mode": "separate"})
    assert [finding.path for finding in findings] == ([] if read else ["kaiScheduler.values.scheduler.args"])


def test_finding_says_when_the_key_came_and_when_it_went() -> None:
    kai = {"mode": "separate", "version": "v0.14.7", "values": {"scheduler": {"args": {}}}}
    [came] = found("KEY001", version="1.4.0", kaiScheduler=kai, grove={"mode": "separate"})
    assert (
        came.why == "kai-scheduler v0.14.7 does not read this key, so it has no effect. "
        "v0.15.0 is the first version that reads it."
    )
    [went] = found("KEY001", values=tree("dynamo-operator.featureGates.gmsSnapshot", value=True))
    assert went.path == "values.dynamo-operator.featureGates"
    [went] = found("KEY001", values=tree("dynamo-operator.checkpoint.readyForCheckpointFilePath", "/ready"))
    assert went.why.endswith("1.0.1 is the last version that reads it.")


def test_finding_says_which_recorded_versions_it_goes_by() -> None:
    [finding] = found("KEY001", version="1.5.1", values={"x": 1})
    assert finding.why == (
        "dynamo-platform 1.5.1 does not read this key, so it has no effect. Checked with the keys of 1.5.0 and 1.6.0, "
        "the recorded versions before and after it."
    )
    [finding] = found("KEY001", version="1.5.0", values={"x": 1})
    assert finding.why == "dynamo-platform 1.5.0 does not read this key, so it has no effect."


GMS = tree("dynamo-operator.featureGates.gmsSnapshot", value=True)
LPX = tree("dynamo-operator.lpx.enabled", value=True)


@pytest.mark.parametrize(
    ("version", "values", "code", "severity", "known"),
    [
        ("1.5.0", LPX, "KEY001", "warning", "dynamo-platform 1.5.0 does not read this key, so it has no effect."),
        ("1.5.1", LPX, "KEY001", "warning", "1.5.0 does not, 1.6.0 does."),
        ("1.6.0", LPX, None, None, ""),
        ("1.6.2", LPX, None, None, ""),
        ("1.6.2", GMS, "KEY001", "warning", "1.6.0, the nearest recorded version, does not."),
        ("1.4.0", GMS, None, None, ""),
        ("1.4.2", GMS, "KEY006", "note", "1.4.0 does, 1.5.0 does not."),
        ("1.5.0", GMS, "KEY001", "warning", "dynamo-platform 1.5.0 does not read this key, so it has no effect."),
    ],
)
def test_what_a_version_without_a_recording_reads_is_not_known_where_its_neighbours_differ(
    version: str, values: Values, code: str | None, severity: str | None, known: str
) -> None:
    about = [each for each in findings(version=version, values=values) if each.code in {"KEY001", "KEY006"}]
    assert [(each.code, each.severity) for each in about] == ([(code, severity)] if code else [])
    for each in about:
        unknown = f"It is not known whether dynamo-platform {version} reads this key: "
        assert each.why.startswith(known if known.startswith("dynamo") else f"{unknown}{known}")


def test_key_that_neither_neighbour_reads_is_not_read_where_the_map_around_it_is_new() -> None:
    [finding] = found("KEY001", version="1.5.1", values=tree("dynamo-operator.lpx.typo", 1))
    assert finding.path == "values.dynamo-operator.lpx"
    assert finding.why.startswith("dynamo-platform 1.5.1 does not read this key, so it has no effect.")


KAI_KEYS = [
    ("v0.9.4", "postCleanup.image.tag", False),
    ("v0.12.0", "postCleanup.image.tag", True),
    ("v0.13.4", "crdupgrader.image.tag", True),
    ("v0.14.7", "crdupgrader.image.registry", False),
    ("v0.15.0", "crdupgrader.image.registry", True),
    ("v0.14.5", "kaiConfigDeployer.image.registry", False),
    ("v0.14.6", "kaiConfigDeployer.image.registry", True),
    ("v0.16.9", "kaiConfigDeployer.image.tag", True),
    ("v0.17.1", "topologyMigration.image.tag", True),
    ("v0.17.0", "admission.cdi", False),
    ("v0.17.0", "admission.name", False),
    ("v0.16.8", "queuecontroller.certSecretName", False),
    ("v0.15.3", "podgrouper.queueLabelKey", False),
    ("v0.16.0", "podgrouper.queueLabelKey", True),
    ("v0.13.0-rc1", "podgrouper.image.name", False),
    ("v0.13.0", "podgrouper.image.name", True),
    ("v0.16.3", "global.fips", False),
    ("v0.16.9", "global.fips", True),
    ("v0.17.0", "global.fips", True),
    ("v0.17.0", "global.fipsMode", False),
    ("v0.17.1", "global.fips", False),
    ("v0.17.1", "global.fipsMode", True),
]


@pytest.mark.parametrize(("version", "path", "read"), KAI_KEYS)
def test_recording_of_kai_has_what_its_templates_read(version: str, path: str, read: bool) -> None:
    assert (path in recorded("kai-scheduler")[Version.parse(version)]) is read


@pytest.mark.parametrize(
    ("version", "key", "instead"),
    [
        ("v0.17.0", "fips", None),
        ("v0.17.0", "fipsMode", "global.fips: true, in v0.16.4 to v0.17.0"),
        ("v0.17.2", "fips", 'global.fipsMode: "on", which replaces it from v0.17.1 on'),
        ("v0.17.2", "fipsMode", None),
    ],
)
def test_fips_is_fips_mode_after_0_17_0(version: str, key: str, instead: str | None) -> None:
    kai = {"mode": "separate", "version": version, "values": {"global": {key: "on"}}}
    findings = found("KEY001", kaiScheduler=kai, grove={"mode": "separate"})
    assert [each.allowed for each in findings] == ([instead] if instead else [])


@pytest.mark.parametrize(
    ("version", "recording"),
    [
        ("v0.8.0", "v0.9.4"),
        ("v0.13.0-rc1", "v0.13.0-rc1"),
        ("v0.12.8", "v0.12.7"),
        ("v0.17.2", "v0.17.1"),
        ("v0.18.0", "v0.17.1"),
    ],
)
def test_version_between_recordings_takes_the_one_below(version: str, recording: str) -> None:
    among = recorded("kai-scheduler")
    assert str(nearest_recording(Version.parse(version), among)) == recording


def test_platform_stays_within_its_band() -> None:
    """1.2.0-rc1 comes after 1.1.0, whose keys are those of another minor version."""
    [finding] = found("KEY001", version="1.2.0-rc1", values={"x": 1})
    assert "Checked with the keys of 1.2.0 and 1.1.0, " in finding.why


@pytest.mark.parametrize(
    "path", ["dynamo-operator.webhook", "dynamo-operator.controllerManager.podLabels", "nats.config", "grove.image"]
)
def test_null_for_a_map_is_refused(path: str) -> None:
    [finding] = found("KEY002", values=tree(path, None))
    assert (finding.path, finding.given, finding.severity) == (f"values.{path}", "null", "error")


EVERY = [
    (chart, str(version), path, kinds.get(path))
    for chart in CHARTS
    for version, kinds in recorded(chart).items()
    for path in sorted({*Keys(kinds).maps, *kinds})
]


def errors(chart: str, version: str, values: Values) -> set[str]:
    """The codes of errors about a chart's values."""
    page: Values = {"version": version, "values": values}
    if chart != "dynamo-platform":
        key = {"kai-scheduler": "kaiScheduler", "grove-charts": "grove"}[chart]
        page = {**SEPARATE, "accept": ["DEP002", "DEP005"]}
        page[key] = {"mode": "separate", "version": version, "values": values}
    return {finding.code for finding in findings(**page) if finding.severity == "error"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([each for each in EVERY if each[3] in {None, "map"}]))
def test_null_for_any_map_of_any_version_is_refused(key: tuple[str, str, str, Kind | None]) -> None:
    chart, version, path, _ = key
    assert errors(chart, version, tree(path, None)) & {"KEY002", "VAL002"}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([each for each in EVERY if each[3] in {"boolean", "auto"}]), st.sampled_from(["false", "", 0, 1])
)
def test_any_boolean_of_any_version_is_true_or_false(key: tuple[str, str, str, Kind | None], value: object) -> None:
    chart, version, path, _ = key
    assert "KEY004" in errors(chart, version, tree(path, value))


def test_something_else_for_a_map_is_refused() -> None:
    [finding] = found("KEY002", values=tree("dynamo-operator.metricsService", value=True))
    assert (finding.given, finding.allowed) == ("true", "a map, or remove the key")


@pytest.mark.parametrize("path", ["nats.config.merge.max_payload", "etcd.metrics", "grove.replicaCount"])
def test_null_below_a_subcharts_key_is_refused(path: str) -> None:
    [finding] = found("KEY003", values=tree(path, None))
    assert (finding.path, finding.severity) == (f"values.{path}", "error")


@pytest.mark.parametrize("path", ["dynamo-operator.metricsService.enabled", "nats.statefulSet.name"])
def test_null_that_is_the_charts_own_default_is_not_refused(path: str) -> None:
    assert found("KEY002", values=tree(path, None)) == found("KEY003", values=tree(path, None)) == []


def test_null_for_what_the_module_writes_is_said_once() -> None:
    values = {"global": {"kai-scheduler": None, "grove": {"install": None}}}
    assert [(finding.path, finding.given) for finding in found("VAL002", values=values)] == [
        ("values.global.grove.install", "null"),
        ("values.global.kai-scheduler", "null"),
    ]
    assert "Helm installs a subchart whose condition is missing" in found("VAL002", values=values)[0].why
    assert found("KEY002", values=values) == found("KEY003", values=values) == []


@pytest.mark.parametrize("text", ["true", "false", "no", ""])
def test_text_for_a_boolean_is_refused(text: str) -> None:
    [finding] = found("KEY004", kaiScheduler={"values": {"global": {"gpuSharing": text}}})
    assert finding.path == "kaiScheduler.values.global.gpuSharing"
    assert finding.allowed == "true or false, without quotes"


@pytest.mark.parametrize("tag", ["", "1.5.0"])
def test_operators_own_tag_is_no_finding(tag: str) -> None:
    assert found("KEY005", values=tree("dynamo-operator.controllerManager.manager.image.tag", tag)) == []


READ_BY_NO_TEMPLATE = {
    "admission.cdi",
    "admission.certSecretName",
    "admission.name",
    "binder.name",
    "global.resourceReservation.appLabel",
    "podgrouper.affinity",
    "podgrouper.image.name",
    "podgrouper.image.pullPolicy",
    "podgrouper.queueLabelKey",
    "queuecontroller.certSecretName",
    "service.port",
}


def test_recordings_have_every_default_of_the_real_charts() -> None:
    """But for two that the recorded build of 1.4 had from 1.5 already, and for those that no template reads."""
    missing = []
    for file in sorted(RECORDED_VALUES.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        kinds = recorded(document["chart"])[Version.parse(document["version"])]
        of_the_user = [f"{path}." for path, kind in kinds.items() if kind == "map"]
        missing += [
            (document["version"], path)
            for path in document["defaults"]
            if path not in kinds and not path.startswith(tuple(of_the_user)) and path not in READ_BY_NO_TEMPLATE
        ]
    assert missing == [
        ("1.4.0", "dynamo-operator.controllerManager.manager.dgdrDefaultImage"),
        ("1.4.0", "dynamo-operator.planner.powerAwareness.enabled"),
    ]
