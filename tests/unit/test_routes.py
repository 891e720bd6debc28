"""Routes: the updates that lead from one platform version to another."""

import json
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dynamo_platform import PlatformError, catalog
from dynamo_platform.catalog import Catalog
from dynamo_platform.catalog.edges import Edge, verified
from dynamo_platform.catalog.platform import Minor, Window
from dynamo_platform.cli import main
from dynamo_platform.config.reading import parse
from dynamo_platform.planning.routes import RouteStep, find_route, known_version
from dynamo_platform.versions import Version
from tests.unit import upgrades

CATALOG = catalog.load()
MINORS = [row.minor for row in CATALOG.platform.minors]
BACK = [
    (new, old)
    for old, new in combinations(MINORS, 2)
    if all(edge.reversible for edge in CATALOG.edges.rows if old <= edge.from_minor < new)
]
STACKS = Path(__file__).parents[2] / "stacks"


def newest(minor: str) -> Version:
    return CATALOG.platform.versions_of(minor)[-1]


def route(start: str, goal: str, **settings: Any) -> tuple[RouteStep, ...]:
    page = {"profile": "development", "kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}} | settings
    config, problems = parse(page, stack=True)
    assert not problems
    return find_route(config, Version.parse(start), Version.parse(goal), CATALOG)


def moves(steps: tuple[RouteStep, ...]) -> list[tuple[str, ...]]:
    return [tuple(map(str, step.after.values())) for step in steps]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_route_stops_at_every_minor_with_versions_that_work() -> None:
    assert moves(route("1.2.0", "1.6.2")) == [
        ("1.3.1", "v0.17.2", "v0.1.0-alpha.8"),
        ("1.4.2", "v0.17.2", "v0.1.0-alpha.12-rc1"),
        ("1.5.1", "v0.17.2", "v0.1.0-alpha.13"),
        ("1.6.2", "v0.17.2", "v0.1.0-alpha.14"),
    ]


def test_dependencies_stay_where_nobody_knows_what_works() -> None:
    written = {
        "kaiScheduler": {"mode": "separate", "version": "v0.17.2"},
        "grove": {"mode": "separate", "version": "v0.1.0-alpha.14"},
    }
    assert moves(route("1.6.2", "1.7.0", **written)) == [("1.7.0", "v0.17.2", "v0.1.0-alpha.14")]


def test_dependencies_stay_if_nobody_knows_what_worked_before() -> None:
    (step,) = route("1.7.0", "1.6.2")
    assert dict(step.settings) == {"version": "1.6.2"}
    assert moves((step,)) == [("1.6.2", "v0.17.2", "v0.1.0-alpha.14")]
    assert route("1.7.0", "1.5.1")[0].settings == {"version": "1.6.2"}


def test_dependencies_move_only_when_they_must() -> None:
    steps = route("1.0.2", "1.2.1")
    assert [dict(step.settings) for step in steps] == [
        {"version": "1.1.1", "grove.version": "v0.1.0-alpha.8"},
        {"version": "1.2.1", "kaiScheduler.version": "v0.17.2"},
    ]


def test_given_versions_are_those_at_the_end() -> None:
    steps = route("1.5.1", "1.6.2", grove={"mode": "separate", "version": "v0.1.0-alpha.15"})
    assert moves(steps)[-1] == ("1.6.2", "v0.17.2", "v0.1.0-alpha.15")


def test_bundled_versions_follow_the_platform() -> None:
    steps = route("1.3.1", "1.5.1", kaiScheduler={"mode": "bundled"}, grove={"mode": "bundled"})
    assert moves(steps) == [
        ("1.4.2", "v0.13.4", "v0.1.0-alpha.12-rc1"),
        ("1.5.1", "v0.17.0", "v0.1.0-alpha.13"),
    ]
    assert "The chart's hooks delete and recreate" in " ".join(note.what for note in steps[0].disturbs)


def test_owners_of_external_charts_move_them_first() -> None:
    external = {"mode": "external", "version": "v0.17.0"}
    (step,) = route("1.5.1", "1.6.2", kaiScheduler=external, grove={"mode": "external", "version": "v0.1.0-alpha.14"})
    assert [note.what for note in step.by_hand_before] == []
    (step, _) = route("1.3.1", "1.5.1", kaiScheduler=external, grove={"mode": "external", "version": "v0.1.0-alpha.13"})
    assert step.by_hand_before[-1].what == (
        "grove is external: its owner moves it from v0.1.0-alpha.8 to v0.1.0-alpha.12-rc1."
    )


def test_what_an_update_does_is_what_the_findings_say() -> None:
    to_1_4, to_1_5 = route("1.3.1", "1.5.1")
    assert [note.code for note in to_1_4.by_hand_before] == ["UPG008"]
    assert to_1_4.settings["accept"] == ["UPG008@v0.1.0-alpha.12-rc1"]
    assert to_1_4.settings["nats.mode"] == "bundled"
    assert [note.code for note in to_1_4.disturbs if note.code] == ["UPG009"]
    assert [note.code for note in to_1_5.cannot_be_undone] == ["UPG007"]
    assert to_1_5.settings["accept"] is None


def test_each_note_has_its_source_below() -> None:
    code, text = run("route", "1.4.2", "1.5.1")
    lines = [line.strip() for line in text.splitlines()]
    assert code == 0
    at = lines.index(
        "disturbs    UPG010: The operator renames every gang once when it starts. (Do not scale anything to zero"
    )
    assert lines[at + 2] == "https://github.com/ai-dynamo/grove/issues/808"


def test_a_pair_outside_the_windows_is_said_where_no_version_works_with_both() -> None:
    to_1_4, to_1_5 = route("1.3.1", "1.5.1")
    (outside,) = [note.what for note in to_1_4.disturbs if "Until" in note.what]
    assert outside == (
        "Until the platform is upgraded too, grove v0.1.0-alpha.12-rc1 runs with dynamo-platform 1.3.1: no version is "
        "known that works with both."
    )
    assert not [note for note in to_1_5.disturbs if "Until" in note.what]


@pytest.mark.parametrize("mode", ["separate", "bundled", "external"])
@pytest.mark.parametrize(("start", "goal"), [*combinations(MINORS, 2), *BACK])
def test_every_update_is_adjacent_and_inside_the_windows(start: str, goal: str, mode: str) -> None:
    if mode == "bundled" and "1.7" in {start, goal}:
        pytest.skip("upstream's pages do not say what 1.7 bundles")
    parts = {"mode": mode} if mode != "external" else {"mode": mode, "namespace": "shared"}
    steps = route(str(newest(start)), str(newest(goal)), kaiScheduler=parts, grove=parts)
    at = start
    for step in steps:
        minor = step.after["dynamo-platform"].minor_line
        assert minor == at or CATALOG.edges.between(at, minor)
        row = CATALOG.minor(step.after["dynamo-platform"])
        assert row
        assert row.kai_scheduler.holds(step.after["kai-scheduler"]) or mode == "bundled"
        assert row.grove.holds(step.after["grove"]) or mode == "bundled"
        assert step.errors == ()
        at = minor
    assert at == goal


@pytest.mark.parametrize("stack", ["production", "dev", "external"])
@pytest.mark.parametrize(("start", "goal"), [("1.0.2", "1.6.2"), ("1.4.2", "1.1.1")])
def test_each_written_file_is_accepted_after_the_one_before(stack: str, start: str, goal: str, tmp_path: Path) -> None:
    code, text = run("route", start, goal, "--config", str(STACKS / f"Pulumi.{stack}.yaml"), "--out", str(tmp_path))
    assert code == 0, text
    before = start
    folders = sorted(tmp_path.iterdir(), key=lambda folder: int(folder.name.partition("-")[0]))
    assert len(folders) >= 3
    for folder in folders:
        file = folder / f"Pulumi.{stack}.yaml"
        code, text = run("check", "--config", str(file), "--from", before)
        assert code == 0, text
        before = str(file)


def test_written_file_keeps_comments(tmp_path: Path) -> None:
    run("route", "1.4.2", "1.5.0", "--config", str(STACKS / "Pulumi.production.yaml"), "--out", str(tmp_path))
    before = (STACKS / "Pulumi.production.yaml").read_text(encoding="utf-8")
    after = (tmp_path / "1-1.5.0" / "Pulumi.production.yaml").read_text(encoding="utf-8")
    assert [line for line in before.splitlines() if "#" in line] == [line for line in after.splitlines() if "#" in line]
    assert '  dynamo-platform:version: "1.5.0"' in after.splitlines()


def test_skipping_minors_is_an_error_that_shows_the_route() -> None:
    config = str(STACKS / "Pulumi.dev.yaml")
    code, text = run("check", "--config", config, "--from", "1.0.2")
    assert code == 1
    assert "error UPG020  version" in text
    assert "1.1.1 first: 1.0.2 → 1.1.1 → 1.2.1" in text
    code, text = run("explain", "--config", config, "--from", "1.0.2")
    assert code == 1
    assert "1  dynamo-platform 1.0.2 → 1.1.1" in text


@pytest.mark.parametrize(
    ("arguments", "path", "given"),
    [
        (("1.5", "1.6.1"), "FROM", '"1.5"'),
        (("v1.5.1", "1.6.1"), "FROM", '"v1.5.1"'),
        (("1.5.1", "1.99.0"), "TO", '"1.99.0"'),
        (("1.5.1", "1.4.2"), "version", '"1.4.2", currently 1.5.1'),
    ],
)
def test_impossible_routes_are_findings(arguments: tuple[str, str], path: str, given: str) -> None:
    code, text = run("route", *arguments)
    assert code == 1
    assert text.splitlines()[2].endswith(f"  {path}")
    assert text.splitlines()[3] == f"  given    {given}"
    assert "  allowed  " in text
    assert "  why      " in text


def test_route_to_the_installed_version_is_empty() -> None:
    assert run("route", "1.5.1", "1.5.1") == (0, "1.5.1 → 1.5.1: nothing to do\n")


def test_versions_that_no_edges_connect_have_no_route() -> None:
    edges = type(CATALOG.edges)(source="https://example.com", rows=CATALOG.edges.rows[:3])
    lonely = type(CATALOG)(**{name: getattr(CATALOG, name) for name in CATALOG.fields} | {"edges": edges})
    config, _ = parse({"profile": "development"}, stack=True)
    with pytest.raises(PlatformError, match=r"No series of supported upgrades leads from 1\.0\.2 to 1\.5\.1"):
        find_route(config, Version.parse("1.0.2"), Version.parse("1.5.1"), lonely)
    assert known_version("1.5.1", "TO", lonely) == Version.parse("1.5.1")


def test_edges_connect_all_known_minors() -> None:
    known = CATALOG.platform.known_minors
    assert CATALOG.edges.path(known[0], known[-1]) == tuple(known)
    assert CATALOG.edges.path(known[-1], known[0]) == tuple(reversed(known))


def test_no_edge_over_a_storage_version_is_reversible() -> None:
    kinds = {str(edge): {change.kind for change in CATALOG.changes_over(edge)} for edge in CATALOG.edges.rows}
    assert [edge for edge, found in kinds.items() if "storage-version" in found] == ["1.4 → 1.5"]
    assert not CATALOG.edges.between("1.4", "1.5").reversible  # type: ignore[union-attr]


def test_supported_upgrades_name_the_changes_of_the_chart() -> None:
    assert run("versions", "--edges")[1].splitlines()[5].split()[:4] == ["1.2", "1.3", "yes", "crds-leave-chart"]
    rows = json.loads(run("versions", "--edges", "--json")[1])
    assert next(row["changes"] for row in rows if row["to"] == "1.5") == ["storage-version", "field-immutable"]


def test_the_table_of_upgrades_in_the_docs_is_current() -> None:
    text = upgrades.PAGE.read_text(encoding="utf-8")
    assert upgrades.page() == text, "run `make docs`"
    assert text.count("\n| 1.") == len([edge for edge in CATALOG.edges.rows if edge.from_minor.startswith("1.")])


def test_tested_edges_are_edges() -> None:
    for each in verified():
        assert CATALOG.edges.between(each.from_minor, each.to_minor)
        assert each.before["dynamo-platform"].minor_line == each.from_minor
        assert each.after["dynamo-platform"].minor_line == each.to_minor
        assert each.charts == "contract" or set(each.digests) == set(each.after)


class MadeUp(NamedTuple):
    """A catalog with made-up versions, and a route in it."""

    catalog: Catalog
    start: Version
    goal: Version
    given: dict[str, str]


PARTS = {"kaiScheduler": "kai_scheduler", "grove": "grove"}
CHARTS = tuple(Version.parse(f"v9.{number}.0") for number in range(8))


def changed(row: Any, **fields: Any) -> Any:
    return type(row)(**{name: getattr(row, name) for name in row.fields} | fields)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    first, pick, below = sorted(draw(st.lists(st.integers(0, 8), min_size=3, max_size=3)))
    if pick == below or draw(st.integers(0, 3)) == 0:
        return Window(sure="unknown")
    upper = CHARTS[below] if below < len(CHARTS) else None
    return Window(sure="published", first=CHARTS[first], pick=CHARTS[pick], below=upper)


@st.composite
def made_up(draw: st.DrawFn) -> MadeUp:
    names = [f"9.{number}" for number in sorted(draw(st.sets(st.integers(0, 9), min_size=2, max_size=5)))]
    minors = [Minor(minor=name, kai_scheduler=draw(windows()), grove=draw(windows()), source="") for name in names]
    assume(any(row.kai_scheduler.pick and row.grove.pick for row in minors))
    versions = tuple(Version.parse(f"{name}.{patch}") for name in names for patch in range(2))
    rows = tuple(
        Edge(from_minor=low, to_minor=high, reversible=draw(st.booleans()), sources=("",))
        for low, high in pairwise(names)
    )
    catalog = changed(
        CATALOG,
        platform=changed(CATALOG.platform, minors=tuple(minors), past=(), versions=versions),
        kai_scheduler=changed(CATALOG.kai_scheduler, versions=CHARTS),
        grove=changed(CATALOG.grove, versions=CHARTS),
        edges=changed(CATALOG.edges, rows=rows),
    )
    start, goal = (draw(st.sampled_from(versions)) for _ in range(2))
    given = draw(st.dictionaries(st.sampled_from([*PARTS]), st.sampled_from([*map(str, CHARTS)])))
    return MadeUp(catalog, start, goal, given)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(made_up())
def test_updates_of_any_catalog_stay_inside_what_is_known(case: MadeUp) -> None:
    catalog, start, goal, written = case
    parts = {key: {"mode": "separate"} | ({"version": written[key]} if key in written else {}) for key in PARTS}
    config, _ = parse({"profile": "development"} | parts, stack=True)
    at, steps = start, find_route(config, start, goal, catalog)
    for step in steps:
        after = step.after["dynamo-platform"]
        assert step.before["dynamo-platform"] == at
        assert after.minor_line == at.minor_line or catalog.edges.between(at.minor_line, after.minor_line)
        for part in PARTS.values():
            name = part.replace("_", "-")
            if name not in step.after:
                continue  # no version is known at this minor version, nor at the next ones
            old, new = (getattr(catalog.minor(version), part) for version in (at, after))
            assert new.holds(step.after[name])
            said = any(
                f"{name} {step.after[name]} runs with dynamo-platform {at}" in note.what for note in step.disturbs
            )
            moves = step.before.get(name) != step.after[name]
            assert said == (moves and not old.holds(step.after[name]))
            assert not said or not any(old.holds(version) and new.holds(version) for version in CHARTS)
        at = after
    assert at == goal
    for key, part in PARTS.items() if steps else ():
        window, end = getattr(catalog.minor(goal), part), steps[-1].after.get(part.replace("_", "-"))
        fits = key in written and window.holds(Version.parse(written[key]))
        if wanted := Version.parse(written[key]) if fits else window.pick:
            assert end == wanted
