"""What runs now: read from the stack's state, or assumed from a version."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamo_platform import PlatformConfig, PlatformError, catalog, plan_of
from dynamo_platform.config.reading import parse
from dynamo_platform.planning.model import Installed, Running
from dynamo_platform.planning.rules import RULES
from dynamo_platform.planning.running import from_state, from_version
from dynamo_platform.versions import Version
from tests.unit.findings import Config, findings_of, state

SEPARATE: Config = {
    "version": "1.5.1",
    "profile": "development",
    "kaiScheduler": {"mode": "separate"},
    "grove": {"mode": "separate"},
    "nats": {"mode": "external", "address": "nats://nats:4222"},
}
BUNDLED: Config = {"version": "1.1.1", "profile": "development", "nats": {"mode": "disabled"}}


def read(page: Config, component: str = "dp") -> Running | None:
    return from_state(state(plan_of(page, stack=True)), component, catalog.load())


def test_separate_releases_are_read_as_they_were_installed() -> None:
    running = read(SEPARATE | {"queues": [{"name": "a", "parent": "dynamo-default"}]})
    assert running
    assert running.platform == Installed(
        "separate",
        Version.parse("1.5.1"),
        "dynamo-system",
        "https://helm.ngc.nvidia.com/nvidia/ai-dynamo/dynamo-platform",
    )
    assert running.kai == Installed(
        "separate",
        Version.parse("v0.17.2"),
        "kai-scheduler",
        "oci://ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler",
    )
    assert running.grove == Installed(
        "separate", Version.parse("v0.1.0-alpha.13"), "grove-system", "oci://ghcr.io/ai-dynamo/grove/grove-charts"
    )
    assert (running.nats, running.etcd) == ("external", "disabled")
    assert list(running.queues) == ["dynamo-default", "dynamo", "a"]
    assert running.queues["a"]["parentQueue"] == "dynamo-default"


def test_bundled_versions_are_the_platforms() -> None:
    running = read(BUNDLED)
    assert running
    assert running.kai == Installed(
        "bundled",
        Version.parse("v0.13.4"),
        "dynamo-system",
        "oci://ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler",
    )
    assert running.grove.mode == "bundled"
    assert running.queues == {}
    assert running.nats == "disabled"


@pytest.mark.parametrize("mode", ["external", "disabled"])
def test_what_others_installed_is_known_by_its_flags(mode: str) -> None:
    running = read(BUNDLED | {"kaiScheduler": {"mode": mode}, "grove": {"mode": mode}})
    assert running
    assert (running.kai, running.grove) == (Installed(mode), Installed(mode))  # type: ignore[arg-type]


def test_a_new_stack_has_nothing_running() -> None:
    assert from_state({}, "dp", catalog.load()) is None
    assert read(SEPARATE, component="another") is None


def test_an_installation_that_stopped_half_way_is_read_as_far_as_it_got() -> None:
    resources = state(plan_of(SEPARATE, stack=True))
    kai = {urn: resource for urn, resource in resources.items() if urn.endswith("dp-kai-scheduler")}
    running = from_state(kai, "dp", catalog.load())
    assert running
    assert running.platform is None
    assert running.kai.mode == "separate"
    assert (running.grove.mode, running.nats, running.etcd) == ("disabled", None, None)


def test_a_queue_of_another_component_is_not_ours() -> None:
    resources = state(plan_of(SEPARATE, stack=True)) | state(
        plan_of(SEPARATE | {"queues": [{"name": "a", "parent": "dynamo-default"}]}, stack=True), "dp-other"
    )
    running = from_state(resources, "dp", catalog.load())
    assert running
    assert set(running.queues) == {"dynamo-default", "dynamo"}


def test_from_a_version_alone_the_page_ran_with_that_versions_defaults() -> None:
    config = parse({"profile": "development", "version": "1.4.2", "grove": {"mode": "disabled"}}, stack=True)[0]
    running = from_version("1.3.1", config, catalog.load())
    assert running.platform
    assert running.platform.version == Version.parse("1.3.1")
    assert (running.kai.mode, running.kai.version) == ("bundled", Version.parse("v0.13.4"))
    assert running.grove == Installed("disabled")
    assert running.nats == "bundled"


def test_from_0_9_everything_was_bundled_as_0_9_had_it() -> None:
    running = from_version("0.9.1", PlatformConfig(profile="development", version="1.0.2"), catalog.load())
    assert (running.kai.version, running.grove.version) == (Version.parse("v0.9.4"), Version.parse("v0.1.0-alpha.3"))
    assert (running.nats, running.etcd) == ("bundled", "bundled")


UPGRADES = {rule.code for rule in RULES if rule.code.startswith("UPG")} | {"QUE013", "QUE014", "QUE015"}
_MODES = st.sampled_from(["separate", "bundled", "external", "disabled"])
_BACKENDS = st.sampled_from([{}, {"mode": "bundled"}, {"mode": "external", "address": "there:1"}, {"mode": "disabled"}])
_QUEUE = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b"]), "parent": st.just("dynamo-default")},
    optional={"gpu": st.just({"quota": 2.5, "limit": 4}), "cpu": st.just({"quota": -1, "limit": -1})},
)


@settings(deadline=None)
@given(
    version=st.sampled_from([str(v) for v in catalog.load().platform.versions if catalog.load().minor(v)]),
    kai=_MODES,
    grove=_MODES,
    nats=_BACKENDS,
    etcd=_BACKENDS,
    queues=st.lists(_QUEUE, max_size=2, unique_by=lambda queue: queue["name"]),
)
def test_an_unchanged_page_is_no_upgrade(  # noqa: PLR0917
    version: str, kai: str, grove: str, nats: Any, etcd: Any, queues: list[Any]
) -> None:
    page = {
        "version": version,
        "profile": "development",
        "kaiScheduler": {"mode": kai},
        "grove": {"mode": grove},
        "nats": nats,
        "etcd": etcd,
        "queues": queues,
    }
    try:
        plan_of(page, stack=True)
    except PlatformError:
        return
    assert not [finding for finding in findings_of(page, page) if finding.code in UPGRADES]
    assert not [finding for finding in findings_of(page, version) if finding.code in UPGRADES]
