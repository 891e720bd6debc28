"""Stack files of any content: the work and the report are bounded."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dynamo_platform import PlatformError, plan_of
from dynamo_platform.catalog.overlay import catalog_of_file
from dynamo_platform.cli import main
from dynamo_platform.findings import MAX_LISTED, MAX_OF_A_CODE, MAX_TEXT_CHARS, Finding, at_most, listed

MAX_SECONDS = 6.0
"""CPU time of a command; most take one second."""

MAX_REPORT_CHARS = 250_000

HEAD = {
    "version": "1.5.1",
    "profile": "development",
    "kaiScheduler": {"mode": "separate", "version": "v0.17.0"},
    "grove": {"mode": "separate", "version": "v0.1.0-alpha.13"},
}


def chain(length: int, *, loop: bool = False) -> list[dict[str, Any]]:
    """Queues, each below the one before it."""
    share = {"quota": 1, "limit": 1}
    queues: list[dict[str, Any]] = [{"name": f"q{i}", "parent": f"q{i - 1}", "gpu": share} for i in range(1, length)]
    first: dict[str, Any] = {"name": "q0", "gpu": share}
    return [first | ({"parent": f"q{length - 1}"} if loop else {}), *queues]


def named(prefix: str, number: int) -> dict[str, int]:
    return {f"{prefix}{i}": 1 for i in range(number)}


MANY: dict[str, dict[str, Any]] = {
    "a chain of queues": {"queues": chain(2000)},
    "a chain of queues, children first": {"queues": chain(2000)[::-1]},
    "queues in a loop": {"queues": chain(2000, loop=True)},
    "queues without their parent": {"queues": [{"name": f"q{i}", "parent": "none"} for i in range(6000)]},
    "queues of one parent": {
        "queues": [
            {"name": "p", "gpu": {"quota": 1, "limit": 1}},
            *({"name": f"q{i}", "parent": "p", "gpu": {"quota": 1, "limit": 2}} for i in range(2500)),
        ]
    },
    "queues of one name": {"queues": [{"name": "q", "parent": "dynamo-default"}] * 6000},
    "queues that cannot be read": {"queues": [{"name": "Q!", "prent": "x"}] * 6000},
    "unknown settings": {f"x{i}": 1 for i in range(9000)},
    "labels that are numbers": {"placement": {"nodeSelector": named("k", 9000)}},
    "labels that are null": {"placement": {"nodeSelector": dict.fromkeys(named("k", 9000))}},
    "unknown codes": {"accept": [f"X{i}" for i in range(9000)]},
    "a code many times": {"values": {"a": 1}, "accept": ["KEY001", "QUE007", "VAL001"] * 3000},
    "many codes with scopes": {
        "values": named("contrller", 3000),
        "accept": [f"KEY001@values.contrller{i}" for i in range(3000)],
    },
    "many scopes of nothing": {"values": named("contrller", 3000), "accept": [f"KEY001@x{i}" for i in range(3000)]},
    "a code many times, of many findings": {"values": named("contrller", 3000), "accept": ["KEY001"] * 3000},
    "keys that are not read": {"values": named("contrller", 9000)},
    "keys of the operator that are not read": {"values": {"dynamo-operator": named("contrllerManager", 9000)}},
    "secrets": {"values": {"a": [{"password": "b"}] * 5000}},
    "long keys": {"values": {"a": named("controller" * 100, 100)}},
    "a key with many dots": {"values": {"a." * 80_000 + "a": 1}},
    "a long code": {"accept": ["x" * 200_000]},
    "a long version": {"version": "1.5." + "9" * 200_000},
    "a long address": {"nats": {"mode": "external", "address": "nats://a:b@" * 15_000}},
    "a long mirror": {"registry": {"mirror": "a-" * 100_000}},
}


@pytest.mark.parametrize("command", ["check --json", "explain --format mermaid"])
@pytest.mark.parametrize("settings", MANY.values(), ids=MANY)
def test_any_file_is_judged_in_seconds(settings: dict[str, object], command: str, tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text(
        json.dumps({"config": {f"dynamo-platform:{key}": value for key, value in (HEAD | settings).items()}})
    )

    start = time.process_time()
    result = CliRunner().invoke(main, [*command.split(), "--config", str(file)])

    assert time.process_time() - start < MAX_SECONDS
    assert result.exit_code in {0, 1}
    assert len(result.output) < MAX_REPORT_CHARS


def test_findings_about_a_file_of_the_catalog_have_an_end(tmp_path: Path) -> None:
    overlay = {"checked": "2026-12-01", "kai_scheduler": {"versions": [1] * 9000}}
    (tmp_path / "catalog.json").write_text(json.dumps(overlay))

    findings = catalog_of_file("catalog.json", tmp_path).findings

    assert len(findings) == MAX_OF_A_CODE + 1
    assert findings[-1].given == "8,950 more of CAT002, the first of them here"


def test_ten_megabytes_are_too_large(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("config:\n  a: " + "x" * 10_000_000)

    result = CliRunner().invoke(main, ["check", "--config", str(file)])

    assert result.exit_code == 1
    assert "given    longer than 262,144 bytes" in result.output


def test_the_report_says_how_many_findings_it_leaves_out(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text(json.dumps(HEAD | {"queues": [{"name": f"q{i}", "parent": "none"} for i in range(6000)]}))

    result = CliRunner().invoke(main, ["check", "--config", str(file), "--json"])

    findings = json.loads(result.stdout)["findings"]
    assert [each["code"] for each in findings if each["severity"] == "error"] == ["QUE004"] * (MAX_OF_A_CODE + 1)
    assert findings[0]["path"] == "queues[0].parent"
    assert findings[0]["allowed"].endswith(" and 5,972 more")
    assert findings[MAX_OF_A_CODE] == {
        "code": "QUE004",
        "severity": "error",
        "path": "queues[50].parent",
        "given": "5,950 more of QUE004, the first of them here",
        "allowed": "as for the others",
        "why": "At most 50 findings of a code are listed.",
        "docs": "dynamo-platform docs findings que004",
        "accept": "",
    }


def test_only_the_queues_on_a_loop_are_reported() -> None:
    parents = {"a": "b", "b": "c", "c": "b", "d": "d", "e": "a"}
    queues = [{"name": name, "parent": parent} for name, parent in parents.items()]

    with pytest.raises(PlatformError) as raised:
        plan_of(HEAD | {"queues": queues}, stack=True)

    assert {each.path: each.why for each in raised.value.findings if each.code == "QUE005"} == {
        "queues[1].parent": "b → c → b is a loop.",
        "queues[2].parent": "c → b → c is a loop.",
        "queues[3].parent": "d → d is a loop.",
    }


def test_findings_of_a_code_are_counted_by_severity() -> None:
    warning = Finding("SET002", "warning", "a", "1", "2", "Because.", "docs/findings.md")
    error = warning._replace(severity="error")

    kept = at_most([*[warning] * MAX_OF_A_CODE, error])

    assert kept == [*[warning] * MAX_OF_A_CODE, error]


def test_a_list_in_a_message_has_an_end() -> None:
    names = [f"n{i}" for i in range(MAX_LISTED + 1)]

    assert listed(names[:3]) == "n0, n1, n2"
    assert listed(names[:MAX_LISTED]) == ", ".join(names[:MAX_LISTED])
    assert listed(names) == ", ".join(names[:MAX_LISTED]) + " and 1 more"


def test_the_texts_of_a_finding_have_an_end() -> None:
    long = "x" * 10_000
    finding = Finding("REN001", "error", long, long, long, long, "docs/findings.md")

    assert (len(finding.path), *map(len, finding[3:6])) == (201, *[MAX_TEXT_CHARS + 1] * 3)
