"""The schema of stack files and the page of settings: current, and consistent with how configurations are read."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml

from dynamo_platform.config.model import PlatformConfig
from dynamo_platform.config.reading import parse
from dynamo_platform.config.schema import stack_file
from dynamo_platform.findings import quote_value
from tests.unit import settings

STACKS = Path(__file__).parents[2] / "stacks"
STACK_FILES = sorted(STACKS.glob("Pulumi.*.yaml"))
VALID = fastjsonschema.compile(stack_file())


def is_valid(config: dict[str, Any]) -> bool:
    try:
        VALID({"config": config})
    except fastjsonschema.JsonSchemaException:
        return False
    return True


def test_committed_schema_is_current() -> None:
    committed = (STACKS / "schema.json").read_text(encoding="utf-8")
    assert json.loads(committed) == stack_file(), "run `make docs`"


def test_page_of_settings_is_current() -> None:
    text = settings.PAGE.read_text(encoding="utf-8")
    assert settings.page() == text, "run `make docs`"
    assert [text.count(f"<!-- BEGIN {block} -->") for block in settings.BLOCKS] == [1] * len(settings.BLOCKS)


def test_every_setting_is_there_and_described() -> None:
    schema = stack_file()
    settings = schema["properties"]["config"]["properties"]
    assert set(settings) == {f"dynamo-platform:{field.alias}" for field in PlatformConfig.model_fields.values()}
    for model in [schema["properties"]["config"], *schema["definitions"].values()]:
        assert all(setting["description"].endswith(".") for setting in model["properties"].values())


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_stack_file_names_its_schema_and_fits_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    VALID(yaml.safe_load(text))


@pytest.mark.parametrize(
    "page",
    [
        {"version": "1.5.1", "profile": "production", "timeout": 900, "protect": True},
        {"monitoring": {"podMonitors": None, "metricsService": "auto"}},
        {"monitoring": {"podMonitors": True, "metricsService": False}},
        {"queues": [{"name": "a", "parent": "b", "gpu": {"quota": 0.5, "limit": -1}}]},
        {"kaiScheduler": {"mode": "separate", "version": "v0.17.0", "values": {"operator": {"qps": None}}}},
        {"accept": ["KEY001"], "apiVersions": []},
    ],
)
def test_what_can_be_read_is_valid(page: dict[str, Any]) -> None:
    assert parse(page, stack=True)[1] == ()
    assert is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})


@pytest.mark.parametrize(
    "page",
    [
        {"version": 1.5},
        {"verison": "1.5.1"},
        {"profile": "staging"},
        {"protect": "yes"},
        {"timeout": 0},
        {"namespace": "Dynamo"},
        {"grove": None},
        {"grove": {"mode": "seperate"}},
        {"grove": {"vrsion": "v0.1.0-alpha.13"}},
        {"monitoring": {"podMonitors": "true"}},
        {"queues": [{"parent": "a"}]},
        {"queues": [{"name": "a", "gpu": {"quota": 1}}]},
        {"queues": [{"name": "a", "gpu": {"quota": -2, "limit": 1}}]},
        {"kubernetesVersion": 1.33},
        {"values": []},
    ],
)
def test_what_cannot_be_read_is_not_valid(page: dict[str, Any]) -> None:
    assert parse(page, stack=True)[1] != ()
    assert not is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})


def nested(path: str, value: Any) -> dict[str, Any]:
    """The settings with a value at a path, whose numbers are indices of lists of one entry."""
    for step in reversed(path.split(".")):
        value = [value] if step == "0" else {step: value}
        if path.startswith("queues.0.") and isinstance(value, list):
            value[0].setdefault("name", "a")
    settings: dict[str, Any] = value
    return settings


def bundle(*blocks: tuple[str, bytes], before: str = "") -> str:
    text = before
    for kind, content in blocks:
        text += f"-----BEGIN {kind}-----\n{b64encode(content).decode()}\n-----END {kind}-----\n"
    return b64encode(text.encode()).decode()


DER = b"\x30\x00"
NAMES = ["a", "a.b-c.d", "a" * 253]
NO_NAMES = ["A", "a..b", ".a", "a-", "a.-b", "a b", "a" * 254]
ADDRESSES = [
    "nats:4222",
    "nats://nats.messaging.svc:4222",
    "http://a:1,http://[fd00::1]:65535/x",
    "https://prometheus/a",
]
NO_ADDRESSES = ["nats:99999", "nats://nats:0", "nats:4222,nats:65536", "nats:", "http://", "a b", "nats\x00:4222"]
LABEL_VALUES = ["", "a", "A_b.c-1", "a" * 63]
NO_LABEL_VALUES = ["-a", "a b", "a/b", "a" * 64]
LABEL_KEYS = ["a", "A.b_c-1", "example.com/a", "x." * 126 + "a/b"]
NO_LABEL_KEYS = ["bad key!!", "a/b/c", "Example.com/a", "/a", "a/", "a..b/c", "a" * 64, "x." * 126 + "xx/b"]

FORMATS: dict[str, tuple[list[Any], list[Any]]] = {
    "queues.0.name": (NAMES, NO_NAMES),
    "registry.pullSecrets.0": (NAMES, NO_NAMES),
    "kaiScheduler.gpuRuntimeClass": (["", *NAMES], [*NO_NAMES, "Not Valid!"]),
    "namespace": (["a-b"], ["a.b", "a" * 64]),
    "placement.nodeSelector.a": (LABEL_VALUES, NO_LABEL_VALUES),
    "placement.tolerations.0.key": (LABEL_KEYS, NO_LABEL_KEYS),
    "placement.tolerations.0.value": (LABEL_VALUES, NO_LABEL_VALUES),
    "placement.tolerations.0.tolerationSeconds": ([0, 2**63 - 1], [2**63]),
    "queues.0.labels.a": (LABEL_VALUES, NO_LABEL_VALUES),
    "monitoring.labels.release": (LABEL_VALUES, NO_LABEL_VALUES),
    "namespaceAnnotations.a": (["any text\n"], [1]),
    "nats.address": (ADDRESSES, NO_ADDRESSES),
    "etcd.address": (ADDRESSES, NO_ADDRESSES),
    "monitoring.prometheusEndpoint": (ADDRESSES, NO_ADDRESSES),
    "repository": (["oci://a:5000/b", "https://a/b?c"], ["https://a:99999/b", "https://a/b c", "https://"]),
    "registry.mirror": (["a:5000/b"], ["a:99999/b", "a:0"]),
    "timeout": ([1, 9_223_372_036], [0, 9_223_372_037, 10**20]),
    "replicas": ([1, 2**31 - 1], [2**31]),
    "cluster.context": (["arn:aws:eks:eu-1:1:cluster/a", "größer"], ["a\x00b", "a\nb", "\x1b[31m", "a\x7f"]),
    "chart": (["charts/a b"], ["charts/a\x00"]),
    "webhookCertificates.caBundle": (
        [
            bundle(("CERTIFICATE", DER)),
            bundle(("CERTIFICATE", DER), ("CERTIFICATE", DER)),
            bundle(("CERTIFICATE", DER), before="1"),
            bundle(("CERTIFICATE", DER), before="# the authority of production\n"),
        ],
        ["A", "Q0E=", bundle(("PRIVATE KEY", DER)), bundle(("CERTIFICATE", DER)) + "\n"],
    ),
}
"""By path: values that Kubernetes or Helm accepts, and values that it refuses."""


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, (accepted, _) in FORMATS.items() for value in accepted]
)
def test_what_kubernetes_accepts_is_read(path: str, value: Any) -> None:
    page = nested(path, value)
    assert parse(page, stack=True)[1] == ()
    assert is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, (_, refused) in FORMATS.items() for value in refused]
)
def test_what_kubernetes_refuses_is_refused(path: str, value: Any) -> None:
    page = nested(path, value)
    assert [finding.code for finding in parse(page, stack=True)[1]] == ["CFG002"]
    assert not is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})


@pytest.mark.parametrize("path", ["placement.nodeSelector", "monitoring.labels", "namespaceLabels"])
def test_keys_of_labels_are_those_that_kubernetes_accepts(path: str) -> None:
    for key in LABEL_KEYS:
        page = nested(path, {key: "b"})
        assert parse(page, stack=True)[1] == ()
        assert is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})
    for key in NO_LABEL_KEYS:
        page = nested(path, {key: "b"})
        (finding,) = parse(page, stack=True)[1]
        assert (finding.path, finding.given) == (
            f"{path}.{key}"[:200] + "…" * (len(f"{path}.{key}") > 200),
            quote_value(key),
        )
        assert finding.allowed.startswith(("key of a label: ", "at most 317 characters"))
        assert not is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})


@pytest.mark.parametrize(
    "blocks",
    [[("CERTIFICATE", DER), ("PRIVATE KEY", DER)], [("CERTIFICATE", b"text")], [("CERTIFICATE REQUEST", DER)]],
)
def test_what_is_no_certificate_is_refused(blocks: list[tuple[str, bytes]]) -> None:
    """The schema sees only that a certificate begins."""
    (finding,) = parse(nested("webhookCertificates.caBundle", bundle(*blocks)), stack=True)[1]
    assert (finding.code, finding.path) == ("CFG002", "webhookCertificates.caBundle")


@pytest.mark.parametrize("path", ["kaiScheduler.stalenessGracePeriod", "queues.0.preemptMinRuntime"])
def test_a_duration_fits_its_type(path: str) -> None:
    """The schema does not add up units."""
    assert parse(nested(path, "2562047h47m16.854775807s"), stack=True)[1] == ()
    (finding,) = parse(nested(path, "2562047h47m16.854775808s"), stack=True)[1]
    assert finding.allowed.startswith("duration: with its unit, such as ")


def test_text_that_pulumi_config_set_writes_is_valid() -> None:
    assert is_valid({"dynamo-platform:timeout": "900", "dynamo-platform:protect": "true"})
    assert not is_valid({"dynamo-platform:timeout": "soon"})


def test_other_namespaces_and_pulumis_own_keys_are_let_through() -> None:
    VALID({"config": {"kubernetes:context": "a", "pulumi:disable-default-providers": ["*"]}, "encryptionsalt": "v1:a"})
