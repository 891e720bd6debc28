"""Credentials are recognized, refused, and in no text and no file."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamo_platform import PlatformConfig, PlatformError, plan_of
from dynamo_platform.catalog import load
from dynamo_platform.cli import main
from dynamo_platform.credentials import names_secret, redacted
from dynamo_platform.findings import MAX_VALUE_CHARS, Finding, quote_value
from dynamo_platform.planning.model import Release
from dynamo_platform.planning.running import COMPONENT, from_state
from dynamo_platform.rendering import helm
from dynamo_platform.rendering.refusals import chart_not_fetched
from dynamo_platform.trees import Location
from tests.certificates import CERTIFICATE
from tests.unit.findings import findings_of

BASE: dict[str, Any] = {
    "version": "1.5.1",
    "profile": "production",
    "cluster": {"context": "eu"},
    "kaiScheduler": {
        "version": "v0.17.0",
        "namespace": "kai-scheduler",
        "repository": "oci://registry.example.com/kai",
        "chart": "kai-scheduler",
        "stalenessGracePeriod": "-1s",
        "gpuRuntimeClass": "nvidia",
        "values": {"global": {"tolerations": [{"key": "a"}]}},
    },
    "grove": {"version": "v0.1.0-alpha.13", "values": {"deployment": {"env": [{"name": "A", "value": "b"}]}}},
    "monitoring": {"labels": {"team": "ai"}, "prometheusEndpoint": "http://prometheus:9090"},
    "queues": [{"name": "team", "parent": "dynamo-default"}],
    "nats": {"mode": "external", "address": "nats://nats.example.com:4222"},
    "etcd": {"mode": "external", "address": "http://etcd.example.com:2379"},
    "discoveryBackend": "kubernetes",
    "kubernetesVersion": "1.33",
    "apiVersions": ["monitoring.coreos.com/v1"],
    "webhookCertificates": {"mode": "own", "secret": "certificate", "caBundle": CERTIFICATE},
    "registry": {"pullSecrets": ["pull"]},
    "placement": {
        "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}],
        "nodeSelector": {"a": "b"},
    },
    "repository": "https://charts.example.com",
    "namespace": "dynamo-system",
    "values": {"dynamo-operator": {"env": [{"name": "A", "value": "b"}], "natsAddr": "nats://nats.example.com:4222"}},
    "accept": ["VAL001"],
}
"""A configuration with a text in nearly every place."""

START, END = "Hunter", "Secret9"
"""The ends of a planted password; what is in between may be any character."""

passwords = st.text("abc019:/?#@%&+!$'\"<>[]{}(),;=\\", max_size=12).map(lambda middle: f"{START}{middle}{END}")
addresses = st.sampled_from(
    [
        "https://robot:{}@host.example.com/charts",
        "oci://robot:{}@host.example.com:5000/charts",
        "nats://dynamo:{}@nats.example.com:4222",
        "nats://{}@nats.example.com:4222",
        "robot:{}@host.example.com:5000/charts",
        "see https://robot:{}@host.example.com, or nothing",
    ]
)


def text_locations(value: Any, *at: int | str) -> Iterator[Location]:
    if isinstance(value, str):
        yield at
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from text_locations(entry, *at, key)


NEW_PLACES: list[Location] = [
    ("chart",),
    ("grove", "chart"),
    ("grove", "repository"),
    ("registry", "mirror"),
    ("unknown",),
    ("nats", "unknown"),
    ("values", "unknown"),
    ("values", "nats", "config"),
    ("values", "dynamo-operator", "a", "b"),
]
SECRETS: list[Location] = [
    ("nats", "password"),
    ("registry", "token"),
    ("values", "etcd", "auth", "rbac", "rootPassword"),
    ("values", "dynamo-operator", "dynamo", "dockerRegistry", "password"),
    ("kaiScheduler", "values", "api_key"),
]


@st.composite
def planted(draw: st.DrawFn) -> dict[str, Any]:
    """The configuration with a password in an address anywhere, as or in a key, or below the name of a secret."""
    password = draw(passwords)
    address = draw(addresses)
    if address.startswith("nats://{}"):
        password = password.replace("/", "").replace("?", "").replace("#", "")
    form = draw(st.sampled_from(["text", "key", "secret"]))
    text = password if form == "secret" else address.format(password)
    page = deepcopy(BASE)
    location = draw(st.sampled_from(SECRETS if form == "secret" else [*text_locations(BASE), *NEW_PLACES]))
    node: Any = page
    for step in location[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    if form == "key" and isinstance(node, dict):
        node[text] = node.pop(location[-1], 1)
    else:
        node[location[-1]] = text
    return page


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(page=planted())
def test_no_text_and_no_file_has_a_planted_password(
    page: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("project")
    (folder / "good.yaml").write_text(json.dumps(BASE))
    (folder / "bad.yaml").write_text(json.dumps(page))
    stack = {"config": {f"dynamo-platform:{key}": value for key, value in page.items()}}
    (folder / "Pulumi.yaml").write_text("{name: dynamo-platform, runtime: python}")
    (folder / "Pulumi.bad.yaml").write_text(yaml.safe_dump(stack))

    def failed(release: Release, *_: Any, **__: Any) -> list[Finding]:
        return [chart_not_fetched(release, 'looks like "https://robot:HunterSecret9@host" is not a valid repository')]

    bad, good = str(folder / "bad.yaml"), str(folder / "good.yaml")
    printed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(helm, "version", lambda: "v3")
        patch.setattr(helm, "render_release", failed)
        patch.setattr(helm, "render_releases", failed)
        patch.chdir(folder)
        for command in (
            ["check", "--config", bad],
            ["check", "--config", bad, "--json"],
            ["check", "--all"],
            ["check", "--config", bad, "--from", "1.4.2"],
            *(["explain", "--config", bad, f"--format={form}"] for form in ("text", "json", "mermaid")),
            *(
                ["diff", *pair, f"--format={form}"]
                for pair in ((good, bad), (bad, good))
                for form in ("text", "markdown")
            ),
            ["diff", bad, good, "--format=json"],
            ["render", "--config", bad, "--values", "--out", str(folder / "out")],
        ):
            result = CliRunner().invoke(main, command)
            assert result.exit_code in ({0} if command[0] == "diff" else {1}), result.output
            printed.append(result.output)
    printed += [file.read_text() for file in folder.rglob("out/**/*") if file.is_file()]
    for text in printed:
        assert START not in text
        assert END not in text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("https://robot:hunter2@host/x", "https://***@host/x"),
        ("oci://robot:hunter2@host:5000/chart@sha256:2c26", "oci://***@host:5000/chart@sha256:2c26"),
        ("nats://a:hunter2@b:4222,nats://c:hunter2@d:4222", "nats://***@b:4222,nats://***@d:4222"),
        ("nats://hunter2@b:4222", "nats://***@b:4222"),
        ("https://robot:hun/t?e#r2@host", "https://***@host"),
        ("https://robot:hun ter2@host", "https://***@host"),
        ("robot:hun@ter2@host:5000", "***@host:5000"),
        ('Get "https://robot:hunter2@host/index.yaml": 401', 'Get "https://***@host/index.yaml": 401'),
    ],
)
def test_a_user_and_a_password_are_hidden(text: str, printed: str) -> None:
    assert redacted(text) == printed


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8443/path",
        "https://host:8443/@scope/package",
        "oci://ghcr.io:443/a/chart@sha256:2c26",
        "registry:5000/a/image:v1@sha256:2c26",
        "image:v1@sha256:2c26",
        "https://[::1]:5000/chart@sha256:2c26",
        "git@github.com:a/b.git",
        "mailto:team@example.com",
        "arn:aws:eks:eu-west-1:1:cluster/prod",
        "a note: mail team@example.com about https://host:80, please",
    ],
)
def test_other_texts_are_not_changed(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("name", ["password", "rootPassword", "NATS_TOKEN", "api-key", "apiKey", "secretAccessKey"])
def test_a_name_of_a_secret(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name", ["existingSecret", "existingSecretPasswordKey", "secretKey", "tokenizer", "maxTokens", "queueLabelKey"]
)
def test_a_name_of_something_else(name: str) -> None:
    assert not names_secret(name)


def test_a_long_value_is_redacted_before_it_is_cut() -> None:
    text = "x" * (MAX_VALUE_CHARS - 20) + " https://robot:hunter2hunter2@host"
    assert "hunter" not in quote_value({"a": [text]})


def test_empty_and_boolean_values_are_no_secrets() -> None:
    values = {"dynamo-operator": {"dynamo": {"dockerRegistry": {"password": "", "token": True}}}}
    assert not [
        f for f in findings_of({"version": "1.5.1", "profile": "development", "values": values}) if f.code == "SEC002"
    ]


def test_python_users_read_no_password_either() -> None:
    with pytest.raises(ValueError, match="repository") as invalid:
        PlatformConfig(repository="ftp://robot:hunter2@host")
    assert "hunter2" not in str(invalid.value)
    with pytest.raises(PlatformError) as refused:
        plan_of({"version": "1.5.1", "profile": "development", "nats": {"address": "nats://a:hunter2@b"}}, stack=False)
    assert "hunter2" not in f"{refused.value} {refused.value.findings!r}"


ADD = "`helm repo add {} {} --username USER --password-stdin"
REFUSED = Release("kai-scheduler", "kai", "oci://host:5000/a/kai-scheduler", None, "v0.17.0", {}, True, 600)


@pytest.mark.parametrize(
    ("release", "error", "allowed"),
    [
        (REFUSED, "GET …: basic credential not found", "`helm registry login host:5000`"),
        (REFUSED, "GET …: response status code 401: Unauthorized", "`helm registry login host:5000`"),
        (
            REFUSED._replace(chart="kai-scheduler", repository="https://host/charts"),
            "failed to fetch https://host/charts/index.yaml : 401 Unauthorized",
            f'{ADD.format("NAME", "https://host/charts")}` and kaiScheduler.repository "@NAME"',
        ),
        (
            REFUSED._replace(chart="private/kai-scheduler"),
            "failed to fetch https://host/kai-scheduler.tgz : 401 Unauthorized",
            f"{ADD.format('private', 'URL --force-update')}`, and `helm repo update private`",
        ),
        (
            REFUSED._replace(chart="private/kai-scheduler"),
            "repo private not found",
            f"{ADD.format('private', 'URL --force-update')}`, and `helm repo update private`",
        ),
    ],
)
def test_a_chart_that_needs_a_login_says_how(release: Release, error: str, allowed: str) -> None:
    assert chart_not_fetched(release, error).allowed.endswith(f": {allowed}")


@pytest.mark.parametrize("repository", ["https://robot:hun/ter2@host/charts", "oci://robot:hunter2@host/charts"])
def test_a_password_in_the_state_is_in_no_finding_about_an_upgrade(repository: str) -> None:
    off = {"mode": "disabled"}
    page = {"version": "1.5.1", "profile": "development", "kaiScheduler": off, "grove": {"mode": "separate"}}
    releases = {
        "dynamo-platform": {"name": "dynamo-platform", "chart": "dynamo-platform", "version": "1.5.1"},
        "dynamo-platform-grove": {"name": "grove", "chart": "grove-charts", "version": "v0.1.0-alpha.13"},
    }
    state = {
        f"urn:pulumi:a::b::{COMPONENT}$kubernetes:helm.sh/v3:Release::{name}": {
            "outputs": outputs | {"namespace": "a", "values": {}, "repositoryOpts": {"repo": repository}}
        }
        for name, outputs in releases.items()
    }
    running = from_state(state, "dynamo-platform", load())
    with pytest.raises(PlatformError, match="UPG012") as refused:
        plan_of(page, stack=True, running=running)
    text = f"{refused.value} {refused.value.findings!r}"
    assert "hun" not in text
    assert "ter2" not in text


def test_a_chart_of_an_added_repository() -> None:
    plan = plan_of({"version": "1.5.1", "profile": "development", "repository": "@private"}, stack=True)
    assert (plan.platform.chart, plan.platform.repository) == ("private/dynamo-platform", None)
