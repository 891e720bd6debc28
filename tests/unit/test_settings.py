"""Typed settings, in the keys of every minor version: exact values, and no key that the chart does not list."""

import json
from pathlib import Path
from typing import Any

import pytest

from dynamo_platform import PlatformError
from dynamo_platform.catalog import load
from dynamo_platform.catalog.model import PartName, SettingKey
from dynamo_platform.trees import nested
from dynamo_platform.versions import Version
from tests.certificates import CERTIFICATE
from tests.unit.local_charts import write_chart
from tests.unit.test_values import NEWEST, at, planned, platform, values_of

CATALOG = load()
RECORDED = Path(__file__).parents[1] / "data" / "values"

KAI = "v0.17.0"
GROVE = "v0.1.0-alpha.13"


def separate(kai: str = KAI, grove: str = GROVE, version: str = "1.5.1", **settings: Any) -> dict[str, Any]:
    """The values of each release, by its name."""
    for name, given in (("kaiScheduler", kai), ("grove", grove)):
        settings[name] = {"version": given} | settings.get(name, {})
    plan = planned(version, "separate", "separate", **settings)
    return {release.name: release.values for release in plan.releases}


# What the charts list

OF_LATER_VERSIONS = {
    "dynamo-operator.dynamo.metrics.podMonitors.labels",  # 1.6, whose values are not recorded
    "imagePullSecrets",  # Grove alpha.12, the same
    "metrics.serviceMonitor.enabled",  # Grove alpha.13, the same
    "metrics.serviceMonitor.labels",
}
REFUSED_SOON = {"dynamo-operator.checkpoint.cleanupImage"}
"""Keys that 1.5.0 refuses, and that its recording, three weeks older, still lists."""

OF_SUBCHARTS = {
    "nats": {"global.image.pullSecretNames", "promExporter.image.registry"},
    "etcd": {"image.registry", "image.pullSecrets", "global.security.allowInsecureImages"},
}


def recordings() -> list[tuple[PartName, Version, dict[str, Any]]]:
    charts: dict[str, PartName] = {
        "dynamo-platform": "dynamo-platform",
        "kai-scheduler": "kai-scheduler",
        "grove-charts": "grove",
    }
    read = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RECORDED.glob("*.json"))]
    return [(charts[each["chart"]], Version.parse(each["version"]), each["defaults"]) for each in read]


def listed(key: str, defaults: dict[str, Any]) -> bool:
    """Whether a chart lists a key, something below it, or a map that takes it."""
    parents = [key[:i] for i, letter in enumerate(key) if letter == "."]
    return (
        key in defaults
        or any(known.startswith(f"{key}.") for known in defaults)
        or any(defaults.get(parent) == {} for parent in parents)
    )


@pytest.mark.parametrize(("part", "version", "defaults"), recordings(), ids=lambda value: str(value)[:24])
def test_keys_of_a_version_are_listed_by_its_chart(part: PartName, version: Version, defaults: dict[str, Any]) -> None:
    rows = [key for keys in CATALOG.settings(part).values() for key in keys if key.holds(version)]
    assert rows
    assert [key.key for key in rows if not listed(key.key, defaults)] == []


@pytest.mark.parametrize("part", ["nats", "etcd"])
def test_keys_of_nats_and_etcd_are_listed_by_the_platform_or_known(part: PartName) -> None:
    recorded = [defaults for chart, _, defaults in recordings() if chart == "dynamo-platform"]
    rows = {key.key for keys in CATALOG.settings(part).values() for key in keys}
    assert OF_SUBCHARTS[part] <= rows
    for key in rows - OF_SUBCHARTS[part]:
        assert all(listed(f"{part}.{key}", defaults) for defaults in recorded), key


@pytest.mark.parametrize(("part", "version", "defaults"), recordings(), ids=lambda value: str(value)[:24])
def test_keys_that_a_version_does_not_read_are_not_listed_there(
    part: PartName, version: Version, defaults: dict[str, Any]
) -> None:
    """Where a row starts or ends is where the key came or went."""
    for keys in CATALOG.settings(part).values():
        used = {key.key for key in keys if key.holds(version)}
        for key in keys:
            if key.key not in used | {"global.leaderElection"} | REFUSED_SOON:
                assert not listed(key.key, defaults), f"{key.key} of {version}"


def test_later_versions_are_the_only_ones_that_no_recording_covers() -> None:
    def covered(part: str, key: SettingKey) -> bool:
        return any(key.holds(version) for chart, version, _ in recordings() if chart == part)

    current = {
        key.key
        for part in ("dynamo-platform", "kai-scheduler", "grove")
        for keys in CATALOG.settings(part).values()
        for key in keys
        if key.below is None and not covered(part, key)
    }
    assert current == OF_LATER_VERSIONS | {"dynamo-operator.metricsService.labels"}


# Monitoring

SERVICE_LABELS = "dynamo-operator.metricsService.labels"
POD_LABELS = "dynamo-operator.dynamo.metrics.podMonitors.labels"


@pytest.mark.parametrize(("version", "pods"), [("1.5.1", ...), ("1.6.1", {"release": "mine"})])
def test_labels_go_to_the_monitors_that_take_them(version: str, pods: object) -> None:
    values = platform(version, monitoring={"labels": {"release": "mine"}})
    assert at(values, SERVICE_LABELS) == {"release": "mine"}
    assert at(values, POD_LABELS) == pods


@pytest.mark.parametrize("minor", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_labels_that_no_monitor_takes_are_refused_and_written_nowhere(minor: str) -> None:
    with pytest.raises(PlatformError, match="SET001"):
        platform(NEWEST[minor], monitoring={"labels": {"release": "mine"}})
    accepted = platform(NEWEST[minor], monitoring={"labels": {"release": "mine"}}, accept=["SET001"])
    assert (at(accepted, SERVICE_LABELS), at(accepted, POD_LABELS)) == (..., ...)


@pytest.mark.parametrize("version", NEWEST.values())
def test_prometheus_endpoint_is_written_in_every_band(version: str) -> None:
    values = platform(version, monitoring={"prometheusEndpoint": "http://prometheus:9090"})
    assert at(values, "dynamo-operator.dynamo.metrics.prometheusEndpoint") == "http://prometheus:9090"


# Webhook certificates

WEBHOOK = "dynamo-operator.webhook"


@pytest.mark.parametrize("version", NEWEST.values())
@pytest.mark.parametrize(
    ("certificates", "cert_manager", "external"),
    [
        ({"mode": "automatic"}, False, False),
        ({"mode": "cert-manager"}, True, False),
        ({"mode": "own", "caBundle": CERTIFICATE}, False, True),
    ],
    ids=lambda value: value["mode"] if isinstance(value, dict) else "",
)
def test_certificates_have_one_maker(
    version: str, certificates: dict[str, Any], cert_manager: bool, external: bool
) -> None:
    values = platform(version, namespace="dynamo", webhookCertificates=certificates)
    assert at(values, f"{WEBHOOK}.certManager.enabled") is cert_manager
    assert at(values, f"{WEBHOOK}.certificateSecret.external") is external
    assert at(values, f"{WEBHOOK}.caBundle") == certificates.get("caBundle", ...)
    assert at(values, f"{WEBHOOK}.certificateSecret.name") is ...


def test_own_certificate_names_its_secret() -> None:
    own = {"mode": "own", "secret": "platform-webhooks", "caBundle": CERTIFICATE}
    assert at(platform(webhookCertificates=own), f"{WEBHOOK}.certificateSecret.name") == "platform-webhooks"


def test_certificates_that_nobody_mentions_are_the_charts() -> None:
    assert at(platform(), WEBHOOK) is ...


def test_the_monitor_of_grove_has_the_labels_of_the_others() -> None:
    monitoring = {"groveServiceMonitor": True, "labels": {"release": "prometheus"}}
    values = separate(monitoring=monitoring)
    assert values["grove"]["metrics"] == {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}
    assert "metrics" not in separate(monitoring={"labels": {"release": "prometheus"}})["grove"]
    with pytest.raises(PlatformError, match="SET001"):
        separate("v0.13.4", "v0.1.0-alpha.8", "1.1.1", monitoring={"groveServiceMonitor": True}, accept=["DEP005"])


# The mirror

MIRROR = {"mirror": "registry.example.com:5000/upstream"}
AT = "registry.example.com:5000/upstream"


def test_charts_come_from_the_same_path_of_the_mirror() -> None:
    plan = planned("1.5.1", "separate", "separate", registry=MIRROR)
    assert [(release.chart, release.repository) for release in plan.releases] == [
        (f"oci://{AT}/kai-scheduler/kai-scheduler/kai-scheduler", None),
        (f"oci://{AT}/ai-dynamo/grove/grove-charts", None),
        (f"oci://{AT}/nvidia/ai-dynamo/dynamo-platform", None),
    ]


def test_repository_and_chart_of_a_release_come_before_the_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_chart(Path("grove.tgz"), "grove-charts", "v0.1.0-alpha.13")
    plan = planned(
        "1.5.1",
        "separate",
        "separate",
        registry=MIRROR,
        kaiScheduler={"repository": "oci://elsewhere/kai"},
        grove={"chart": "./grove.tgz"},
    )
    assert [release.chart for release in plan.releases[:2]] == ["oci://elsewhere/kai/kai-scheduler", "./grove.tgz"]


def test_images_come_from_the_mirror_and_no_tag_is_written() -> None:
    values = separate(registry=MIRROR)
    assert at(values["dynamo-platform"], "dynamo-operator.controllerManager.manager.image") == {
        "repository": f"{AT}/nvidia/ai-dynamo/kubernetes-operator"
    }
    assert values["kai-scheduler"]["global"] == {"registry": f"{AT}/kai-scheduler/kai-scheduler"}
    assert values["grove"]["image"] == {"repository": f"{AT}/ai-dynamo/grove/grove-operator"}
    assert values["grove"]["crdInstaller"]["image"] == {"repository": f"{AT}/ai-dynamo/grove/grove-install-crds"}
    assert values["grove"]["deployment"] == {
        "env": [{"name": "GROVE_INIT_CONTAINER_IMAGE", "value": f"{AT}/ai-dynamo/grove/grove-initc"}]
    }


@pytest.mark.parametrize(
    ("version", "path"), [("v0.13.0", "nvidia/kai-scheduler"), ("v0.13.4", "kai-scheduler/kai-scheduler")]
)
def test_kai_images_move_on_the_mirror_as_they_moved_upstream(version: str, path: str) -> None:
    values = separate(version, "v0.1.0-alpha.6", "1.0.2", registry=MIRROR, accept=["DEP005"])
    assert at(values["kai-scheduler"], "global.registry") == f"{AT}/{path}"


def test_bundled_charts_have_the_mirror_below_their_keys() -> None:
    values = platform("1.5.1", nats={"mode": "bundled"}, etcd={"mode": "bundled"}, registry=MIRROR)
    assert at(values, "kai-scheduler.global.registry") == f"{AT}/kai-scheduler/kai-scheduler"
    assert at(values, "grove.image.repository") == f"{AT}/ai-dynamo/grove/grove-operator"
    for image in ("nats.container.image", "nats.reloader.image", "nats.natsBox.container.image", "etcd.image"):
        assert at(values, image) == {"registry": AT}


def test_each_upstream_registry_may_have_its_own_mirror() -> None:
    mirrors = {"ghcr.io": "a.example.com/ghcr", "docker.io": "b.example.com"}
    values = platform("1.5.1", nats={"mode": "bundled"}, etcd={"mode": "bundled"}, registry={"mirrors": mirrors})
    assert at(values, "kai-scheduler.global.registry") == "a.example.com/ghcr/kai-scheduler/kai-scheduler"
    assert at(values, "etcd") == {
        "image": {"registry": "b.example.com"},
        "global": {"security": {"allowInsecureImages": True}},
    }
    assert at(values, "dynamo-operator.controllerManager.manager") is ...
    plan = planned("1.5.1", "separate", "separate", registry=MIRROR | {"mirrors": mirrors})
    assert [release.chart for release in plan.releases] == [
        "oci://a.example.com/ghcr/kai-scheduler/kai-scheduler/kai-scheduler",
        "oci://a.example.com/ghcr/ai-dynamo/grove/grove-charts",
        f"oci://{AT}/nvidia/ai-dynamo/dynamo-platform",
    ]


def test_images_may_be_mirrored_without_charts() -> None:
    plan = planned("1.5.1", "separate", "separate", registry=MIRROR | {"mirrorCharts": False})
    assert [release.source for release in plan.releases] == [
        "oci://ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler",
        "oci://ghcr.io/ai-dynamo/grove/grove-charts",
        "https://helm.ngc.nvidia.com/nvidia/ai-dynamo/dynamo-platform",
    ]
    assert at(plan.releases[0].values, "global.registry") == f"{AT}/kai-scheduler/kai-scheduler"


@pytest.mark.parametrize(("version", "image"), [("1.2.1", ...), ("1.3.1", f"{AT}/busybox:1.36"), ("1.5.1", ...)])
def test_the_cleanup_of_checkpoints_is_mirrored_where_the_chart_takes_its_image(version: str, image: Any) -> None:
    assert at(platform(version, registry=MIRROR), "dynamo-operator.checkpoint.cleanupImage") == image


ENTRY = {"name": "GROVE_INIT_CONTAINER_IMAGE", "value": f"{AT}/ai-dynamo/grove/grove-initc"}
OWN = {"name": "HTTPS_PROXY", "value": "http://proxy:3128"}


@pytest.mark.parametrize("mode", ["separate", "bundled"])
def test_own_variables_of_grove_stand_beside_the_mirrors(mode: str) -> None:
    grove = {"mode": mode, "values": {"deployment": {"env": [OWN]}}}
    plan = planned("1.5.1", "separate", mode, registry=MIRROR, grove=grove)
    values = plan.releases[-1].values["grove"] if mode == "bundled" else plan.releases[1].values
    assert at(values, "deployment.env") == [ENTRY, OWN]
    assert [finding.code for finding in plan.findings] == ["DEP008"]


def test_own_tolerations_replace_those_of_the_placement_only_if_accepted() -> None:
    placement = {"tolerations": [{"key": "a", "operator": "Equal", "value": "b"}]}
    grove = {"values": {"tolerations": [{"key": "c"}]}}
    with pytest.raises(PlatformError, match="VAL001"):
        planned("1.5.1", "separate", "separate", placement=placement, grove=grove)
    plan = planned("1.5.1", "separate", "separate", placement=placement, grove=grove, accept=["VAL001"])
    assert at(plan.releases[1].values, "tolerations") == [{"key": "c"}]


def test_another_image_than_the_mirrors_is_refused_unless_accepted() -> None:
    own = ENTRY | {"value": "elsewhere/grove-initc"}
    grove = {"values": {"deployment": {"env": [own]}}}
    with pytest.raises(PlatformError, match="VAL001"):
        planned("1.5.1", "separate", "separate", registry=MIRROR, grove=grove)
    plan = planned("1.5.1", "separate", "separate", registry=MIRROR, grove=grove, accept=["VAL001"])
    assert at(plan.releases[1].values, "deployment.env") == [own]


def test_pull_secrets_are_references_or_names_as_each_chart_takes_them() -> None:
    secrets = {"pullSecrets": ["one", "two"]}
    references = [{"name": "one"}, {"name": "two"}]
    values = platform("1.5.1", nats={"mode": "bundled"}, etcd={"mode": "bundled"}, registry=secrets)
    assert at(values, "dynamo-operator.imagePullSecrets") == references
    assert at(values, "kai-scheduler.global.imagePullSecrets") == references
    assert at(values, "grove.imagePullSecrets") == references
    assert at(values, "nats.global.image.pullSecretNames") == ["one", "two"]
    assert at(values, "etcd.image.pullSecrets") == ["one", "two"]


def test_grove_without_pull_secrets_is_told_none() -> None:
    plan = planned("1.4.2", registry={"pullSecrets": ["one"]})
    assert at(plan.releases[-1].values, "grove.imagePullSecrets") is ...
    assert "SET002" in {finding.code for finding in plan.findings}


# Placement and replicas

TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}


def test_tolerations_reach_every_chart_as_they_are_written() -> None:
    values = platform(
        "1.5.1", nats={"mode": "bundled"}, etcd={"mode": "bundled"}, placement={"tolerations": [TOLERATION]}
    )
    for key in (
        "dynamo-operator.controllerManager.tolerations",
        "kai-scheduler.global.tolerations",
        "grove.tolerations",
        "nats.podTemplate.merge.spec.tolerations",
        "etcd.tolerations",
    ):
        assert at(values, key) == [TOLERATION]


def test_node_selector_is_an_affinity_where_the_chart_has_only_that() -> None:
    values = platform(
        "1.5.1", nats={"mode": "bundled"}, etcd={"mode": "bundled"}, placement={"nodeSelector": {"pool": "system"}}
    )
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["system"]}]},
                ]
            }
        }
    }
    assert at(values, "kai-scheduler.global.nodeSelector") == {"pool": "system"}
    assert at(values, "grove.nodeSelector") == {"pool": "system"}
    for key in (
        "dynamo-operator.controllerManager.affinity",
        "nats.podTemplate.merge.spec.affinity",
        "etcd.affinity",
    ):
        assert at(values, key) == affinity


REPLICAS = {
    "dynamo-platform": "dynamo-operator.controllerManager.replicas",
    "kai-scheduler": "operator.replicaCount",
    "grove": "replicaCount",
}


@pytest.mark.parametrize(
    ("profile", "replicas", "written"),
    [("production", None, 2), ("production", 1, 1), ("development", None, ...), ("development", 3, 3)],
)
def test_replicas_are_two_in_production_unless_said_otherwise(
    profile: str, replicas: int | None, written: object
) -> None:
    given: dict[str, Any] = {"replicas": replicas} if replicas is not None else {}
    values = separate(profile=profile, cluster={"context": "eu"}, **given)
    assert {name: at(values[name], key) for name, key in REPLICAS.items()} == dict.fromkeys(REPLICAS, written)


@pytest.mark.parametrize(
    ("kai", "replicas", "written"),
    [("v0.13.4", 2, True), ("v0.13.4", 1, False), ("v0.14.0", 2, ...), ("v0.17.0", 2, ...)],
)
def test_several_pods_of_an_old_kai_elect_a_leader(kai: str, replicas: int, written: object) -> None:
    values = separate(kai, "v0.1.0-alpha.8", "1.1.1", replicas=replicas)
    assert at(values["kai-scheduler"], "global.leaderElection") is written


# KAI Scheduler's landmines


@pytest.mark.parametrize(
    ("kai", "key"),
    [
        ("v0.13.4", "admission.gpuPodRuntimeClassName"),
        ("v0.15.3", "admission.gpuPodRuntimeClassName"),
        ("v0.16.1", "admission.gpuFractionRuntimeClassName"),
        ("v0.17.0", "admission.gpuFractionRuntimeClassName"),
    ],
)
@pytest.mark.parametrize("runtime_class", ["", "nvidia-cdi"])
def test_runtime_class_goes_to_the_key_of_the_version(kai: str, key: str, runtime_class: str) -> None:
    values = separate(kai, "v0.1.0-alpha.12", "1.4.2", kaiScheduler={"gpuRuntimeClass": runtime_class})
    assert values["kai-scheduler"]["admission"] == {key.partition(".")[2]: runtime_class}


@pytest.mark.parametrize(
    ("kai", "namespace", "written"),
    [
        ("v0.13.4", "kai-scheduler", ...),
        ("v0.13.4", "scheduling", False),
        ("v0.15.3", "scheduling", False),
        ("v0.16.1", "scheduling", ...),
        ("v0.17.0", "scheduling", ...),
    ],
)
def test_clean_up_is_off_where_it_would_delete_other_deployments(kai: str, namespace: str, written: object) -> None:
    values = separate(kai, "v0.1.0-alpha.12", "1.4.2", kaiScheduler={"namespace": namespace})
    assert at(values["kai-scheduler"], "postCleanup.enabled") is written


@pytest.mark.parametrize(("minor", "written"), [("1.0", False), ("1.4", False), ("1.5", ...), ("1.6", ...)])
def test_clean_up_of_a_bundled_kai_follows_its_version(minor: str, written: object) -> None:
    assert at(platform(NEWEST[minor]), "kai-scheduler.postCleanup.enabled") is written


@pytest.mark.parametrize(
    ("setting", "key"),
    [("topologyMigration", "topologyMigration.enabled"), ("postCleanup", "postCleanup.enabled")],
)
@pytest.mark.parametrize("value", [True, False])
def test_hooks_of_kai_are_switched_as_said(setting: str, key: str, value: bool) -> None:
    values = separate("v0.13.4", "v0.1.0-alpha.12", "1.4.2", kaiScheduler={setting: value, "namespace": "scheduling"})
    assert at(values["kai-scheduler"], key) is value


def test_grace_period_is_the_configurations_where_grove_needs_none() -> None:
    values = separate(KAI, "v0.1.0-alpha.12", "1.4.2", kaiScheduler={"stalenessGracePeriod": "5m"})
    assert at(values["kai-scheduler"], "scheduler.args.default-staleness-grace-period") == "5m"


# Grove's switches


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("webhookSecret", "webhookServerSecret.enabled"),
        ("healthProbes", "config.server.healthProbes.enable"),
        ("crdInstaller", "crdInstaller.enabled"),
    ],
)
@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("mode", ["separate", "bundled"])
def test_switch_of_grove_is_what_the_configuration_says(mode: str, value: bool, setting: str, key: str) -> None:
    plan = planned("1.5.1", mode, mode, grove={setting: value})
    values = values_of(plan, "grove") if mode == "separate" else plan.releases[-1].values["grove"]
    assert at(values, key) is value


def test_switch_that_grove_does_not_have_is_refused() -> None:
    with pytest.raises(PlatformError, match=r"SET001  grove\.webhookSecret"):
        planned("1.0.2", grove={"webhookSecret": True})


# From chart values back to settings


@pytest.mark.parametrize("part", ["dynamo-platform", "kai-scheduler", "grove", "nats", "etcd"])
def test_setting_is_read_back_from_the_keys_of_every_version(part: PartName) -> None:
    chart = {"kai-scheduler": CATALOG.kai_scheduler, "grove": CATALOG.grove}.get(part, CATALOG.platform)
    for version in chart.versions:
        for path in CATALOG.settings(part):
            keys = CATALOG.keys(part, path, version)
            values = nested({key.key: "x" for key in keys})
            assert CATALOG.setting(part, path, version, values) == ("x" if keys else None)
            assert CATALOG.setting(part, path, version, {}) is None


def test_setting_that_its_keys_disagree_about_is_not_known() -> None:
    version = Version.parse("1.1.1")
    assert len(CATALOG.keys("dynamo-platform", "nats.install", version)) == 2
    for first, other, read in ((True, True, True), (True, False, None), (False, False, False)):
        values = {"nats": {"enabled": first}, "dynamo-operator": {"nats": {"enabled": other}}}
        assert CATALOG.setting("dynamo-platform", "nats.install", version, values) is read
