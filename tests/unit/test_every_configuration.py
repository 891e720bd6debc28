"""Invariants: what holds for every configuration that can be planned, and how many of them take how long."""

import time
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dynamo_platform import Plan, PlatformError, plan_of
from dynamo_platform.catalog import load
from dynamo_platform.versions import Version
from tests.certificates import CERTIFICATE
from tests.unit.test_values import EVERY_NATS_KEY, METRICS_SERVICE, MODES, NATS_KEYS, POD_MONITORS, at

CATALOG = load()
PLATFORM_VERSIONS = [str(version) for version in CATALOG.platform.versions if CATALOG.minor(version)]
KNOWN_VERSIONS = [
    text for text in PLATFORM_VERSIONS if (row := CATALOG.minor(Version.parse(text))) and row.grove.sure != "unknown"
]
WINDOWS = {"kaiScheduler": "kai_scheduler", "grove": "grove"}
SUBCHARTS = ("nats.", "etcd.", "kai-scheduler.", "grove.")

names = st.sampled_from(["a", "system", "team-1"])
labels = st.dictionaries(names, names, min_size=1, max_size=2)


def optional(**entries: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A part of the page with any of its entries."""
    return st.fixed_dictionaries({}, optional=entries)


dependency = {"mode": st.sampled_from(MODES)}
backends = st.one_of(
    st.sampled_from([{"mode": "bundled"}, {"mode": "disabled"}]),
    st.just({"mode": "external", "address": "tcp://there:1"}),
)
pages = st.fixed_dictionaries(
    {
        "version": st.sampled_from(PLATFORM_VERSIONS),
        "profile": st.sampled_from(["development", "production"]),
        "kaiScheduler": st.fixed_dictionaries(
            dependency,
            optional={"topologyMigration": st.booleans(), "gpuRuntimeClass": names, "postCleanup": st.booleans()},
        ),
        "grove": st.fixed_dictionaries(
            dependency,
            optional={"webhookSecret": st.booleans(), "healthProbes": st.booleans(), "crdInstaller": st.booleans()},
        ),
    },
    optional={
        "namespace": names,
        "nats": backends,
        "etcd": backends,
        "monitoring": optional(
            podMonitors=st.sampled_from([True, False, None, "auto"]),
            metricsService=st.sampled_from([True, False, None, "auto"]),
            labels=labels,
            prometheusEndpoint=st.just("http://prometheus:9090"),
        ),
        "webhookCertificates": st.sampled_from(
            [{"mode": "automatic"}, {"mode": "cert-manager"}, {"mode": "own", "caBundle": CERTIFICATE}]
        ),
        "registry": optional(mirror=st.just("registry.example.com"), pullSecrets=st.lists(names, min_size=1)),
        "placement": optional(
            tolerations=st.lists(st.fixed_dictionaries({"operator": st.just("Exists")}), min_size=1, max_size=2),
            nodeSelector=labels,
        ),
        "replicas": st.integers(1, 3),
    },
)


def written(page: dict[str, Any], key: str) -> dict[str, str]:
    """The version that production has to write, and everyone if there is no default."""
    minor = CATALOG.minor(Version.parse(page["version"]))
    pick = getattr(minor, WINDOWS[key]).pick or getattr(CATALOG, WINDOWS[key]).versions[-1]
    return {"version": str(pick)} if page[key]["mode"] in {"separate", "external"} else {}


def plan(page: dict[str, Any]) -> Plan:
    """The page's plan; a page that a rule refuses is no example."""
    if page["profile"] == "production" or page["version"] not in KNOWN_VERSIONS:
        page |= {"cluster": {"context": "eu"}, **{key: page[key] | written(page, key) for key in WINDOWS}}
    try:
        return plan_of(page | {"accept": ["SET001", "DEP005"]}, stack=True)
    except PlatformError:
        assume(False)
        raise


def leaves(values: Mapping[str, Any], *above: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, *above, key)
        else:
            yield ".".join((*above, key))


@settings(max_examples=150, deadline=None)
@given(pages)
def test_flags_are_always_there_and_booleans(page: dict[str, Any]) -> None:
    flags = plan(page).releases[-1].values["global"]
    for name, key in (("kai-scheduler", "kaiScheduler"), ("grove", "grove")):
        mode = page[key]["mode"]
        assert flags[name] == {"install": mode == "bundled", "enabled": mode != "disabled"}


@settings(max_examples=150, deadline=None)
@given(pages)
def test_auto_never_writes_a_key(page: dict[str, Any]) -> None:
    values = plan(page).releases[-1].values
    monitoring = page.get("monitoring", {})
    for setting, key in (("podMonitors", POD_MONITORS), ("metricsService", METRICS_SERVICE)):
        said = monitoring.get(setting)
        assert at(values, key) is (said if isinstance(said, bool) else ...)


@settings(max_examples=150, deadline=None)
@given(pages)
def test_hooks_are_off_exactly_when_the_module_owns_the_queues(page: dict[str, Any]) -> None:
    made = plan(page)
    owns = page["kaiScheduler"]["mode"] in {"separate", "external"}
    assert made.releases[-1].hooks is not owns
    assert bool(made.queues) is owns


@settings(max_examples=150, deadline=None)
@given(pages)
def test_bundled_and_separate_are_never_both(page: dict[str, Any]) -> None:
    made = plan(page)
    releases = {release.name for release in made.releases}
    for name in ("kai-scheduler", "grove"):
        assert not (name in releases and made.releases[-1].values["global"][name]["install"])


@settings(max_examples=150, deadline=None)
@given(pages)
def test_no_key_is_of_another_version(page: dict[str, Any]) -> None:
    """Which of the keys a version lists, `test_settings` knows from recordings."""
    for release in plan(page).releases:
        part: Any = release.name
        rows = [row for keys in CATALOG.settings(part).values() for row in keys]
        read = {row.key for row in rows if row.holds(Version.parse(release.version))}
        subcharts = SUBCHARTS if part == "dynamo-platform" else ()
        written = {leaf for leaf in leaves(release.values) if not leaf.startswith(subcharts)}
        assert all(leaf in read or any(leaf.startswith(f"{key}.") for key in read) for leaf in written)


@settings(max_examples=150, deadline=None)
@given(pages)
def test_nats_keys_are_those_of_the_band_together(page: dict[str, Any]) -> None:
    values = plan(page).releases[-1].values
    minor = page["version"].rpartition(".")[0]
    written = {key: at(values, key) for key in EVERY_NATS_KEY if at(values, key) is not ...}
    assert list(written) == NATS_KEYS.get(minor, ["global.nats.install"])
    assert len(set(written.values())) == 1


@settings(max_examples=150, deadline=None)
@given(pages)
def test_no_value_is_null_and_no_tag_is_written(page: dict[str, Any]) -> None:
    for release in plan(page).releases:
        for leaf in leaves(release.values):
            assert at(release.values, leaf) is not None
            assert leaf.rpartition(".")[2] != "tag"


def test_thousands_of_configurations_are_planned_in_seconds() -> None:
    pages = product(
        KNOWN_VERSIONS,
        [pair for pair in product(MODES, MODES) if pair != ("bundled", "separate")],
        [{}, {"mode": "bundled"}, {"mode": "disabled"}],
        [True, None],
        [{}, {"mirror": "registry.example.com", "pullSecrets": ["mirror"]}],
    )
    started, planned = time.process_time(), 0
    for planned, (version, (kai, grove), nats, monitors, registry) in enumerate(pages, 1):  # noqa: B007
        page = {"version": version, "profile": "development", "kaiScheduler": {"mode": kai}, "grove": {"mode": grove}}
        plan_of(page | {"nats": nats, "monitoring": {"podMonitors": monitors}, "registry": registry}, stack=True)
    assert planned >= 2000
    assert time.process_time() - started < 20
