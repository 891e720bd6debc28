"""Which cluster the component uses, and the errors of its registration."""

from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_kubernetes
import pytest
import yaml

from dynamo_platform import DynamoPlatform
from dynamo_platform.component import providers
from tests.unit.recording import RecordingEngine
from tests.unit.test_component import CHILDREN, PLATFORM, PRODUCTION, SEPARATE, STACK, register

# Which cluster


def test_context_becomes_a_provider_of_its_own_without_kubeconfig(engine: RecordingEngine) -> None:
    engine.run(register(**PRODUCTION))
    assert engine["dp-cluster"].type == "pulumi:providers:kubernetes"
    assert engine["dp-cluster"].inputs == {"context": "eu", "clusterIdentifier": "eu"}
    assert {engine[name].provider for name in CHILDREN} == {"dp-cluster"}


def test_without_context_the_default_provider_decides(engine: RecordingEngine) -> None:
    engine.run(register(**SEPARATE))
    assert {engine[name].provider for name in CHILDREN} == {None}


class Wrapper(pulumi.ComponentResource):
    """A user's component with the platform inside."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Wrapper", name, None, opts)
        DynamoPlatform("dp", SEPARATE, pulumi.ResourceOptions(parent=self))


def with_provider(program: Callable[[pulumi_kubernetes.Provider], object]) -> Callable[[], object]:
    return lambda: program(pulumi_kubernetes.Provider("mine", context="mine"))


@pytest.mark.parametrize(
    "program",
    [
        lambda mine: DynamoPlatform("dp", SEPARATE, pulumi.ResourceOptions(provider=mine)),
        lambda mine: DynamoPlatform("dp", SEPARATE, pulumi.ResourceOptions(providers=[mine])),
        lambda mine: DynamoPlatform("dp", SEPARATE, pulumi.ResourceOptions(providers={"kubernetes": mine})),
        lambda mine: Wrapper("wrapper", pulumi.ResourceOptions(providers=[mine])),
    ],
    ids=["provider", "providers", "providers by package", "inherited"],
)
def test_explicit_provider_reaches_every_child(
    engine: RecordingEngine, program: Callable[[pulumi_kubernetes.Provider], object]
) -> None:
    engine.run(with_provider(program))
    assert {engine[name].provider for name in CHILDREN} == {"mine"}


@pytest.mark.parametrize(
    "options",
    [
        lambda mine: pulumi.ResourceOptions(provider=mine),
        lambda mine: pulumi.ResourceOptions(parent=pulumi.ComponentResource("t:i:T", "t", None, _providers(mine))),
    ],
    ids=["given", "inherited"],
)
def test_provider_names_the_cluster_of_production(
    engine: RecordingEngine, options: Callable[[pulumi_kubernetes.Provider], pulumi.ResourceOptions]
) -> None:
    settings = {key: value for key, value in PRODUCTION.items() if key != "cluster"}
    engine.run(with_provider(lambda mine: DynamoPlatform("dp", settings, options(mine))))
    assert engine[PLATFORM].provider == "mine"


def _providers(mine: pulumi_kubernetes.Provider) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(providers=[mine])


def test_provider_beside_a_context_is_refused(engine: RecordingEngine) -> None:
    with pytest.raises(pulumi.RunError, match="CLU001"):
        engine.run(with_provider(lambda mine: DynamoPlatform("dp", PRODUCTION, pulumi.ResourceOptions(provider=mine))))


def test_provider_of_another_package_is_no_answer_to_which_cluster(engine: RecordingEngine) -> None:
    def program() -> None:
        other = pulumi.ProviderResource("random", "other", {})
        settings = {key: value for key, value in PRODUCTION.items() if key != "cluster"}
        DynamoPlatform("dp", settings, pulumi.ResourceOptions(providers=[other]))

    with pytest.raises(pulumi.RunError, match="PRO004"):
        engine.run(program)


def test_two_instances_for_two_clusters_share_nothing(engine: RecordingEngine) -> None:
    def program() -> None:
        for name in ("eu", "us"):
            DynamoPlatform(name, SEPARATE | {"cluster": {"context": name}})

    engine.run(program)
    for name in ("eu", "us"):
        mine = [each for each in engine.registered if each.parent == name]
        assert len(mine) == len(CHILDREN) + 1
        assert {each.provider for each in mine} == {None, f"{name}-cluster"}
        assert all(before.startswith(f"{name}-") for each in mine for before in each.depends_on)
    assert len({each.name for each in engine.registered}) == len(engine.registered)


def test_nested_component_hangs_below_its_parent(engine: RecordingEngine) -> None:
    engine.run(lambda: Wrapper("wrapper"))
    assert engine["dp"].parent == "wrapper"
    assert {engine[name].parent for name in CHILDREN} == {"dp"}


def test_provider_is_the_one_that_the_program_passes(engine: RecordingEngine) -> None:
    found: list[bool] = []

    def program(mine: pulumi_kubernetes.Provider) -> None:
        parent = pulumi.ComponentResource("t:i:T", "t", None, _providers(mine))
        given = DynamoPlatform("given", SEPARATE, pulumi.ResourceOptions(provider=mine))
        inherited = DynamoPlatform("inherited", SEPARATE, pulumi.ResourceOptions(parent=parent))
        found.extend(platform.provider is mine for platform in (given, inherited))

    engine.run(with_provider(program))
    assert found == [True, True]


# The kubeconfig


@pytest.fixture
def kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Writes a kubeconfig with one context."""

    def write(context: str) -> None:
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "contexts": [{"name": context}]}))
        monkeypatch.setenv("KUBECONFIG", str(path))

    return write


def test_unknown_context_is_a_warning_in_a_preview(
    engine: RecordingEngine, kubeconfig: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    kubeconfig("us")
    engine.run(register(**PRODUCTION), preview=True)
    assert [record.message[:24] for record in caplog.records if record.levelname == "WARNING"] == [
        "warning CLU003  cluster."
    ]
    assert engine[PLATFORM].inputs["version"] == "1.5.1"


def test_unknown_context_stops_an_update_before_anything_is_registered(
    engine: RecordingEngine, kubeconfig: Callable[[str], None]
) -> None:
    kubeconfig("us")
    with pytest.raises(pulumi.RunError, match="CLU003") as raised:
        engine.run(register(**PRODUCTION))
    assert '"eu"' in str(raised.value)
    assert "us" in str(raised.value)
    assert engine.registered == []


def test_known_context_goes_through(engine: RecordingEngine, kubeconfig: Callable[[str], None]) -> None:
    kubeconfig("eu")
    engine.run(register(**PRODUCTION))
    assert engine["dp-cluster"].inputs["context"] == "eu"


@pytest.mark.parametrize(
    ("key", "configured"),
    [("kubernetes:context", True), ("kubernetes:kubeconfig", True), ("kubernetes:enableServerSideApply", False)],
)
def test_stack_that_configures_the_default_provider_has_another_cluster_than_the_kubeconfig(
    engine: RecordingEngine, key: str, configured: bool
) -> None:
    seen: list[bool] = []
    engine.run(lambda: seen.append(providers.configures_default_provider()), config={key: "x"})
    assert seen == [configured]


# Errors


@pytest.mark.parametrize("preview", [True, False])
def test_errors_are_raised_together_and_nothing_is_registered(engine: RecordingEngine, preview: bool) -> None:
    config = {
        "dynamo-platform:version": "1.9.0",
        "dynamo-platform:profile": "production",
        "dynamo-platform:kaiScheduler": '{"mode":"bundled"}',
        "dynamo-platform:monitoring": '{"podMonitors":"true","metricsService":"null"}',
        "dynamo-platform:qeues": "[]",
    }
    with pytest.raises(pulumi.RunError) as raised:
        engine.run(lambda: DynamoPlatform("dp"), config=config, preview=preview)
    text = str(raised.value)
    for code, path in [
        ("CFG001", "qeues"),
        ("CFG003", "monitoring.metricsService"),
        ("CFG003", "monitoring.podMonitors"),
        ("PRO002", "kaiScheduler.mode"),
        ("PRO003", "grove.version"),
        ("PRO004", "cluster.context"),
        ("VER004", "version"),
    ]:
        assert f"error {code}  {path}\n" in text
    assert engine.registered == []


def test_empty_stack_is_told_what_it_needs(engine: RecordingEngine) -> None:
    with pytest.raises(pulumi.RunError, match=r"2 errors in the configuration(?s:.)*PRO001(?s:.)*VER001"):
        engine.run(lambda: DynamoPlatform("dp"))
    assert engine.registered == []


def test_secret_is_refused_without_being_shown(engine: RecordingEngine) -> None:
    config = STACK | {"dynamo-platform:values": '{"password":"hunter2"}'}
    with pytest.raises(pulumi.RunError, match="CFG004  values") as raised:
        engine.run(lambda: DynamoPlatform("dp"), config=config, secrets=["dynamo-platform:values"])
    assert "hunter2" not in str(raised.value)
    assert engine.registered == []


def test_secret_is_reported_with_everything_else(engine: RecordingEngine) -> None:
    config = {"dynamo-platform:version": "1.9.0", "dynamo-platform:profile": "secret"}
    with pytest.raises(pulumi.RunError, match=r"2 errors(?s:.)*CFG004  profile(?s:.)*VER004  version"):
        engine.run(lambda: DynamoPlatform("dp"), config=config, secrets=["dynamo-platform:profile"])


def test_secret_of_another_project_is_none_of_ours(engine: RecordingEngine) -> None:
    engine.run(lambda: DynamoPlatform("dp"), config=STACK, secrets=["other-project:key"])
    assert engine[PLATFORM].inputs["version"] == "1.5.1"
