"""A catalog with the rows of a file."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dynamo_platform import Finding, PlatformError, catalog, make_plan, plan_of
from dynamo_platform.catalog import catalog_with
from dynamo_platform.catalog.keys import recordings
from dynamo_platform.catalog.overlay import overlay
from dynamo_platform.cli import main
from dynamo_platform.config.reading import parse
from dynamo_platform.planning.model import Plan
from dynamo_platform.versions import Version

SHIPPED = catalog.load()
SOURCE = "https://example.com/releases"
WINDOW = {"bundled": "v0.19.0", "pick": "v0.19.0", "first": "v0.18.0", "sure": "inferred"}
GROVE = {"bundled": "v0.2.0", "pick": "v0.2.0", "first": "v0.1.0-alpha.14", "sure": "inferred"}
NEW: dict[str, Any] = {
    "checked": "2026-12-01",
    "platform": {
        "versions": [{"version": "1.8.0", "source": SOURCE}],
        "minors": [{"minor": "1.8", "kai_scheduler": WINDOW, "grove": GROVE, "source": SOURCE}],
    },
    "kai_scheduler": {"versions": [{"version": "v0.19.0", "source": SOURCE}]},
    "edges": {"rows": [{"from_minor": "1.7", "to_minor": "1.8", "reversible": False, "sources": [SOURCE]}]},
    "keys": {
        "dynamo-platform": {"1.8.0": {"came": {"dynamo-operator.turbo": "boolean"}, "went": [], "source": SOURCE}}
    },
}
STACK: dict[str, Any] = {
    "version": "1.8.0",
    "profile": "development",
    "kaiScheduler": {"mode": "separate"},
    "grove": {"mode": "separate"},
    "values": {"dynamo-operator": {"turbo": True}},
}


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def findings_about(content: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    found = overlay(SHIPPED, {"checked": "2026-12-01"} | content, "catalog.yaml").findings
    return [(finding.code, finding.path, finding.given, finding.allowed) for finding in found]


def planned(page: dict[str, Any], content: dict[str, Any]) -> Plan:
    return plan_of(page, overlay(SHIPPED, content, "catalog.yaml").catalog, stack=True)


def test_a_new_minor_is_planned_from_the_file_alone() -> None:
    with pytest.raises(PlatformError, match="VER004"):
        plan_of(STACK, stack=True)
    plan = planned(STACK, NEW)
    assert {release.name: release.version for release in plan.releases} == {
        "kai-scheduler": "v0.19.0",
        "grove": "v0.2.0",
        "dynamo-platform": "1.8.0",
    }
    assert "KEY001" not in codes(plan.findings)
    assert plan.platform.values["dynamo-operator"]["turbo"] is True


def test_keys_that_nothing_reads_are_still_found() -> None:
    plan = planned(STACK | {"values": {"dynamo-operator": {"turbot": True}}}, NEW)
    assert [finding.path for finding in plan.findings if finding.code == "KEY001"] == ["values.dynamo-operator.turbot"]


def test_recordings_of_other_versions_do_not_change() -> None:
    extended = overlay(SHIPPED, NEW, "catalog.yaml").catalog
    added = Version.parse("1.8.0")
    before, after = SHIPPED.recorded("dynamo-platform"), extended.recorded("dynamo-platform")
    assert {version: kinds for version, kinds in after.items() if version != added} == before
    assert after[added] == {**before[max(before)], "dynamo-operator.turbo": "boolean"}


def test_rows_are_in_the_order_of_their_versions() -> None:
    extended = overlay(SHIPPED, NEW, "catalog.yaml").catalog
    assert extended.platform.versions == (*SHIPPED.platform.versions, Version.parse("1.8.0"))
    assert [row.minor for row in extended.platform.minors] == [*(row.minor for row in SHIPPED.platform.minors), "1.8"]
    floor = {"first": "1.2.0-0", "floor": "1.29", "source": SOURCE}
    extended = overlay(SHIPPED, {"checked": "2026-12-01", "platform": {"kubernetes": [floor]}}, "").catalog
    firsts = [row.first for row in extended.platform.kubernetes]
    assert firsts == sorted(firsts)
    assert len(firsts) == len(SHIPPED.platform.kubernetes) + 1


def test_shipped_catalog_does_not_change() -> None:
    overlay(SHIPPED, NEW, "catalog.yaml")
    assert SHIPPED.minor(Version.parse("1.8.0")) is None
    assert "1.8.0" not in map(str, SHIPPED.recorded("dynamo-platform"))


def test_a_row_that_differs_from_a_shipped_one_replaces_it_with_a_note() -> None:
    floor = {"first": "1.4.0-0", "floor": "1.31", "source": SOURCE}
    assert findings_about({"platform": {"kubernetes": [floor]}}) == [
        ("CAT003", "catalog.platform.kubernetes[0]", '{"floor": "1.31"}', '{"floor": "1.30"}')
    ]
    old = findings_about({"platform": {"kubernetes": [floor | {"checked": "2026-01-01"}]}})
    assert [(code, path) for code, path, _, _ in old] == [("CAT005", "catalog.platform.kubernetes[0]")]


def test_a_row_that_is_shipped_already_is_a_note() -> None:
    rows = {"versions": [{"version": "1.6.0", "source": SOURCE}]}
    rows["kubernetes"] = [{"first": "1.4.0-0", "floor": "1.30", "source": SOURCE}]
    assert [code for code, *_ in findings_about({"platform": rows})] == ["CAT004", "CAT004"]


def test_recordings_of_keys_are_compared_with_the_shipped_ones() -> None:
    chart = "dynamo-platform"
    (version, shipped), *_ = [(text, row) for text, row in recordings(chart).items() if row.came]
    same = {"came": dict(shipped.came), "went": list(shipped.went), "source": SOURCE}
    other = same | {"came": {"turbo": "boolean"}}
    path = f"catalog.keys.{chart}.{version}"

    def found(recording: dict[str, Any]) -> list[tuple[str, str]]:
        return [(code, at) for code, at, _, _ in findings_about({"keys": {chart: {version: recording}}})]

    assert found(same) == [("CAT004", path)]
    assert found(other) == [("CAT003", path)]
    assert found(other | {"checked": "2026-01-01"}) == [("CAT005", path)]
    assert found(other | {"checked": "20260101"}) == [("CAT005", path)]


def test_an_edge_leads_to_the_next_major_version_too() -> None:
    edges = [
        {"from_minor": low, "to_minor": high, "reversible": False, "sources": [SOURCE]}
        for low, high in (("1.7", "1.8"), ("1.7", "2.0"))
    ]
    versions = [{"version": version, "source": SOURCE} for version in ("1.8.0", "2.0.0")]
    content = {"checked": "2026-12-01", "platform": {"versions": versions}, "edges": {"rows": edges}}
    catalog, findings = overlay(SHIPPED, content, "catalog.yaml")
    assert findings == ()
    assert catalog.edges.path("1.6", "1.8") == ("1.6", "1.7", "1.8")
    assert catalog.edges.path("1.6", "2.0") == ("1.6", "1.7", "2.0")
    assert not any(edge.skips for edge in SHIPPED.edges.rows)


@pytest.mark.parametrize(
    ("content", "path", "allowed"),
    [
        ({"platfrom": {}}, "catalog.platfrom", "platform, kai_scheduler, grove"),
        ({"platform": []}, "catalog.platform", "a mapping of the table's fields"),
        ({"platform": {"verions": []}}, "catalog.platform.verions", "versions, repositories"),
        ({"platform": {"chart": "x"}}, "catalog.platform.chart", "versions, repositories"),
        ({"platform": {"versions": {}}}, "catalog.platform.versions", "a list of rows"),
        ({"platform": {"versions": ["1.8.0"]}}, "catalog.platform.versions[0]", "a mapping of the row's fields"),
        (
            {"platform": {"versions": [{"version": "1.8", "source": SOURCE}]}},
            "catalog.platform.versions[0].version",
            "'1.8' is not a semantic version",
        ),
        (
            {"platform": {"versions": [{"version": "1.8.0"}]}},
            "catalog.platform.versions[0]",
            "source: the page that states it",
        ),
        (
            {"edges": {"rows": [{"from_minor": "1.7", "to_minor": "1.8", "reversible": "no", "sources": [SOURCE]}]}},
            "catalog.edges.rows[0].reversible",
            "'no' is not true or false",
        ),
        (
            {"platform": {"faults": [{"first": "1.8.0", "docs": SOURCE, "wy": "x"}]}},
            "catalog.platform.faults[0]",
            "wy unknown; Fault has",
        ),
        ({"keys": {"nats": {}}}, "catalog.keys.nats", "dynamo-platform, kai-scheduler, grove-charts"),
        (
            {"keys": {"kai-scheduler": {"0.19": {"came": {}, "went": [], "source": SOURCE}}}},
            "catalog.keys.kai-scheduler.0.19",
            "'0.19' is not a semantic version",
        ),
        ({"checked": "yesterday"}, "catalog.checked", "a date in quotes"),
        ({"checked": "2999-01-01"}, "catalog.checked", "the date on which the facts were read"),
        (
            {"platform": {"versions": [{"version": "1.8.0", "source": SOURCE, "checked": "2999-01-01"}]}},
            "catalog.platform.versions[0].checked",
            "the date on which the facts were read",
        ),
        (
            {"platform": {"versions": [{"version": "1.8.0", "source": "  "}]}},
            "catalog.platform.versions[0]",
            "source: the page that states it",
        ),
        (
            {"edges": {"rows": [{"from_minor": "1.6", "to_minor": "1.7", "reversible": True, "sources": [" "]}]}},
            "catalog.edges.rows[0]",
            "sources: the page that states it",
        ),
        (
            {"platform": {"minors": [{"minor": "eins", "kai_scheduler": WINDOW, "grove": GROVE, "source": SOURCE}]}},
            "catalog.platform.minors[0].minor",
            "'eins' is not a minor version in quotes, such as 1.8",
        ),
        (
            {"platform": {"minors": [{"minor": "1.8", "kai_scheduler": WINDOW, "grove": GROVE, "source": SOURCE}]}},
            "catalog.platform.minors[0]",
            "also a row in platform.versions, such as 1.8.0",
        ),
        (
            {"platform": {"kubernetes": [{"first": "1.8.0-0", "floor": "1.32.1", "source": SOURCE}]}},
            "catalog.platform.kubernetes[0].floor",
            "'1.32.1' is not a minor version",
        ),
        (
            {"edges": {"rows": [{"from_minor": "1.7", "to_minor": 1.8, "reversible": True, "sources": [SOURCE]}]}},
            "catalog.edges.rows[0].to_minor",
            "1.8 is not a minor version in quotes",
        ),
        (
            {"edges": {"rows": [{"from_minor": "1.7", "to_minor": "1.8", "reversible": True, "sources": [SOURCE]}]}},
            "catalog.edges.rows[0]",
            "also a row in platform.versions, such as 1.8.0",
        ),
        (
            {"edges": {"rows": [{"from_minor": "1.5", "to_minor": "1.7", "reversible": True, "sources": [SOURCE]}]}},
            "catalog.edges.rows[0]",
            "the next minor version, or the first one of the next major version",
        ),
        (
            {"edges": {"rows": [{"from_minor": "1.7", "to_minor": "1.6", "reversible": True, "sources": [SOURCE]}]}},
            "catalog.edges.rows[0]",
            "the next minor version, or the first one of the next major version",
        ),
        (
            {"platform": {"versions": [{"version": "1.8.0", "source": SOURCE}] * 2}},
            "catalog.platform.versions[1]",
            "one such row; the other is catalog.platform.versions[0]",
        ),
        (
            {
                "platform": {
                    "kubernetes": [{"first": "1.8.0-0", "floor": f, "source": SOURCE} for f in ("1.32", "1.33")]
                }
            },
            "catalog.platform.kubernetes[1]",
            "one such row; the other is catalog.platform.kubernetes[0]",
        ),
        (
            {"keys": {"grove-charts": {v: {"came": {}, "went": [], "source": SOURCE} for v in ("v0.2.0", "0.2.0")}}},
            "catalog.keys.grove-charts.0.2.0",
            "one such row; the other is catalog.keys.grove-charts.v0.2.0",
        ),
        (
            {"grove": {"settings": {"nosuch": [{"key": "a.b", "source": SOURCE}]}}},
            "catalog.grove.settings.nosuch",
            "registry.mirror",
        ),
        ({"keys": None}, "catalog.keys", "a mapping of charts"),
        ({"kinds": {}}, "catalog.kinds", "platform, kai_scheduler, grove"),
    ],
)
def test_wrong_entries_are_findings(content: dict[str, Any], path: str, allowed: str) -> None:
    (code, found, _, wanted), *_ = findings_about(content)
    assert (code, found) == ("CAT002", path)
    assert allowed in wanted
    assert overlay(SHIPPED, {"checked": "2026-12-01"} | content, "catalog.yaml").catalog is SHIPPED


def test_all_wrong_entries_are_reported_and_nothing_is_used() -> None:
    content = {"platform": {"versions": ["1.8.0", {"version": "1.9"}]}, "gorve": {}}
    result = overlay(SHIPPED, content, "catalog.yaml")
    assert [finding.path for finding in result.findings] == [
        "catalog.checked",
        "catalog.platform.versions[0]",
        "catalog.platform.versions[1]",
        "catalog.platform.versions[1].version",
        "catalog.gorve",
    ]
    assert result.catalog is SHIPPED


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("absent.yaml", "No such file or directory"),
        ("../outside.yaml", "it is outside of the project"),
        ("folder", "Is a directory"),
        ("list.yaml", "it is not a mapping of tables"),
        ("bad.yaml", "(line 2)"),
        ("large.yaml", "longer than 262,144 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding(file: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "bad.yaml").write_text("a: [\n")
    (tmp_path / "large.yaml").write_text("# \n" * 100_000)
    (finding,) = catalog_with(file, tmp_path).findings
    assert (finding.code, finding.severity, finding.path) == ("CAT001", "error", "catalog")
    assert finding.docs == "dynamo-platform docs configuration catalog"
    assert why in finding.why


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_commands_read_the_file_of_the_project(suffix: str, project: Path) -> None:
    text = json.dumps(NEW) if suffix == "json" else yaml.safe_dump(NEW)
    (project / f"catalog.{suffix}").write_text(text)
    write_stack(project, STACK | {"catalog": f"catalog.{suffix}"})
    assert run("check", "--stack", "dev", "--from", "1.7.0")[0] == 0
    assert "1.8.0 *" in run("versions", "--stack", "dev")[1]
    assert "1.8.0" not in run("versions")[1]
    assert "1.8" in run("versions", "--edges", "--stack", "dev")[1]
    assert "1.6.2 → 1.8.0: 3 updates" in run("route", "1.6.2", "1.8.0", "--stack", "dev")[1]
    code, text = run("explain", "--stack", "dev")
    assert code == 0, text
    assert "version    v0.19.0" in text


def test_versions_marks_what_the_file_adds(project: Path) -> None:
    content = NEW | {"platform": NEW["platform"] | {"versions": [*NEW["platform"]["versions"]]}}
    content["platform"]["versions"].append({"version": "1.6.99", "source": SOURCE})
    (project / "catalog.json").write_text(json.dumps(content))
    write_stack(project, STACK | {"catalog": "catalog.json"})
    rows = json.loads(run("versions", "--stack", "dev", "--json")[1])
    assert [row["platform"] for row in rows if row["overlay"]] == ["1.6", "1.8"]
    assert "1.6.99 *" in run("versions", "--stack", "dev")[1]
    edges = json.loads(run("versions", "--edges", "--stack", "dev", "--json")[1])
    assert [(edge["from"], edge["to"]) for edge in edges if edge["overlay"]] == [("1.7", "1.8")]
    lines = run("versions", "--edges", "--stack", "dev")[1].splitlines()
    assert [line.split()[:3] for line in lines if "*" in line] == [["1.7", "1.8", "*"]]
    assert "*" not in run("versions", "--edges")[1]


def test_file_with_an_error_fails_the_check_with_its_line(project: Path) -> None:
    (project / "catalog.yaml").write_text("platform: {}\n")
    write_stack(project, STACK | {"catalog": "catalog.yaml"})
    code, text = run("check", "--stack", "dev")
    assert code == 1
    assert "error CAT002  catalog.checked (line" in text
    for command in (["versions"], ["versions", "--edges"], ["route", "1.6.2", "1.7.0"]):
        code, text = run(*command, "--stack", "dev")
        assert (code, "error CAT002  catalog.checked" in text) == (1, True), text


def test_diff_reads_the_file_of_each_revision(project: Path) -> None:
    write_stack(project, STACK | {"catalog": "catalog.json"})
    (project / "catalog.json").write_text(json.dumps(NEW))
    commit(project, "one")
    floor = {"first": "1.4.0-0", "floor": "1.31", "source": SOURCE}
    other = NEW | {"platform": NEW["platform"] | {"kubernetes": [floor]}}
    (project / "catalog.json").write_text(json.dumps(other))
    commit(project, "two")
    (project / "catalog.json").write_text("{}")
    result = CliRunner().invoke(main, ["diff", "HEAD~1", "HEAD", "--format", "json"])
    (stack,) = json.loads(result.stdout)["stacks"]
    assert (stack["state"], stack["ok"], stack["baseErrors"]) == ("changed", True, [])
    assert [each["path"] for each in stack["findings"] if each["code"] == "CAT003"] == [
        "catalog.platform.kubernetes[0]"
    ]


def test_python_reads_it_from_the_current_folder(project: Path) -> None:
    (project / "catalog.yaml").write_text(yaml.safe_dump(NEW))
    config, _ = parse(STACK | {"catalog": "catalog.yaml"}, stack=True)
    assert make_plan(config).platform.version == "1.8.0"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: infra\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_stack(folder: Path, settings: dict[str, Any]) -> None:
    config = {f"dynamo-platform:{name}": value for name, value in settings.items()}
    (folder / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))


def commit(folder: Path, message: str) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", message], cwd=folder, check=True)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Charts whose versions the catalog does not know."""
    folder = tmp_path_factory.mktemp("charts")
    dependencies = [
        {"name": "kai-scheduler", "version": "v0.19.0"},
        {"name": "grove-charts", "version": "v0.2.0", "alias": "grove"},
    ]
    charts: dict[str, dict[str, Any]] = {
        "dynamo-platform": {"version": "1.8.0", "dependencies": dependencies},
        "kai-scheduler": {"version": "v0.19.0"},
        "other": {"version": "1.0.0"},
    }
    for version in ("1.9.0", "2.0.0"):
        charts[version] = {"name": "dynamo-platform", "version": version, "dependencies": dependencies}
    for name, chart in charts.items():
        (folder / name).mkdir()
        (folder / name / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": name} | chart))
        (folder / name / "values.yaml").write_text("turbo: false\n")
        (folder / name / "templates").mkdir()
        (folder / name / "templates" / "config.yaml").write_text("turbo: {{ .Values.turbo }}\n")
    (folder / "text.tgz").write_text("no archive\n")
    return {path.name: path for path in folder.iterdir()}


def added(*arguments: str | Path) -> tuple[int, str]:
    return run("catalog", "add", *map(str, arguments))


@pytest.mark.parametrize("file", ["catalog.json", "catalog.yaml"])
def test_rows_of_charts_are_added_to_a_file(file: str, project: Path, archives: dict[str, Path]) -> None:
    code, text = added(archives["dynamo-platform"], archives["kai-scheduler"], "--file", file)
    assert code == 0, text
    assert [line.strip() for line in text.splitlines() if "added" in line or not line.startswith(" ")] == [
        "kai-scheduler v0.19.0",
        "added    kai_scheduler.versions",
        "added    keys.kai-scheduler.v0.19.0",
        "dynamo-platform 1.8.0",
        "added    platform.minors",
        "added    edges.rows",
        "added    platform.versions",
        "added    keys.dynamo-platform.1.8.0",
        f"{file} is written. Stack files use it with `dynamo-platform:catalog: {file}`.",
    ]
    write_stack(project, STACK | {"catalog": file, "values": {"turbo": True}})
    code, text = run("check", "--stack", "dev", "--from", "1.7.0")
    assert code == 0, text
    assert "KEY001" not in text


@pytest.mark.parametrize(
    ("names", "edges", "decide"),
    [
        (["dynamo-platform"], ["1.7 → 1.8"], []),
        (["1.9.0"], [], ["1.8 → 1.9"]),
        (["1.9.0", "dynamo-platform"], ["1.7 → 1.8", "1.8 → 1.9"], []),
        (["2.0.0"], [], ["the last one of the major version before → 2.0"]),
    ],
)
def test_an_edge_is_added_only_from_the_minor_directly_before(
    names: list[str], edges: list[str], decide: list[str], project: Path, archives: dict[str, Path]
) -> None:
    code, text = added(*(archives[name] for name in names), "--json")
    assert code == 0, text
    charts = json.loads(text)["charts"]
    rows = [each["row"] for chart in charts for each in chart["added"] if each["to"] == "edges.rows"]
    assert [f"{row['from_minor']} → {row['to_minor']}" for row in rows] == edges
    texts = [text for chart in charts for text in chart["decide"]]
    found = [re.search("`from_minor: (.*)` and `to_minor: (.*)`", text) for text in texts]
    assert [" → ".join(each.groups()) for each in found if each] == decide


def test_a_minor_that_is_added_late_does_not_get_an_edge_from_a_newer_one(
    project: Path, archives: dict[str, Path]
) -> None:
    added(archives["1.9.0"])
    assert added(archives["dynamo-platform"])[0] == 0
    rows = json.loads((project / "catalog.json").read_text())["edges"]["rows"]
    assert [(row["from_minor"], row["to_minor"]) for row in rows] == [("1.7", "1.8")]


def test_adding_again_changes_nothing(project: Path, archives: dict[str, Path]) -> None:
    added(archives["dynamo-platform"])
    before = (project / "catalog.json").read_text()
    code, text = added(archives["dynamo-platform"])
    assert (code, (project / "catalog.json").read_text()) == (0, before)
    assert "  added    nothing: the catalog has it" in text


def test_rows_that_are_there_stay(project: Path, archives: dict[str, Path]) -> None:
    floor = {"first": "1.8.0-0", "floor": "1.34", "source": SOURCE}
    (project / "catalog.json").write_text(json.dumps({"checked": "2026-11-28", "platform": {"kubernetes": [floor]}}))
    assert added(archives["dynamo-platform"])[0] == 0
    content = json.loads((project / "catalog.json").read_text())
    assert content["platform"]["kubernetes"] == [floor]
    assert content["platform"]["versions"][0]["version"] == "1.8.0"


def test_what_was_added_as_json(project: Path, archives: dict[str, Path]) -> None:
    code, text = added(archives["kai-scheduler"], "--json")
    (chart,) = json.loads(text)["charts"]
    assert (code, chart["version"], [each["to"] for each in chart["added"]]) == (
        0,
        "v0.19.0",
        ["kai_scheduler.versions", "keys.kai-scheduler.v0.19.0"],
    )


@pytest.mark.parametrize(
    ("name", "problem"), [("text.tgz", "is not a Helm chart"), ("other", "other is not a chart of the catalog")]
)
def test_a_file_that_is_no_chart_is_a_finding_and_nothing_is_written(
    name: str, problem: str, project: Path, archives: dict[str, Path]
) -> None:
    code, text = added(archives["kai-scheduler"], archives[name])
    assert code == 1
    assert "error CAT006  CHART" in text
    assert problem in " ".join(text.split())
    assert not (project / "catalog.json").exists()


@pytest.mark.parametrize(
    ("file", "data", "problem"),
    [
        ("catalog.yaml", b'# ours\nchecked: "2026-11-28"\n', "its comments would be lost"),
        ("catalog.yaml", b'checked: "2026-11-28" # keep\n', "its comments would be lost"),
        ("catalog.yaml", b"checked: | # keep\n  2026-11-28\n", "its comments would be lost"),
        ("catalog.yaml", b'checked: "\xff"\n', "invalid"),
        ("catalog.yaml", b"checked: [\n", "(line 2)"),
        ("catalog.yaml", b"- 1\n", "it is not a mapping of tables"),
        ("catalog.yaml", b"a: b\n" * 60_000, "longer than 262,144 bytes"),
        ("catalog.json", b'{"checked": ]', "(line 1)"),
        ("catalog.json", b'{"checked": "2026-11-28"} # keep', "Extra data"),
    ],
)
def test_a_file_that_cannot_be_extended_stays_as_it_is(
    file: str, data: bytes, problem: str, project: Path, archives: dict[str, Path]
) -> None:
    (project / file).write_bytes(data)
    code, text = added(archives["kai-scheduler"], "--file", file)
    assert (code, "error CAT007  --file" in text) == (1, True), text
    assert problem in " ".join(text.split())
    assert (project / file).read_bytes() == data


def test_a_number_sign_in_a_scalar_is_no_comment(project: Path, archives: dict[str, Path]) -> None:
    floor = """\
checked: '2026-11-28'
platform:
  kubernetes:
  - {first: 1.8.0-0, floor: "1.34", source: "https://example.com/ # one"}
  - first: 1.9.0-0
    floor: '1.35'
    source: >
      https://example.com/
      # two
  - {first: 1.10.0-0, floor: '1.36', source: https://example.com/#three}
"""
    (project / "catalog.yaml").write_text(floor)
    assert added(archives["kai-scheduler"], "--file", "catalog.yaml")[0] == 0
    content = yaml.safe_load((project / "catalog.yaml").read_text())
    assert content["platform"] == yaml.safe_load(floor)["platform"]


def test_a_symbolic_link_stays(project: Path, archives: dict[str, Path]) -> None:
    (project / "shared.json").write_text('{"checked": "2026-11-28"}')
    (project / "catalog.json").symlink_to("shared.json")
    assert added(archives["kai-scheduler"])[0] == 0
    assert (project / "catalog.json").is_symlink()
    assert "kai_scheduler" in json.loads((project / "shared.json").read_text())


def test_added_rows_are_in_the_order_of_their_versions(project: Path, archives: dict[str, Path]) -> None:
    for name in ("2.0.0", "1.9.0", "dynamo-platform"):
        assert added(archives[name])[0] == 0
    content = json.loads((project / "catalog.json").read_text())
    assert [row["version"] for row in content["platform"]["versions"]] == ["1.8.0", "1.9.0", "2.0.0"]
    assert [row["minor"] for row in content["platform"]["minors"]] == ["1.8", "1.9", "2.0"]
