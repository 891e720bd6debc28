"""Chart values of every mode pair, for every minor version."""

from itertools import product
from typing import Any

import pytest

from dynamo_platform import Plan, PlatformError, plan_of
from dynamo_platform.trees import merged, nested, value_at, walk

NEWEST = {
    "1.0": "1.0.2",
    "1.1": "1.1.1",
    "1.2": "1.2.1",
    "1.3": "1.3.1",
    "1.4": "1.4.2",
    "1.5": "1.5.1",
    "1.6": "1.6.1",
}
MODES = ("separate", "bundled", "external", "disabled")
# Grove separate while KAI Scheduler is bundled cannot be planned: GRV001.
PAIRS = [pair for pair in product(MODES, MODES) if pair != ("bundled", "separate")]


def planned(version: str = "1.5.1", kai: str = "bundled", grove: str = "bundled", /, **settings: Any) -> Plan:
    """A development stack; ``settings`` are stack keys, those of KAI Scheduler and Grove beside their modes."""
    page: dict[str, Any] = {"version": version, "profile": "development"} | settings
    page["kaiScheduler"] = {"mode": kai} | settings.get("kaiScheduler", {})
    page["grove"] = {"mode": grove} | settings.get("grove", {})
    return plan_of(page, stack=True)


def platform(*args: str, **settings: Any) -> Any:
    return planned(*args, **settings).releases[-1].values


def values_of(plan: Plan, release: str) -> Any:
    return next(each.values for each in plan.releases if each.name == release)


def at(values: Any, path: str) -> Any:
    """What stands at a dotted path; ``...`` where nothing does."""
    for step in path.split("."):
        if not isinstance(values, dict) or step not in values:
            return ...
        values = values[step]
    return values


# The flags of KAI Scheduler and Grove


@pytest.mark.parametrize("version", NEWEST.values())
@pytest.mark.parametrize(("kai", "grove"), PAIRS)
def test_both_flags_of_both_are_written_as_booleans(version: str, kai: str, grove: str) -> None:
    flags = platform(version, kai, grove)["global"]
    for name, mode in (("kai-scheduler", kai), ("grove", grove)):
        assert flags[name] == {"install": mode == "bundled", "enabled": mode != "disabled"}
        assert all(isinstance(flag, bool) for flag in flags[name].values())


@pytest.mark.parametrize("version", NEWEST.values())
def test_grove_separate_with_kai_bundled_is_refused_in_every_band(version: str) -> None:
    with pytest.raises(PlatformError, match="GRV001"):
        planned(version, "bundled", "separate")


@pytest.mark.parametrize("version", NEWEST.values())
@pytest.mark.parametrize(("kai", "grove"), PAIRS)
def test_platform_hooks_are_off_exactly_when_the_module_owns_the_queues(version: str, kai: str, grove: str) -> None:
    plan = planned(version, kai, grove)
    owned = kai in {"separate", "external"}
    assert plan.releases[-1].hooks is not owned
    assert [queue.name for queue in plan.queues] == (["dynamo-default", "dynamo"] if owned else [])
    assert all(release.hooks for release in plan.releases[:-1])


# Monitoring

POD_MONITORS = "dynamo-operator.dynamo.metrics.podMonitors.enabled"
METRICS_SERVICE = "dynamo-operator.metricsService.enabled"


@pytest.mark.parametrize("version", NEWEST.values())
@pytest.mark.parametrize(("setting", "key"), [("podMonitors", POD_MONITORS), ("metricsService", METRICS_SERVICE)])
@pytest.mark.parametrize(
    ("value", "written"),
    [(True, True), (False, False), (None, ...), ("auto", ...)],
    ids=["true", "false", "null", "auto"],
)
def test_tri_state_is_written_and_auto_omits_the_key(
    version: str, setting: str, key: str, value: object, written: object
) -> None:
    assert at(platform(version, monitoring={setting: value}), key) is written


@pytest.mark.parametrize("key", [POD_MONITORS, METRICS_SERVICE])
def test_auto_omits_the_parents_too(key: str) -> None:
    assert at(platform(), key.removesuffix(".enabled")) is ...


# NATS, etcd, discovery

NATS_KEYS = {
    "1.0": ["nats.enabled", "dynamo-operator.nats.enabled"],
    "1.1": ["nats.enabled", "dynamo-operator.nats.enabled"],
}
EVERY_NATS_KEY = ["nats.enabled", "dynamo-operator.nats.enabled", "global.nats.install"]


@pytest.mark.parametrize("minor", NEWEST)
@pytest.mark.parametrize("mode", [None, "bundled", "external", "disabled"])
def test_nats_keys_are_those_of_the_band(minor: str, mode: str | None) -> None:
    address = {"address": "nats://nats:4222"} if mode == "external" else {}
    values = platform(NEWEST[minor], nats={"mode": mode} | address) if mode else platform(NEWEST[minor])
    on = mode == "bundled" or (mode is None and minor in {"1.0", "1.1", "1.2", "1.3"})
    keys = NATS_KEYS.get(minor, ["global.nats.install"])
    assert {key: at(values, key) for key in EVERY_NATS_KEY} == {
        key: on if key in keys else ... for key in EVERY_NATS_KEY
    }
    assert at(values, "dynamo-operator.natsAddr") == (address.get("address", ...))


@pytest.mark.parametrize("version", NEWEST.values())
@pytest.mark.parametrize("mode", [None, "bundled", "external", "disabled"])
def test_etcd_is_off_unless_asked_for(version: str, mode: str | None) -> None:
    address = {"address": "etcd:2379"} if mode == "external" else {}
    values = platform(version, etcd={"mode": mode} | address) if mode else platform(version)
    assert at(values, "global.etcd.install") is (mode == "bundled")
    assert at(values, "dynamo-operator.etcdAddr") == (address.get("address", ...))


@pytest.mark.parametrize(("setting", "written"), [({}, "kubernetes"), ({"discoveryBackend": "etcd"}, "etcd")])
def test_discovery_backend_is_always_written(setting: dict[str, Any], written: str) -> None:
    values = platform(etcd={"mode": "bundled"}, **setting)
    assert at(values, "dynamo-operator.discoveryBackend") == written


# KAI Scheduler

STALENESS = "scheduler.args.default-staleness-grace-period"


@pytest.mark.parametrize(
    ("kai", "grove", "written"),
    [
        ("v0.17.0", "v0.1.0-alpha.13", "-1s"),
        ("v0.17.0", "v0.1.0-alpha.14", "-1s"),
        ("v0.15.3", "v0.1.0-alpha.13", "-1s"),
        ("v0.17.0", "v0.1.0-alpha.12", ...),
        ("v0.17.0", "v0.1.0-alpha.12-rc1", ...),
        ("v0.14.7", "v0.1.0-alpha.12", ...),
    ],
)
def test_staleness_is_off_for_a_grove_that_builds_gangs_itself(kai: str, grove: str, written: object) -> None:
    plan = planned("1.4.2", "separate", "separate", kaiScheduler={"version": kai}, grove={"version": grove})
    assert at(values_of(plan, "kai-scheduler"), STALENESS) == written


def test_staleness_is_left_alone_without_grove() -> None:
    assert values_of(planned("1.5.1", "separate", "disabled"), "kai-scheduler") == {}


def test_staleness_of_an_external_grove_counts() -> None:
    plan = planned("1.5.1", "separate", "external", grove={"version": "v0.1.0-alpha.13"})
    assert at(values_of(plan, "kai-scheduler"), STALENESS) == "-1s"


@pytest.mark.parametrize(
    ("minor", "written"),
    [("1.0", ...), ("1.1", ...), ("1.2", ...), ("1.3", ...), ("1.4", ...), ("1.5", "-1s"), ("1.6", "-1s")],
)
def test_bundled_staleness_goes_below_the_subcharts_key(minor: str, written: object) -> None:
    assert at(platform(NEWEST[minor]), f"kai-scheduler.{STALENESS}") == written


# Grove

GROVE_KEYS = {
    "config.server.healthProbes.enable": True,
    "webhookServerSecret.enabled": False,
    "crdInstaller.enabled": True,
}


@pytest.mark.parametrize(
    ("version", "count"),
    [("v0.1.0-alpha.6", 1), ("v0.1.0-alpha.7", 2), ("v0.1.0-alpha.8", 3), ("v0.1.0-alpha.12-rc1", 3)],
)
def test_grove_is_told_what_its_version_can_read(version: str, count: int) -> None:
    plan = planned("1.0.2", "separate", "separate", grove={"version": version})
    assert values_of(plan, "grove") == nested(dict(list(GROVE_KEYS.items())[:count]))


@pytest.mark.parametrize(("minor", "count"), [("1.0", 1), ("1.1", 3), ("1.6", 3)])
def test_bundled_grove_is_told_the_same_below_its_key(minor: str, count: int) -> None:
    assert platform(NEWEST[minor])["grove"] == nested(dict(list(GROVE_KEYS.items())[:count]))


@pytest.mark.parametrize(("kai", "grove"), [pair for pair in PAIRS if "bundled" not in pair])
def test_subcharts_that_are_not_there_get_no_values(kai: str, grove: str) -> None:
    assert {"kai-scheduler", "grove"}.isdisjoint(platform("1.5.1", kai, grove))


# The user's values


def test_user_values_come_last_and_leave_their_neighbours() -> None:
    values = platform(values={"global": {"other": 1}, "dynamo-operator": {"image": {"tag": None}}})
    assert at(values, "global.other") == 1
    assert at(values, "global.grove.install") is True
    assert at(values, "dynamo-operator.image") == {"tag": None}
    assert at(values, "dynamo-operator.discoveryBackend") == "kubernetes"


def test_accepted_user_value_wins_over_the_modules() -> None:
    values = platform(values={"dynamo-operator": {"discoveryBackend": "etcd"}}, accept=["VAL001"])
    assert values["dynamo-operator"]["discoveryBackend"] == "etcd"


def test_values_of_a_bundled_dependency_go_below_its_key_and_under_the_platforms() -> None:
    values = platform(grove={"values": {"replicas": 2, "a": 1}}, values={"grove": {"a": 2}})
    assert at(values, "grove.replicas") == 2
    assert at(values, "grove.a") == 2
    assert at(values, "grove.crdInstaller.enabled") is True


def test_values_of_a_separate_dependency_stay_in_its_release() -> None:
    plan = planned("1.5.1", "separate", "separate", kaiScheduler={"values": {"global": {"gpuSharing": True}}})
    assert at(values_of(plan, "kai-scheduler"), "global.gpuSharing") is True
    assert at(values_of(plan, "kai-scheduler"), STALENESS) == "-1s"
    assert at(values_of(plan, "dynamo-platform"), "global.gpuSharing") is ...


@pytest.mark.parametrize(
    ("base", "over", "result"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
    ids=["maps by key", "lists replaced", "null kept", "scalar replaced"],
)
def test_values_merge_as_helm_merges_them(base: dict[str, Any], over: dict[str, Any], result: dict[str, Any]) -> None:
    assert merged(base, over) == result


def test_a_dot_in_a_key_is_escaped_in_its_path() -> None:
    tree = {"a": {"b.c": {"d": 1}}, "a.b": {"c": 2}}
    assert dict(walk(tree)) == {r"a.b\.c.d": 1, r"a\.b.c": 2}
    assert [value_at(tree, path) for path in ("a.b.c", *dict(walk(tree)))] == [None, 1, 2]
    assert nested(dict(walk(tree))) == tree
