"""The user's page: what is read, what is refused and how it is said, and that writing it and reading it agree."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamo_platform import Finding, PlatformConfig, PlatformError, make_plan, plan_of
from dynamo_platform.config.fields import in_python
from dynamo_platform.config.model import (
    BackendConfig,
    ClusterConfig,
    GroveConfig,
    KaiSchedulerConfig,
    MonitoringConfig,
    PlacementConfig,
    QueueConfig,
    QueueResource,
    RegistryConfig,
    TolerationConfig,
    WebhookCertificatesConfig,
)
from dynamo_platform.config.reading import decode_stack, parse
from tests.certificates import CERTIFICATE

PAGE: dict[str, Any] = {"version": "1.5.1", "profile": "development"}


def findings_of(page: dict[str, Any], *, stack: bool = True) -> list[Finding]:
    with pytest.raises(PlatformError) as raised:
        plan_of(page, stack=stack)
    return list(raised.value.findings)


def finding_of(page: dict[str, Any], *, stack: bool = True) -> Finding:
    (finding,) = findings_of(page, stack=stack)
    return finding


TRI_STATE = "true, false, or auto (which is YAML's null); a boolean without quotes"
BOOLEAN = "true or false"
VALUE = "a value, or the key left out"


@pytest.mark.parametrize(
    ("settings", "code", "path", "given", "allowed"),
    [
        pytest.param({"kaiSheduler": {}}, "CFG001", "kaiSheduler", "{}", "kaiScheduler, ", id="unknown key"),
        pytest.param(
            {"grove": {"versio": "x"}}, "CFG001", "grove.versio", '"x"', "chart, crdInstaller, ", id="unknown below"
        ),
        pytest.param({"version": 1.5}, "CFG002", "version", "1.5", "put it in quotes", id="number"),
        pytest.param({"version": None}, "CFG002", "version", "null", VALUE, id="null version"),
        pytest.param({"grove": None}, "CFG002", "grove", "null", VALUE, id="null part"),
        pytest.param({"grove": {"mode": None}}, "CFG002", "grove.mode", "null", VALUE, id="null mode"),
        pytest.param({"grove": "separate"}, "CFG002", "grove", '"separate"', "a mapping", id="text for a part"),
        pytest.param({"profile": "prod"}, "CFG002", "profile", '"prod"', "production or development", id="word"),
        pytest.param({"timeout": "60"}, "CFG002", "timeout", '"60"', "a whole number", id="text for a number"),
        pytest.param({"timeout": 0}, "CFG002", "timeout", "0", "at least 1", id="no time at all"),
        pytest.param({"chart": ""}, "CFG002", "chart", '""', "text that is not empty", id="empty text"),
        pytest.param({"accept": "KAI001"}, "CFG002", "accept", '"KAI001"', "a list", id="text for a list"),
        pytest.param({"values": [1]}, "CFG002", "values", "[1]", "a mapping of chart values", id="list for values"),
        pytest.param({"namespace": "A"}, "CFG002", "namespace", '"A"', "DNS label: lower-case letters", id="namespace"),
        pytest.param({"repository": "ghcr.io/x"}, "CFG002", "repository", '"ghcr.io/x"', "oci://…", id="repository"),
        pytest.param({"kubernetesVersion": "1.3"}, "CFG002", "kubernetesVersion", '"1.3"', '"1.33"', id="kubernetes"),
        pytest.param({"protect": "true"}, "CFG003", "protect", '"true"', BOOLEAN, id="quoted true"),
        pytest.param({"protect": "null"}, "CFG003", "protect", '"null"', "remove the key", id="quoted null"),
        pytest.param(
            {"monitoring": {"podMonitors": "true"}},
            "CFG003",
            "monitoring.podMonitors",
            '"true"',
            TRI_STATE,
            id="quoted true for a tri-state",
        ),
        pytest.param(
            {"monitoring": {"podMonitors": "null"}},
            "CFG003",
            "monitoring.podMonitors",
            '"null"',
            TRI_STATE,
            id="quoted null for a tri-state",
        ),
        pytest.param(
            {"queues": [{"name": "a"}, {"name": "b", "gpu": {"quota": 1}}]},
            "CFG002",
            "queues[1].gpu.limit",
            "nothing",
            "a queue without it would be allowed nothing",
            id="queue without a limit",
        ),
        pytest.param(
            {"queues": [{"name": "a", "cpu": {"quota": -2, "limit": 1}}]},
            "CFG002",
            "queues[0].cpu.quota",
            "-2",
            "-1 for unlimited, or a number from 0 on",
            id="less than unlimited",
        ),
        pytest.param(
            {"registry": {"mirror": "https://registry.example.com"}},
            "CFG002",
            "registry.mirror",
            '"https://registry.example.com"',
            "registry.example.com/upstream",
            id="mirror with a scheme",
        ),
        pytest.param(
            {"registry": {"pullSecrets": [{"name": "a"}]}},
            "CFG002",
            "registry.pullSecrets[0]",
            '{"name": "a"}',
            "text",
            id="reference for a name",
        ),
        pytest.param(
            {"kaiScheduler": {"stalenessGracePeriod": "-1"}},
            "CFG002",
            "kaiScheduler.stalenessGracePeriod",
            '"-1"',
            '"-1s" for no limit',
            id="duration without a unit",
        ),
        pytest.param(
            {"placement": {"tolerations": [{"key": "gpu", "efect": "NoSchedule"}]}},
            "CFG001",
            "placement.tolerations[0].efect",
            '"NoSchedule"',
            "effect, key, operator, tolerationSeconds, value",
            id="slip in a toleration",
        ),
        pytest.param(
            {"placement": {"nodeSelector": {"gpu": True}}},
            "CFG002",
            "placement.nodeSelector.gpu",
            "true",
            "text",
            id="boolean for a label",
        ),
        pytest.param(
            {"placement": {"nodeSelector": ["pool"]}},
            "CFG002",
            "placement.nodeSelector",
            '["pool"]',
            "a mapping of names to text",
            id="list for labels",
        ),
        pytest.param(
            {"monitoring": {"labels": None}}, "CFG002", "monitoring.labels", "null", VALUE, id="null for labels"
        ),
        pytest.param(
            {"monitoring": {"labels": "null"}},
            "CFG002",
            "monitoring.labels",
            '"null"',
            "a mapping of names to text",
            id="quoted null for labels",
        ),
        pytest.param(
            {"webhookCertificates": {"mode": "certManager"}},
            "CFG002",
            "webhookCertificates.mode",
            '"certManager"',
            "automatic, cert-manager or own",
            id="certificates",
        ),
        pytest.param(
            {"webhookCertificates": {"mode": "own", "caBundle": "-----BEGIN CERTIFICATE-----"}},
            "CFG002",
            "webhookCertificates.caBundle",
            '"-----BEGIN CERTIFICATE-----"',
            "certificate in base64: certificates in PEM and nothing else, on one line, ",
            id="certificate as PEM",
        ),
        pytest.param({"replicas": 0}, "CFG002", "replicas", "0", "at least 1", id="no replicas"),
    ],
)
def test_bad_entry_is_named_with_what_is_allowed(
    settings: dict[str, Any], code: str, path: str, given: str, allowed: str
) -> None:
    finding = finding_of(PAGE | settings)
    assert (finding.code, finding.severity, finding.path, finding.given) == (code, "error", path, given)
    assert allowed in finding.allowed
    assert finding.why
    assert finding.docs


def test_quoted_null_says_how_to_spell_it() -> None:
    assert "write auto instead" in finding_of(PAGE | {"monitoring": {"podMonitors": "null"}}).why


def test_empty_stack_file_asks_for_version_and_profile() -> None:
    assert [(f.code, f.path, f.given) for f in findings_of({})] == [
        ("PRO001", "profile", "nothing"),
        ("VER001", "version", "nothing"),
    ]


def test_everything_wrong_is_said_at_once() -> None:
    page = {
        "version": "1.9.0",
        "profile": "production",
        "kaiScheduler": {"mode": "bundled", "versio": "v0.17.0"},
        "monitoring": {"podMonitors": "true", "metricsService": "null"},
        "qeues": [],
    }
    assert {(f.code, f.path) for f in findings_of(page)} == {
        ("CFG001", "kaiScheduler.versio"),
        ("CFG001", "qeues"),
        ("CFG003", "monitoring.metricsService"),
        ("CFG003", "monitoring.podMonitors"),
        ("GRV001", "grove.mode"),
        ("PRO002", "kaiScheduler.mode"),
        ("PRO003", "grove.version"),
        ("PRO004", "cluster.context"),
        ("VER004", "version"),
    }


def test_unreadable_entry_is_not_reported_as_missing_too() -> None:
    page = {"version": 1.5, "profile": "prod"}
    assert [(f.code, f.path) for f in findings_of(page)] == [("CFG002", "profile"), ("CFG002", "version")]


def test_every_bad_queue_is_reported() -> None:
    page = PAGE | {"queues": [{"name": "A"}, {"name": "b"}, {"nam": "c"}]}
    assert {f.path for f in findings_of(page)} == {"queues[0].name", "queues[2].nam", "queues[2].name"}


@pytest.mark.parametrize(
    ("settings", "stack", "path"),
    [
        ({"kai_scheduler": {"mode": "separate"}}, True, "kai_scheduler"),
        ({"monitoring": {"pod_monitors": True}}, True, "monitoring.pod_monitors"),
        ({"kaiScheduler": {"mode": "separate"}}, False, "kaiScheduler"),
        ({"monitoring": {"podMonitors": True}}, False, "monitoring.podMonitors"),
    ],
)
def test_each_spelling_is_accepted_in_its_own_place_only(settings: dict[str, Any], stack: bool, path: str) -> None:
    finding = finding_of(PAGE | settings, stack=stack)
    assert (finding.code, finding.path) == ("CFG001", path)


def test_findings_about_python_configuration_spell_its_names() -> None:
    page = {"version": "1.5.1", "profile": "production", "cluster": {"context": "eu"}, "grove": {"mode": "disabled"}}
    assert "kai_scheduler.version" in {finding.path for finding in findings_of(page, stack=False)}


@pytest.mark.parametrize("value", ["auto", None])
def test_auto_and_null_are_the_same_tri_state(value: str | None) -> None:
    config, findings = parse({"monitoring": {"podMonitors": value}}, stack=True)
    assert findings == ()
    assert config.monitoring == MonitoringConfig(pod_monitors=None)


def test_auto_is_a_word_of_tri_states_only() -> None:
    assert finding_of(PAGE | {"protect": "auto"}).path == "protect"


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("kaiScheduler.mode", "kai_scheduler.mode"),
        ("bundled, or kaiScheduler.mode separate", "bundled, or kai_scheduler.mode separate"),
        ("set monitoring.podMonitors, or apiVersions.", "set monitoring.pod_monitors, or api_versions."),
        ("queues[2].preemptMinRuntime", "queues[2].preempt_min_runtime"),
        ("kaiScheduler.values.kaiConfig.render", "kai_scheduler.values.kaiConfig.render"),
        ("kaiScheduler.namespaceLabels.ownTeam", "kai_scheduler.namespace_labels.ownTeam"),
        ("global.kaiScheduler.podMonitors: a chart's key", "global.kaiScheduler.podMonitors: a chart's key"),
        ("nvidia.com/kaiScheduler", "nvidia.com/kaiScheduler"),
        ("podMonitors.enabled, crdInstaller", "podMonitors.enabled, crdInstaller"),
    ],
)
def test_names_of_settings_in_python(text: str, python: str) -> None:
    assert in_python(text) == python


def test_findings_name_settings_as_in_python() -> None:
    page = {"version": "1.5.1", "profile": "development", "kai_scheduler": {"mode": "bundled"}}
    texts = {each.allowed for each in findings_of(page | {"grove": {"mode": "separate"}}, stack=False)}
    assert "bundled, or kai_scheduler.mode separate" in texts


def test_none_in_python_leaves_a_setting_out() -> None:
    assert parse({"grove": None, "timeout": None}, stack=False) == (PlatformConfig(), ())


def test_reading_does_not_change_what_it_reads() -> None:
    page = {"grove": {"versio": "x"}, "queues": [{"name": "A"}]}
    parse(page, stack=True)
    assert page == {"grove": {"versio": "x"}, "queues": [{"name": "A"}]}


def test_a_configuration_without_mistakes_is_read_without_their_messages() -> None:
    program = "import sys; from dynamo_platform import PlatformConfig, make_plan, plan_of; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "dynamo_platform.config.reading" in modules
    assert {"dynamo_platform.config.fields", "dynamo_platform.config.mistakes"}.isdisjoint(modules)


# What the engine hands over


def test_objects_lists_numbers_and_booleans_arrive_as_json() -> None:
    raw = {"grove": '{"mode":"separate"}', "queues": '[{"name":"a"}]', "timeout": "60", "protect": "true"}
    assert decode_stack(raw) == {
        "grove": {"mode": "separate"},
        "queues": [{"name": "a"}],
        "timeout": 60,
        "protect": True,
    }


@pytest.mark.parametrize("text", ["1.5", "true", "null", "1.5.1"])
def test_text_setting_stays_text_whatever_it_looks_like(text: str) -> None:
    assert decode_stack({"version": text}) == {"version": text}


def test_unquoted_version_is_an_error_that_says_quotes() -> None:
    finding = finding_of(decode_stack({"version": "1.5", "profile": "development"}))
    assert (finding.code, finding.path, finding.given) == ("VER002", "version", '"1.5"')
    assert "Without quotes" in finding.why


def test_text_for_an_object_is_told_to_be_a_mapping() -> None:
    finding = finding_of(decode_stack({"version": "1.5.1", "profile": "development", "grove": "separate"}))
    assert (finding.path, finding.given, finding.allowed) == ("grove", '"separate"', "a mapping")


# Round trip

labels = st.from_regex(r"[a-z]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
addresses = labels.map(lambda label: f"nats://{label}:4222")
label_values = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,6}[A-Za-z0-9])?", fullmatch=True)
chart_values = st.dictionaries(
    texts, st.none() | st.booleans() | st.integers() | texts | st.dictionaries(texts, st.none() | texts, max_size=2)
)
amounts = st.integers(-1, 10**6).map(float) | st.sampled_from([0.5, 2.25])
resources = st.none() | st.builds(
    QueueResource, quota=amounts, limit=amounts, over_quota_weight=st.sampled_from([0.0, 1.0, 2.5])
)
release: dict[str, st.SearchStrategy[Any]] = {
    "version": st.none() | names,
    "namespace": st.none() | labels,
    "values": st.none() | chart_values,
    "timeout": st.none() | st.integers(1, 3600),
    "chart": st.none() | names,
    "repository": st.none() | labels.map(lambda label: f"oci://{label}"),
}
tri_states = st.sampled_from([None, True, False])
label_maps = st.none() | st.dictionaries(label_values, label_values, max_size=2)
dependency = release | {"mode": st.sampled_from([None, "separate", "bundled", "external", "disabled"])}
kai_schedulers = st.none() | st.builds(
    KaiSchedulerConfig,
    **dependency,
    staleness_grace_period=st.sampled_from([None, "-1s", "1h30m"]),
    topology_migration=tri_states,
    gpu_runtime_class=st.sampled_from([None, "", "nvidia"]),
    post_cleanup=tri_states,
)
groves = st.none() | st.builds(
    GroveConfig, **dependency, webhook_secret=tri_states, health_probes=tri_states, crd_installer=tri_states
)
tolerations = st.builds(
    TolerationConfig,
    key=st.none() | label_values,
    operator=st.sampled_from([None, "Equal", "Exists"]),
    value=st.none() | label_values,
    effect=st.sampled_from([None, "NoSchedule", "NoExecute"]),
    toleration_seconds=st.none() | st.integers(0, 3600),
)
backends = st.none() | st.builds(
    BackendConfig, mode=st.sampled_from([None, "bundled", "external", "disabled"]), address=st.none() | addresses
)
queues = st.builds(QueueConfig, name=labels, parent=st.none() | labels, cpu=resources, gpu=resources, memory=resources)
configs = st.builds(
    PlatformConfig,
    **release,
    profile=st.sampled_from([None, "production", "development"]),
    kai_scheduler=kai_schedulers,
    grove=groves,
    monitoring=st.none()
    | st.builds(
        MonitoringConfig,
        pod_monitors=tri_states,
        metrics_service=tri_states,
        labels=label_maps,
        prometheus_endpoint=st.none() | addresses,
    ),
    queues=st.none() | st.lists(queues, max_size=3).map(tuple),
    nats=backends,
    etcd=backends,
    discovery_backend=st.sampled_from([None, "kubernetes", "etcd"]),
    cluster=st.none() | st.builds(ClusterConfig, context=st.none() | names),
    kubernetes_version=st.sampled_from([None, "1.33", "v1.30.2"]),
    api_versions=st.none() | st.lists(names, max_size=2).map(tuple),
    webhook_certificates=st.none()
    | st.builds(
        WebhookCertificatesConfig,
        mode=st.sampled_from([None, "automatic", "cert-manager", "own"]),
        secret=st.none() | labels,
        ca_bundle=st.sampled_from([None, CERTIFICATE]),
    ),
    registry=st.none()
    | st.builds(
        RegistryConfig,
        mirror=st.sampled_from([None, "registry.example.com", "10.0.0.1:5000/a/b"]),
        pull_secrets=st.none() | st.lists(labels, max_size=2).map(tuple),
    ),
    placement=st.none()
    | st.builds(
        PlacementConfig, tolerations=st.none() | st.lists(tolerations, max_size=2).map(tuple), node_selector=label_maps
    ),
    replicas=st.none() | st.integers(1, 5),
    protect=tri_states,
    accept=st.none() | st.lists(names, max_size=2).map(tuple),
)


def to_stack(config: PlatformConfig) -> dict[str, Any]:
    """The configuration as the settings of a stack file, without their prefix."""
    return config.model_dump(mode="json", by_alias=True, exclude_none=True)


@settings(deadline=None, max_examples=60)
@given(configs)
def test_what_is_written_as_stack_configuration_is_read_back(config: PlatformConfig) -> None:
    assert parse(to_stack(config), stack=True) == (config, ())


@settings(deadline=None, max_examples=60)
@given(configs)
def test_stack_configuration_survives_the_engine(config: PlatformConfig) -> None:
    page = to_stack(config)
    raw = {key: value if isinstance(value, str) else json.dumps(value) for key, value in page.items()}
    assert decode_stack(raw) == page


@pytest.mark.parametrize(
    ("settings", "path", "allowed", "why"),
    [
        ({"protect": "yes"}, "protect", "true or false", "yes, no, on and off are text too"),
        ({"monitoring": {"podMonitors": "Auto"}}, "monitoring.podMonitors", "true, false or auto", "It is text."),
        ({"kubernetesVersion": "v1.33.1-gke.100"}, "kubernetesVersion", "MAJOR.MINOR.PATCH", "vendor's suffix"),
        (
            {"queues": [{"name": "a", "gpu": {"quota": 1, "limit": 1, "overQuotaWeight": -1}}]},
            "queues[0].gpu.overQuotaWeight",
            "at least 0",
            "Nothing below it",
        ),
        ({"queues": [{"name": "a", "preemptMinRuntime": 5}]}, "queues[0].preemptMinRuntime", "in quotes", "wrong type"),
        ({"queues": [{"parent": "a"}]}, "queues[0].name", "a value", "It is required."),
        ({"timeout": 0}, "timeout", "at least 1", "Nothing below it"),
        ({"cluster": None}, "cluster", "the key left out", "null has no meaning"),
    ],
)
def test_messages_fit_the_given_value(settings: dict[str, Any], path: str, allowed: str, why: str) -> None:
    (found,) = parse({"version": "1.5.1", "profile": "development"} | settings, stack=True)[1]
    assert found.path == path
    assert allowed in found.allowed
    assert "at least 0." not in found.allowed
    assert why in found.why


def test_a_mapping_is_not_a_model() -> None:
    with pytest.raises(TypeError, match="make_plan takes a PlatformConfig, not a dict; plan_of takes a mapping"):
        make_plan({"version": "1.5.1"})  # type: ignore[arg-type]
