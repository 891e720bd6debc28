"""What upstream shipped: the data is whole, and leads to the charts that upstream published."""

import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from dynamo_platform import catalog, plan_of
from dynamo_platform.catalog import load
from dynamo_platform.catalog.edges import VERIFIED
from dynamo_platform.catalog.model import Chart, VersionChange, latest
from dynamo_platform.catalog.platform import Minor
from dynamo_platform.catalog.reading import Row, read
from dynamo_platform.planning.model import Gate
from dynamo_platform.versions import Version

CATALOG = load()
MINORS = CATALOG.platform.minors
KNOWN = [minor for minor in MINORS if minor.grove.sure != "unknown"]
PUBLISHED = [str(version) for minor in KNOWN for version in CATALOG.platform.versions_of(minor.minor)]
DEPENDENCIES = [CATALOG.kai_scheduler, CATALOG.grove]

NGC = "https://helm.ngc.nvidia.com/nvidia/ai-dynamo"
KAI = "oci://ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler"
GROVE = "oci://ghcr.io/ai-dynamo/grove/grove-charts"

# What a separate release of each platform minor pulls when the configuration names no version.
PICKS = {
    "1.0": ("v0.14.7", "v0.1.0-alpha.6"),
    "1.1": ("v0.14.7", "v0.1.0-alpha.8"),
    "1.2": ("v0.17.2", "v0.1.0-alpha.8"),
    "1.3": ("v0.17.2", "v0.1.0-alpha.8"),
    "1.4": ("v0.17.2", "v0.1.0-alpha.12-rc1"),
    "1.5": ("v0.17.2", "v0.1.0-alpha.13"),
    "1.6": ("v0.17.2", "v0.1.0-alpha.14"),
}


def references(version: str, mode: str) -> list[tuple[str, str | None, str]]:
    settings = {"mode": mode}
    page = {"version": version, "profile": "development", "kaiScheduler": settings, "grove": settings}
    return [(release.chart, release.repository, release.version) for release in plan_of(page, stack=True).releases]


FILES = sorted(set(catalog.FOLDER.glob("*.json")) - {VERIFIED})
"""The facts from upstream; the records of tested upgrades come from this project's own tests."""


def rows_of(node: Any, *where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every list entry that is a mapping, and its path. Entries of ``rows`` share the source beside them."""
    if isinstance(node, dict) and "rows" in node:
        yield ".".join(where), node
        return
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if isinstance(node, list) and isinstance(value, dict):
            yield ".".join((*where, str(key))), value
        yield from rows_of(value, *where, str(key))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_row_has_its_source(file: Path) -> None:
    whole = json.loads(file.read_text(encoding="utf-8"))
    for where, row in rows_of(whole):
        found = row.get("source") or row.get("docs") or row.get("url")
        assert found, f"{file.name}: {where}"
        assert found.startswith(("https://", "oci://"))


class Example(Row):
    first: Version
    kind: Literal["a", "b"]
    names: tuple[str, ...] = ()
    below: Version | None = None


ROW = {"first": "1.0.0", "kind": "a"}


def test_row_does_not_change() -> None:
    row = read(Example, ROW, "rows")
    with pytest.raises(AttributeError, match="kind: a row does not change"):
        row.kind = "b"
    assert row.kind == "a"


def test_row_is_read_as_its_annotations_say() -> None:
    row = read(Example, ROW | {"names": ["x"], "below": None}, "rows")
    assert (row.first, row.kind, row.names, row.below) == (Version.parse("1.0.0"), "a", ("x",), None)
    assert read(Example, ROW | {"below": "1.1.0"}, "rows").below == Version.parse("1.1.0")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (ROW | {"kind": "c"}, r"rows\.kind: 'c' is not"),
        (ROW | {"names": "x"}, r"rows\.names: 'x' is not"),
        (ROW | {"names": ["x", 1]}, r"rows\.names\[1\]: 1 is not"),
        (ROW | {"first": 1.0}, r"rows\.first: 1\.0 is not"),
        (ROW | {"first": "1.0"}, "'1.0' is not a semantic version"),
        (ROW | {"frist": "1.0.0"}, "rows: frist unknown; Example has first, kind, names, below"),
        ({"kind": "a"}, "rows: first missing"),
        ([ROW], "rows: .* is not"),
        (None, "rows: None is not"),
    ],
)
def test_row_that_does_not_fit_is_refused(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(Example, value, "rows")


def test_minors_are_those_that_can_be_installed() -> None:
    assert [minor.minor for minor in MINORS] == ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"]


@pytest.mark.parametrize(
    ("version", "floor"), [("1.0.0", "1.24"), ("1.2.1", "1.24"), ("1.3.0", "1.30"), ("1.6.1", "1.30")]
)
def test_kubernetes_floor_rises_with_1_3(version: str, floor: str) -> None:
    row = latest(CATALOG.platform.kubernetes, Version.parse(version))
    assert row
    assert row.floor == floor


@pytest.mark.parametrize("minor", MINORS, ids=lambda minor: minor.minor)
def test_minor_is_sourced_and_consistent(minor: Minor) -> None:
    assert minor.source.startswith("https://")
    versions = CATALOG.platform.versions_of(minor.minor)
    assert versions
    assert not any(version.has_v for version in versions)
    assert latest(CATALOG.platform.kubernetes, versions[0])
    for window, chart in ((minor.kai_scheduler, CATALOG.kai_scheduler), (minor.grove, CATALOG.grove)):
        if window.sure == "unknown":
            assert (window.first, window.below, window.pick) == (None, None, None)
        else:
            assert window.pick
            assert window.holds(window.pick)
            assert window.pick in chart.versions
            assert all(version and version.has_v for version in (window.bundled, window.pick, window.first))


def test_example_is_the_newest_version_that_is_known_to_work() -> None:
    assert str(CATALOG.platform.example) == "1.6.2"
    assert str(CATALOG.platform.versions[-1]) == "1.7.0"


@pytest.mark.parametrize("chart", DEPENDENCIES, ids=lambda chart: chart.chart)
def test_versions_of_a_dependency_are_in_order_and_carry_their_v(chart: Chart) -> None:
    assert all(a < b for a, b in pairwise(chart.versions))
    assert all(version.has_v for version in chart.versions)
    assert all(a.first < b.first for a, b in pairwise(chart.repositories))


def test_published_versions_are_in_order() -> None:
    assert all(Version.parse(a) < Version.parse(b) for a, b in pairwise(PUBLISHED))


@pytest.mark.parametrize("version", PUBLISHED)
def test_separate_modes_pull_all_three_charts_from_upstream(version: str) -> None:
    kai, grove = PICKS[version.rpartition(".")[0]]
    assert references(version, "separate") == [
        (KAI, None, kai),
        (GROVE, None, grove),
        ("dynamo-platform", NGC, version),
    ]


@pytest.mark.parametrize("version", PUBLISHED)
def test_bundled_modes_pull_the_platform_alone(version: str) -> None:
    assert references(version, "bundled") == [("dynamo-platform", NGC, version)]


@pytest.mark.parametrize(
    ("version", "organisation"),
    [
        ("v0.6.9", "nvidia"),
        ("v0.9.15", "nvidia"),
        ("v0.9.16", "kai-scheduler"),
        ("v0.10.0-rc1", "nvidia"),
        ("v0.12.17", "nvidia"),
        ("v0.12.18", "kai-scheduler"),
        ("v0.13.0-rc1", "nvidia"),
        ("v0.13.0", "nvidia"),
        ("v0.13.1", "kai-scheduler"),
        ("v0.17.0", "kai-scheduler"),
    ],
)
def test_kai_comes_from_where_its_version_was_published(version: str, organisation: str) -> None:
    repository = CATALOG.kai_scheduler.repository(Version.parse(version))
    assert repository == f"oci://ghcr.io/{organisation}/kai-scheduler"


def test_grove_moved_at_alpha_4() -> None:
    repositories = [CATALOG.grove.repository(Version.parse(f"v0.1.0-alpha.{n}")) for n in (3, 4)]
    assert repositories == ["oci://ghcr.io/nvidia/grove", "oci://ghcr.io/ai-dynamo/grove"]


@pytest.mark.parametrize(
    ("version", "held"),
    [("v0.1.0-alpha.7", False), ("v0.1.0-alpha.8", True), ("v0.1.0-alpha.9-rc1", True), ("v0.1.0-alpha.9", False)],
)
def test_window_holds_its_floor_and_not_its_end(version: str, held: bool) -> None:
    window = MINORS[2].grove
    assert str(window) == ">= v0.1.0-alpha.8, < v0.1.0-alpha.9"
    assert window.holds(Version.parse(version)) is held


def test_window_that_starts_at_a_candidate_holds_its_release() -> None:
    window = MINORS[4].grove
    assert str(window.first) == "v0.1.0-alpha.12-rc1"
    assert window.holds(Version.parse("v0.1.0-alpha.12"))


def test_post_release_has_not_the_fault_that_it_repairs() -> None:
    """Semantic Versioning takes 0.9.0-post1 for a pre-release of 0.9.0, which is the faulty one."""
    [fault] = [fault for fault in CATALOG.platform.faults if fault.holds(Version.parse("0.9.0"))]
    assert not fault.holds(Version.parse("0.9.0-post1"))


@pytest.mark.parametrize(
    ("version", "nats", "etcd"),
    [
        ("0.9.1", "bundled", "bundled"),
        ("1.0.0", "bundled", "disabled"),
        ("1.3.1", "bundled", "disabled"),
        ("1.4.0-rc1", "disabled", "disabled"),
        ("1.6.1", "disabled", "disabled"),
    ],
)
def test_defaults_moved_at_1_0_and_1_4(version: str, nats: str, etcd: str) -> None:
    defaults = [CATALOG.platform.default(f"{each}.mode", Version.parse(version)).value for each in ("nats", "etcd")]
    assert defaults == [nats, etcd]


def test_default_that_nobody_recorded_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"nats\.mode of 0\.7\.1"):
        CATALOG.platform.default("nats.mode", Version.parse("0.7.1"))


def passed(changes: tuple[VersionChange, ...], running: str, wanted: str) -> list[str]:
    return [change.kind for change in changes if change.passed(Version.parse(running), Version.parse(wanted))]


@pytest.mark.parametrize(
    ("running", "wanted", "kinds"),
    [
        ("0.9.1", "1.0.0", ["keys", "crd-chart-ends"]),
        ("1.0.2", "1.2.1", []),
        ("1.2.1", "1.3.0-rc1", ["crds-leave-chart"]),
        ("1.4.2", "1.5.0", ["storage-version", "field-immutable"]),
        ("1.5.0", "1.6.1", []),
        ("1.5.0", "1.4.2", []),
    ],
)
def test_platform_upgrade_passes_what_lies_between(running: str, wanted: str, kinds: list[str]) -> None:
    assert passed(CATALOG.platform.changes, running, wanted) == kinds


@pytest.mark.parametrize(
    ("running", "wanted", "kinds"),
    [
        ("v0.1.0-alpha.8", "v0.1.0-alpha.9", ["crd-renamed"]),
        ("v0.1.0-alpha.8", "v0.1.0-alpha.12", ["crd-renamed", "pods-recreated", "migration"]),
        ("v0.1.0-alpha.8", "v0.1.0-alpha.13", ["pods-recreated", "migration", "crd-field"]),
        ("v0.1.0-alpha.9", "v0.1.0-alpha.11", ["pods-recreated"]),
        ("v0.1.0-alpha.11", "v0.1.0-alpha.12-rc1", []),
        ("v0.1.0-alpha.12-rc1", "v0.1.0-alpha.13", ["migration", "crd-field"]),
        ("v0.1.0-alpha.12", "v0.1.0-alpha.13", ["crd-field"]),
        ("v0.1.0-alpha.13", "v0.1.0-alpha.14", []),
        ("v0.1.0-alpha.17", "v0.2.0-beta1", ["storage-version"]),
        ("v0.2.0-beta1", "v0.1.0-alpha.17", []),
    ],
)
def test_grove_upgrade_passes_what_lies_between(running: str, wanted: str, kinds: list[str]) -> None:
    assert passed(CATALOG.grove.changes, running, wanted) == kinds


@pytest.mark.parametrize(
    ("running", "wanted", "lost"),
    [
        ("v0.16.9", "v0.17.0", True),
        ("v0.16.9", "v0.17.2", True),
        ("v0.16.8", "v0.17.2", False),
        ("v0.16.9", "v0.18.0", False),
        ("v0.17.0", "v0.17.2", False),
        ("v0.17.2", "v0.16.9", False),
    ],
)
def test_kai_loses_what_0_16_9_reads_with_0_17_alone(running: str, wanted: str, lost: bool) -> None:
    assert passed(CATALOG.kai_scheduler.changes, running, wanted) == (["migration"] if lost else [])


@pytest.mark.parametrize(
    ("version", "lowest", "highest", "sure"),
    [
        ("v0.14.7", "1.28", "1.35", "disputed"),
        ("v0.15.3", "1.31", "1.35", "published"),
        ("v0.16.9", "1.28", "1.36", "published"),
        ("v0.17.2", "1.28", "1.36", "inferred"),
        ("v0.18.6", "1.28", "1.36", "inferred"),
    ],
)
def test_kai_is_tested_with_a_range_of_kubernetes(version: str, lowest: str, highest: str, sure: str) -> None:
    row = latest(CATALOG.kai_scheduler.tested, Version.parse(version))
    assert row
    assert (row.lowest, row.highest, row.sure) == (lowest, highest, sure)
    assert latest(CATALOG.kai_scheduler.tested, Version.parse("v0.13.4")) is None


@pytest.mark.parametrize("minor", MINORS, ids=lambda minor: minor.minor)
def test_disputed_window_names_the_other_one(minor: Minor) -> None:
    for window in (minor.kai_scheduler, minor.grove):
        assert (window.other is not None) is (window.sure == "disputed")


def kueue(version: str) -> list[str]:
    """The severities of the faults of a version of KAI Scheduler in a cluster with Kueue."""
    faults = CATALOG.kai_scheduler.faults
    return [fault.severity for fault in faults if fault.api and fault.holds(Version.parse(version))]


@pytest.mark.parametrize(
    ("version", "severities"),
    [
        ("v0.10.5", []),
        ("v0.12.0", ["warning"]),
        ("v0.12.23", ["warning"]),
        ("v0.13.4", ["warning"]),
        ("v0.14.7", ["warning"]),
        ("v0.14.8", []),
        ("v0.15.3", ["warning"]),
        ("v0.16.9", ["warning"]),
        ("v0.16.10", []),
        ("v0.17.0", ["warning"]),
        ("v0.17.1", ["note"]),
        ("v0.17.2", ["note"]),
        ("v0.18.0", []),
    ],
)
def test_kueue_fault_ends_line_by_line(version: str, severities: list[str]) -> None:
    assert kueue(version) == severities


def faults_of(version: str) -> set[str]:
    """The pages of the faults of a version of KAI Scheduler."""
    return {fault.docs for fault in CATALOG.kai_scheduler.faults if fault.holds(Version.parse(version))}


@pytest.mark.parametrize(("version", "withdrawn"), [("v0.20.0", True), ("v0.20.1", True), ("v0.20.2", False)])
def test_only_two_versions_were_withdrawn(version: str, withdrawn: bool) -> None:
    assert ("https://github.com/kai-scheduler/KAI-Scheduler/releases" in faults_of(version)) is withdrawn
    assert "https://github.com/kai-scheduler/KAI-Scheduler/releases" not in faults_of("v0.20.0-rc1")


@pytest.mark.parametrize(
    ("version", "evicted"), [("v0.16.1", False), ("v0.16.2", True), ("v0.16.9", True), ("v0.17.0", True)]
)
def test_completing_gangs_are_kept_from_0_17_1_on(version: str, evicted: bool) -> None:
    issue = "https://github.com/kai-scheduler/KAI-Scheduler/issues/1968"
    assert (issue in faults_of(version)) is evicted
    assert issue not in faults_of("v0.17.1")


@pytest.mark.parametrize(
    ("version", "grove", "exits"),
    [("v0.1.0-alpha.10-rc1", "v0.14.0", False), ("v0.1.0-alpha.10", "v0.15.2", True)],
)
def test_volcano_and_topology_came_with_alpha_10_not_with_its_candidate(version: str, grove: str, exits: bool) -> None:
    parsed = Version.parse(version)
    assert any(fault.holds(parsed) and fault.severity == "error" for fault in CATALOG.grove.faults) is exits
    [floor] = [row.floor for row in CATALOG.kai_and_grove.kai_floors if row.topology and row.holds(parsed)]
    assert str(floor) == grove


@pytest.mark.parametrize(
    ("version", "dead_token"),
    [
        ("v0.9.4", False),
        ("v0.9.5", True),
        ("v0.10.5", True),
        ("v0.12.21", True),
        ("v0.12.22", False),
        ("v0.13.0-rc1", True),
        ("v0.13.4", True),
        ("v0.14.5", True),
        ("v0.14.6", False),
        ("v0.15.2", True),
        ("v0.15.3", False),
        ("v0.16.8", False),
        ("v0.17.0", False),
    ],
)
def test_kai_upgrade_leaves_a_dead_token_where_config_is_a_hook(version: str, dead_token: bool) -> None:
    faults = [fault for fault in CATALOG.kai_scheduler.upgrade_faults if fault.severity == "warning"]
    assert any(fault.holds(Version.parse(version)) for fault in faults) is dead_token


def test_support_of_odd_minors_ends_with_the_next_one() -> None:
    ended = [row.minor for row in CATALOG.kai_scheduler.support if row.ended]
    assert ended == ["0.9", "0.10", "0.13", "0.15", "0.17"]


def test_support_names_every_minor_of_kai_once() -> None:
    minors = {version.minor_line for version in CATALOG.kai_scheduler.versions}
    assert [row.minor for row in CATALOG.kai_scheduler.support] == sorted(minors, key=lambda m: int(m.split(".")[1]))


def test_past_minors_are_older_than_what_can_be_installed() -> None:
    past = [version for minor in CATALOG.platform.past for version in CATALOG.platform.versions_of(minor.minor)]
    assert past
    assert all(a < b for a, b in pairwise([*past, CATALOG.platform.versions_of(MINORS[0].minor)[0]]))
    assert CATALOG.minor(Version.parse("0.9.1")) is None


@pytest.mark.parametrize(
    ("version", "values", "value"),
    [
        ("1.1.1", {"nats": {"enabled": True}, "dynamo-operator": {"nats": {"enabled": True}}}, True),
        ("1.1.1", {"nats": {"enabled": True}, "dynamo-operator": {"nats": {"enabled": False}}}, None),
        ("1.1.1", {"nats": {"enabled": True}}, None),
        ("1.1.1", {"global": {"nats": {"install": True}}}, None),
        ("1.2.0", {"global": {"nats": {"install": False}}}, False),
        ("1.2.0", {}, None),
    ],
)
def test_setting_is_what_all_its_keys_say(version: str, values: dict[str, Any], value: object) -> None:
    assert CATALOG.setting("dynamo-platform", "nats.install", Version.parse(version), values) is value


@pytest.mark.parametrize(
    ("external", "names"),
    [(False, ["kai-config", "kai-shard", "kai-queue-controller"]), (True, ["kai-queue-controller", "kai-config"])],
)
def test_gates_are_in_their_order(external: bool, names: list[str]) -> None:
    gates = CATALOG.kai_scheduler.gates_for(external=external)
    assert [row.name for row, _ in gates] == names
    assert all(why for _, why in gates)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the catalog's data, which is what the module then goes by."""
    folder = tmp_path / "catalog"
    shutil.copytree(catalog.FOLDER, folder)
    monkeypatch.setattr(catalog, "FOLDER", folder)
    catalog.load.cache_clear()
    yield folder
    monkeypatch.undo()
    catalog.load.cache_clear()


@pytest.mark.parametrize("mode", ["separate", "external"])
def test_gate_waits_for_the_object_that_the_data_names(data: Path, mode: str) -> None:
    file = data / "kai-scheduler.json"
    tables = json.loads(file.read_text(encoding="utf-8"))
    for row in tables["gates"]:
        if row["name"] == "kai-config":
            row |= {"api_version": "kai.scheduler/v2", "object_name": "other"}
    file.write_text(json.dumps(tables), encoding="utf-8")

    plan = plan_of({"version": "1.6.1", "profile": "development", "kaiScheduler": {"mode": mode}}, stack=True)

    [gate] = [step for step in plan.steps if step.name == "kai-config"]
    assert isinstance(gate, Gate)
    assert (gate.api_version, gate.object_name) == ("kai.scheduler/v2", "other")


def test_new_minor_is_data_in_one_file(data: Path) -> None:
    file = data / "platform.json"
    tables = json.loads(file.read_text(encoding="utf-8"))
    [newest] = [row for row in tables["minors"] if row["minor"] == "1.6"]
    new = "1.8"
    tables["minors"].append(newest | {"minor": new})
    tables["versions"].append(f"{new}.0")
    file.write_text(json.dumps(tables), encoding="utf-8")

    modes = {"kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}}
    plan = plan_of({"version": f"{new}.0", "profile": "development", **modes}, stack=True)

    assert [(finding.code, finding.severity) for finding in plan.findings] == [("DEP008", "note")]
    assert [(release.name, release.version) for release in plan.releases] == [
        ("kai-scheduler", newest["kai_scheduler"]["pick"]),
        ("grove", newest["grove"]["pick"]),
        ("dynamo-platform", f"{new}.0"),
    ]
