"""The rules: their findings and messages, right configurations without findings, and the effect of `accept`."""

import pickle
import textwrap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamo_platform import Finding, PlatformError, make_plan, plan_of
from dynamo_platform.catalog import load
from dynamo_platform.catalog.model import Fault
from dynamo_platform.catalog.overlay import overlay
from dynamo_platform.cli import main
from dynamo_platform.config.reading import parse
from dynamo_platform.planning.rules import RULES, Rule
from dynamo_platform.versions import Version
from tests.engine.recordings import RENDERS as RECORDINGS
from tests.engine.recordings import Recording
from tests.unit.findings import (
    FILES,
    MESSAGES,
    PAGE,
    PROGRAM,
    RENDERING,
    UNREADABLE,
    Case,
    Config,
    cases,
    finding_in_file,
    findings_of,
    messages,
    page,
)

CASES = cases()

DEVELOPMENT: Config = {"version": "1.5.1", "profile": "development"}
PRODUCTION: Config = {
    "version": "1.5.1",
    "profile": "production",
    "cluster": {"context": "eu"},
    "kaiScheduler": {"version": "v0.17.0"},
    "grove": {"version": "v0.1.0-alpha.13"},
}
SEPARATE: Config = DEVELOPMENT | {"kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule_finds_the_bad_case_and_not_the_good_one(case: Case) -> None:
    assert case.findings()
    assert case.false_findings() == []


def test_every_finding_has_a_case() -> None:
    assert {case.code for case in CASES} == {rule.code for rule in RULES} | set(UNREADABLE)


def test_codes_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)


def test_messages_are_the_recorded_ones() -> None:
    assert messages() == MESSAGES.read_text(encoding="utf-8")


def test_page_of_findings_is_current() -> None:
    assert page() == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_finding_says_what_is_allowed_why_and_where_to_read(case: Case) -> None:
    for finding in case.findings():
        assert finding.given
        assert finding.allowed
        assert finding.why.endswith(".")
        if not finding.docs.startswith("https://"):
            assert_is_a_section(finding.docs)


def assert_is_a_section(command: str) -> None:
    """Check that a command of a finding prints a page or a section of it."""
    program, *arguments = command.split()
    assert program == "dynamo-platform"
    assert CliRunner().invoke(main, arguments).exit_code == 0


@pytest.mark.parametrize("finding", [*RENDERING.values(), *PROGRAM.values(), *map(finding_in_file, FILES)])
def test_findings_of_no_rule_say_where_to_read_too(finding: Finding) -> None:
    if not finding.docs.startswith("https://"):
        assert_is_a_section(finding.docs)


@pytest.mark.parametrize(
    ("config", "notes"),
    [(DEVELOPMENT, []), (PRODUCTION, ["DEP008"]), (SEPARATE, ["DEP008"])],
    ids=["development", "production", "separate"],
)
def test_right_configuration_has_at_most_a_note_about_support(config: Config, notes: list[str]) -> None:
    found = findings_of(config)
    assert [each.code for each in found] == notes
    assert {each.severity for each in found} <= {"note"}


def test_a_provider_names_the_cluster_of_production() -> None:
    config = {key: value for key, value in PRODUCTION.items() if key != "cluster"}
    assert [each.code for each in findings_of(config, provider=True)] == ["DEP008"]


# What the charts themselves refuse

_REFUSED = [
    pytest.param(recording, case, id=f"{recording.name}-{case.name}")
    for recording in map(Recording.load, sorted(path.stem for path in RECORDINGS.glob("*.json")))
    for case in recording.cases
    if case.expected.fails
]


def _configuration(recording: Recording, case: Any) -> Config:
    """A configuration that passes through the values of a recorded case."""
    if recording.chart == "dynamo-platform":
        flags = {name: case.values.get("global", {}).get(name, {}) for name in ("kai-scheduler", "grove")}
        modes = {
            name: "bundled" if flag.get("install") else "external" if flag.get("enabled") else "disabled"
            for name, flag in flags.items()
        }
        return {
            "version": recording.version.partition("-")[0],
            "profile": "development",
            "kubernetesVersion": case.kubernetes,
            "kaiScheduler": {"mode": modes["kai-scheduler"]},
            "grove": {"mode": modes["grove"]},
            "values": dict(case.values),
        }
    key = {"kai-scheduler": "kaiScheduler", "grove-charts": "grove"}[recording.chart]
    return SEPARATE | {key: {"mode": "separate", "version": recording.version, "values": dict(case.values)}}


@pytest.mark.parametrize(("recording", "case"), _REFUSED)
def test_rules_refuse_what_the_real_chart_refuses(recording: Recording, case: Any) -> None:
    lifted = {rule.code for rule in RULES if rule.acceptable}
    refused = {f.code for f in findings_of(_configuration(recording, case)) if f.severity == "error"} - lifted
    assert refused & {rule.code for rule in RULES}


_NOT_YET = {("dynamo-platform-1.5.0-main.20260821", "checkpoint storage")}
"""Taken three weeks before 1.5.0, which refuses it."""


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.json")), ids=lambda path: path.stem)
def test_rules_do_not_refuse_what_the_real_chart_accepts(path: Path) -> None:
    recording = Recording.load(path.stem)
    for case in recording.cases:
        if not case.expected.fails and (recording.name, case.name) not in _NOT_YET:
            refused = [f.code for f in findings_of(_configuration(recording, case)) if f.code.startswith("CHT")]
            staleness = ["CHT007"] if "staleness -1" in case.name and "-1s" not in case.name else []
            assert refused in ([], staleness), case.name


# Known faults


def _tree(path: str, value: object) -> Config:
    for step in reversed(path.split(".")):
        value = {step: value}
    assert isinstance(value, dict)
    return value


def _with(fault: Fault, key: str, version: Version, values: Config) -> Config:
    """A configuration whose versions alone decide whether a fault applies."""
    modes = {"kaiScheduler": {"mode": "disabled"}, "grove": {"mode": "disabled"}}
    dependency = {"mode": "separate", "version": str(version), "values": values}
    dependency |= {"chart": "charts/chart.tgz"} if fault.local else {}
    config = DEVELOPMENT | modes | {key: dependency, "accept": ["DEP002"]}
    config |= {"apiVersions": [f"{fault.api}/v1"]} if fault.api else {}
    return config | ({"kubernetesVersion": fault.kubernetes} if fault.kubernetes else {})


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        pytest.param(key, fault, id=f"{chart.chart} {fault.first} {fault.docs.rpartition('/')[2]}")
        for key, chart in (("kaiScheduler", load().kai_scheduler), ("grove", load().grove))
        for fault in chart.faults
    ],
)
def test_every_known_fault_is_found_in_its_versions_alone(key: str, fault: Fault) -> None:
    chart = load().kai_scheduler if key == "kaiScheduler" else load().grove
    values = _tree(fault.given, [{"name": "x"}]) if fault.given else {}

    def found(version: Version, values: Config, **dependency: Any) -> list[str]:
        config = _with(fault, key, version, values)
        config[key] |= dependency
        return [
            f.why for f in findings_of(config) if f.code == "DEP005" and f.docs == fault.docs and f.why == fault.why
        ]

    have = [version for version in chart.versions if fault.holds(version)] or [fault.first]
    after = [version for version in chart.versions if version >= fault.below][:1]
    others = [version for version in after if not any(other.holds(version) for other in chart.faults)]
    for version in (have[0], have[-1]):
        assert found(version, values) == [fault.why]
        if fault.given:
            assert found(version, {}) == []
        if fault.local:
            assert found(version, values, chart=None) == []
        if fault.unset:
            assert found(version, values | _tree(fault.unset, "registry.example.com")) == []
        for path, value in (fault.avoided or {}).items():
            assert found(version, values | _tree(path, value)) == []
    for version in others:
        assert found(version, values) == []


READ = [("v0.16.8", False), ("v0.16.10", True), ("v0.17.0", True)]
"""Versions of KAI Scheduler, and whether `kaiConfig.render` counts as read; v0.16.10 is not recorded."""


@pytest.mark.parametrize(("version", "read"), READ)
@pytest.mark.parametrize(
    ("conditions", "found_if_read"),
    [
        ({"avoided": {"kaiConfig.render": True}}, False),
        ({"unset": "kaiConfig.render"}, False),
        ({"given": "kaiConfig.render"}, True),
    ],
)
def test_only_keys_that_the_version_reads_decide_whether_a_fault_applies(
    conditions: Config, found_if_read: bool, version: str, read: bool
) -> None:
    docs = "https://example.com/1"
    fault = {"first": "v0.16.0", "below": "v0.18.0", "severity": "warning", "why": "It fails.", "docs": docs}
    rows = {"checked": "2026-12-01", "kai_scheduler": {"faults": [fault | conditions]}}
    catalog = overlay(load(), rows, "catalog.yaml").catalog
    kai = {"mode": "separate", "version": version, "values": {"kaiConfig": {"render": True}}}
    config, _ = parse(SEPARATE | {"kaiScheduler": kai, "accept": ["DEP002"]}, stack=True)
    try:
        findings = make_plan(config, catalog, stack=True).findings
    except PlatformError as error:
        findings = error.findings
    assert any(finding.docs == docs for finding in findings) is (found_if_read if read else not found_if_read)


# accept


def severities(config: Config, code: str) -> set[str]:
    return {finding.severity for finding in findings_of(config) if finding.code == code}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.may_be_accepted], ids=lambda rule: rule.code)
def test_accepted_finding_becomes_a_note(rule: Rule) -> None:
    case = next(case for case in CASES if case.code == rule.code and any(found.accept for found in case.findings()))
    entries = [finding.accept for finding in case.findings() if finding.accept]
    assert all(entry.startswith(f"{rule.code}@") for entry in entries)
    found = findings_of(case.bad | {"accept": entries}, case.before, provider=case.provider)
    assert {finding.severity for finding in found if finding.code == rule.code} == {"note"}
    assert not [finding for finding in found if finding.code.startswith("ACC")]


FAULTY = SEPARATE | {"version": "1.3.1", "grove": {"mode": "separate", "version": "v0.1.0-alpha.8"}}
TOLERATIONS = {"global": {"tolerations": [{"operator": "Exists"}], "imagePullSecrets": [{"name": "a"}]}}


def faults_with(kai: str, *accept: str) -> list[tuple[str, str]]:
    """Severity and entry of DEP005's findings."""
    config = FAULTY | {"kaiScheduler": {"mode": "separate", "version": kai, "values": TOLERATIONS}}
    found = findings_of(config | {"accept": list(accept)})
    return [(finding.severity, finding.accept) for finding in found if finding.code == "DEP005"]


def test_each_fault_is_accepted_by_itself() -> None:
    assert faults_with("v0.13.4") == [("warning", "DEP005@v0.13.4/942"), ("warning", "DEP005@v0.13.4/1618")]
    assert faults_with("v0.13.4", "DEP005@v0.13.4/942") == [("warning", "DEP005@v0.13.4/1618"), ("note", "")]
    assert faults_with("v0.13.4", "DEP005@v0.13.4") == [("note", ""), ("note", "")]
    assert faults_with("v0.13.4", "DEP005") == [("note", ""), ("note", "")]


@pytest.mark.parametrize("entry", ["DEP005", "DEP005@v0.13.4", "DEP005@v0.16.0/942"])
def test_what_was_accepted_for_one_fault_does_not_accept_an_error_of_another(entry: str) -> None:
    assert ("error", "DEP005@v0.16.0/1618") in faults_with("v0.16.0", entry)
    assert ("error", "DEP005@v0.16.0/1618") not in faults_with("v0.16.0", "DEP005@v0.16.0/1618")


def test_an_entry_that_fits_something_else_is_said() -> None:
    config = FAULTY | {"kaiScheduler": {"mode": "separate", "version": "v0.16.0"}, "accept": ["DEP005@v0.13.4"]}
    (said,) = [finding.why for finding in findings_of(config) if finding.code == "ACC003"]
    assert said.startswith("What it accepts does not occur, but DEP005@v0.16.0/1618")


def test_accepting_one_code_leaves_the_others() -> None:
    config = SEPARATE | {"version": "1.6.9", "grove": {"mode": "disabled"}, "accept": ["KAI002"]}
    assert severities(config, "KAI002") == {"note"}
    assert severities(config, "VER005") == {"warning"}


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.may_be_accepted], ids=lambda rule: rule.code)
def test_what_cannot_be_accepted_stays(rule: Rule) -> None:
    case = next(case for case in CASES if case.code == rule.code)
    before = {finding.severity for finding in case.findings()}
    accept = [*case.bad.get("accept", ()), rule.code]
    found = findings_of(case.bad | {"accept": accept}, case.before, provider=case.provider)
    assert {finding.severity for finding in found if finding.code == rule.code} == before
    assert [finding.path for finding in found if finding.code == "ACC002"][-1] == f"accept[{len(accept) - 1}]"


# Invariants

_MODES = st.sampled_from([None, "separate", "bundled", "external", "disabled"])
_FLAGS: st.SearchStrategy[Any] = st.sampled_from([True, False, 0, 1, "true", "", None, {}, {"a": 1}, []])
_VERSIONS = st.sampled_from(["1.0.2", "1.1.1", "1.2.1", "1.3.1", "1.4.2", "1.5.1", "1.6.1"])


@settings(deadline=None)
@given(version=_VERSIONS, kai=_MODES, grove=_MODES, install=_FLAGS)
def test_hooks_are_off_if_and_only_if_the_module_owns_the_queues(
    version: str, kai: str | None, grove: str | None, install: object
) -> None:
    config: Config = {
        "version": version,
        "profile": "development",
        "kaiScheduler": {"mode": kai} if kai else {},
        "grove": {"mode": grove} if grove else {},
        "accept": [rule.code for rule in RULES if rule.acceptable],
        "values": {"global": {"kai-scheduler": {"install": install}}},
    }
    try:
        plan = plan_of(config, stack=True)
    except PlatformError:
        return
    platform = plan.releases[-1]
    owned = {queue.name for queue in plan.queues}
    assert platform.hooks == ("dynamo" not in owned)
    assert ("dynamo" in owned) == (plan.modes["kai-scheduler"] in {"separate", "external"})
    for name in ("kai-scheduler", "grove"):
        assert {type(flag) for flag in platform.values["global"][name].values()} == {bool}
        separate = name in {release.name for release in plan.releases}
        assert not (separate and platform.values["global"][name]["install"])


def test_readme_quotes_a_finding() -> None:
    [finding] = [
        f
        for f in findings_of(DEVELOPMENT | {"profile": "production", "kaiScheduler": {"mode": "bundled"}})
        if f.code == "PRO002" and f.path.startswith("kai")
    ]
    readme = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert textwrap.indent(str(finding), "    ") in readme


def test_errors_can_be_pickled() -> None:
    with pytest.raises(PlatformError) as raised:
        plan_of({}, stack=True)
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301  our own
    assert (str(again), again.findings) == (str(raised.value), raised.value.findings)


@pytest.mark.parametrize("tag", [{}, [1]])
def test_operator_tag_of_any_type_is_a_finding(tag: object) -> None:
    values = {"dynamo-operator": {"controllerManager": {"manager": {"image": {"tag": tag}}}}}
    assert "KEY005" in {f.code for f in findings_of(DEVELOPMENT | {"values": values})}


@pytest.mark.parametrize(("quota", "shares"), [(0.3, [0.1, 0.2]), (0.6, [0.2, 0.2, 0.2]), (16, [4, 12])])
def test_quotas_add_up_as_they_are_written(quota: float, shares: list[float]) -> None:
    def queue(name: str, parent: str, quota: float) -> dict[str, Any]:
        return {"name": name, "parent": parent, "gpu": {"quota": quota, "limit": -1}}

    children = [queue(f"child-{i}", "team", share) for i, share in enumerate(shares)]
    settings = {"kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}}
    config = DEVELOPMENT | settings | {"queues": [queue("team", "dynamo-default", quota), *children]}
    assert "QUE007" not in {finding.code for finding in findings_of(config)}
    config["queues"].append(queue("one-too-many", "team", 0.1))
    [finding] = [finding for finding in findings_of(config) if finding.code == "QUE007"]
    assert finding.allowed.startswith(f"at least {round(quota + 0.1, 1)}, ")
