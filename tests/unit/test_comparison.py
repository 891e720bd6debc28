"""Comparing two sides of a stack: the verdict, what has to be rendered, and what changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from dynamo_platform import catalog, plan_of
from dynamo_platform.comparison import (
    STACK_OWNED,
    Comparison,
    Pair,
    Report,
    Side,
    as_data,
    as_markdown,
    as_text,
    compare,
    compare_objects,
    headline,
    local_files,
    plan_pair,
    render_jobs,
)
from dynamo_platform.comparison.forms import MAX_MARKDOWN_CHARS
from dynamo_platform.config.stackfile import Stack
from dynamo_platform.findings import Finding
from dynamo_platform.planning.running import from_plan, from_state
from dynamo_platform.rendering.changes import Change, find_changes
from dynamo_platform.rendering.objects import Key, Object
from tests.unit.findings import Config, state
from tests.unit.local_charts import write_chart

DEV: Config = {"version": "1.5.1", "profile": "development"}
SEPARATE: Config = DEV | {
    "kaiScheduler": {"mode": "separate", "version": "v0.17.0"},
    "grove": {"mode": "separate", "version": "v0.1.0-alpha.13"},
}
OLD: Config = SEPARATE | {"version": "1.4.2", "nats": {"mode": "bundled"}}
QUEUE: Config = {"name": "research", "parent": "dynamo-default", "gpu": {"quota": 1, "limit": 2, "overQuotaWeight": 1}}

BROKEN = Finding("REN001", "error", "values", "the values of this plan", "values that it takes", "It fails.", "docs")


def side(settings: Config, charts: dict[str, str] | None = None) -> Side:
    return Side(Stack("dev", Path("Pulumi.dev.yaml"), settings, (), {}, Path()), charts or {})


def paired(base: Config | None, head: Config | None) -> Pair:
    return plan_pair("dev", side(base) if base else None, side(head) if head else None)


def key(name: str, kind: str = "Deployment") -> Key:
    return Key("apps/v1", kind, "dynamo-system", name)


def rendered(found: Pair, objects: dict[str, dict[str, dict[Key, Object] | list[Finding]]]) -> Comparison:
    """Compare a pair, given the objects by side and release."""
    return compare(found, {content: objects[job.side][job.release.name] for content, job in render_jobs(found).items()})


def report(*comparisons: Comparison, selected: tuple[str, ...] = (), helm: str | None = None) -> Report:
    return Report("infra", selected, "main", "topic", helm, comparisons)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def test_equal_settings_are_neither_planned_nor_rendered() -> None:
    found = paired(DEV, dict(reversed(DEV.items())))
    assert found == Pair("dev", "unchanged")
    assert render_jobs(found) == {}
    assert compare(found, {}) == Comparison("dev", "unchanged", objects=())


def test_a_number_is_not_equal_to_a_boolean() -> None:
    assert paired(DEV | {"protect": True}, DEV | {"protect": 1}).state == "changed"


def test_the_head_is_checked_as_an_upgrade_from_the_base() -> None:
    assert "UPG007" in codes(paired(OLD, OLD | {"version": "1.5.1"}).findings)
    assert "UPG007" not in codes(paired(None, OLD | {"version": "1.5.1"}).findings)
    assert "UPG002" in codes(paired(OLD | {"version": "1.5.1"}, OLD).findings)


def test_queues_of_the_base_are_running_when_the_head_is_checked() -> None:
    assert "QUE013" in codes(
        paired(SEPARATE | {"queues": [QUEUE]}, SEPARATE | {"queues": [QUEUE | {"name": "b"}]}).findings
    )


def test_running_is_the_same_from_a_plan_and_from_the_state() -> None:
    for page in (DEV, SEPARATE, OLD | {"queues": [QUEUE]}):
        plan = plan_of(page, stack=True)
        assert from_plan(plan) == from_state(state(plan), "dp", catalog.load())


def test_the_version_of_a_base_that_cannot_be_planned_is_assumed_to_run() -> None:
    found = paired(DEV | {"version": "0.9.1"}, DEV)
    assert codes(found.base_errors) == ["VER003"]
    assert "UPG004" in codes(found.findings)
    bundling: Any = {"head": {"dynamo-platform": {}}}
    head = DEV | {"kaiScheduler": {"mode": "bundled"}, "grove": {"mode": "bundled"}, "etcd": {"mode": "disabled"}}
    head |= {"accept": ["UPG005", "UPG008", "UPG020"], "nats": {"mode": "bundled"}}
    comparison = rendered(paired(DEV | {"version": "0.9.1"}, head), bundling)
    assert (comparison.ok, comparison.differs, comparison.objects) == (True, True, None)
    assert headline(comparison).endswith("its objects are not compared, because the base cannot be planned")


def test_only_releases_that_differ_are_rendered() -> None:
    found = paired(SEPARATE, SEPARATE | {"monitoring": {"metricsService": False}})
    assert [(job.side, job.release.name) for job in render_jobs(found).values()] == [
        ("base", "dynamo-platform"),
        ("head", "dynamo-platform"),
    ]
    comparison = rendered(found, {"base": {"dynamo-platform": {}}, "head": {"dynamo-platform": {}}})
    assert comparison.equal == ("kai-scheduler v0.17.0", "grove v0.1.0-alpha.13")
    assert [(step.name, len(step.facts)) for step in comparison.steps] == [("dynamo-platform", 1)]
    assert comparison.steps[0].facts[0].endswith("→ false")


def test_a_timeout_changes_the_release_and_not_its_objects() -> None:
    found = paired(SEPARATE, SEPARATE | {"timeout": 900})
    assert render_jobs(found) == {}
    assert [step.facts for step in rendered(found, {}).steps] == [("timeout 600 → 900",)]


def test_queues_are_compared_without_rendering() -> None:
    changed = QUEUE | {"gpu": QUEUE["gpu"] | {"limit": 4}}
    found = paired(SEPARATE | {"queues": [QUEUE]}, SEPARATE | {"queues": [changed]})
    comparison = rendered(found, {})
    assert [(step.kind, step.name, step.sign, step.facts) for step in comparison.steps] == [
        ("queue", "research", "~", ("resources.gpu.limit 2 → 4",))
    ]
    assert [change.text for change in comparison.objects or ()] == ["~ Queue research"]


def test_a_queue_that_the_stack_takes_over_moves() -> None:
    queue = Key("scheduling.run.ai/v2", "Queue", None, "dynamo")
    found = paired(DEV, SEPARATE | {"accept": ["UPG013"]})
    comparison = rendered(
        found,
        {
            "base": {"dynamo-platform": {queue: Object("a", hook="post-install:5")}},
            "head": {"dynamo-platform": {}, "kai-scheduler": {}, "grove": {}},
        },
    )
    texts = [change.text for change in comparison.objects or ()]
    assert f"~ Queue dynamo (from release dynamo-platform to {STACK_OWNED})" in texts
    about = next(step for step in comparison.steps if step.kind == "plan")
    assert about.facts == (
        "mode of kai-scheduler bundled → separate",
        "mode of grove bundled → separate",
    )
    assert ("release", "kai-scheduler", "+") in [(step.kind, step.name, step.sign) for step in comparison.steps]


def test_labels_of_a_namespace_are_a_step() -> None:
    found = paired(DEV, DEV | {"namespaceLabels": {"team": "ai"}})
    (step,) = [step for step in rendered(found, {}).steps if step.kind == "namespace"]
    assert (step.sign, step.facts) == ("+", ("namespace dynamo-system", 'labels {"team": "ai"}'))


def test_changes_of_cluster_and_protection_are_listed() -> None:
    before = SEPARATE | {"cluster": {"context": "a"}}
    after = before | {"cluster": {"context": "b"}, "protect": True}
    refused = rendered(paired(before, after), {})
    assert [finding.code for finding in refused.findings if finding.severity == "error"] == ["CLU007"]
    comparison = rendered(paired(before, after | {"accept": ["CLU007@b"]}), {})
    assert comparison.steps[0].facts == ("cluster a → b", "protect false → true")
    assert (comparison.objects, comparison.equal) == ((), ())
    assert comparison.differs


def test_equivalent_settings_make_no_difference() -> None:
    comparison = rendered(paired(SEPARATE, SEPARATE | {"protect": False}), {})
    assert (comparison.state, comparison.differs) == ("changed", False)
    assert headline(comparison) == "changed, 1 note, an update would change nothing"


def test_another_chart_at_the_same_path_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_chart(Path("charts/platform.tgz"), "dynamo-platform", SEPARATE["version"])
    settings = SEPARATE | {"chart": "./charts/platform.tgz"}
    assert local_files(side(settings).stack) == ["./charts/platform.tgz"]
    before, after = (side(settings, {"./charts/platform.tgz": content}) for content in ("a", "b"))
    assert plan_pair("dev", before, before).state == "unchanged"
    found = plan_pair("dev", before, after)
    assert [(job.side, job.release.chart) for job in render_jobs(found).values()] == [
        ("base", "./charts/platform.tgz"),
        ("head", "./charts/platform.tgz"),
    ]
    comparison = rendered(found, {"base": {"dynamo-platform": {}}, "head": {"dynamo-platform": {}}})
    assert [step.facts for step in comparison.steps] == [("another chart at the same path",)]


@pytest.mark.parametrize("chart", ["oci://registry/charts/platform", "https://host/platform.tgz", "platform", None])
def test_remote_charts_are_not_local(chart: str | None) -> None:
    assert local_files(side({"chart": chart, "grove": {"chart": "charts/grove"}}).stack) == ["charts/grove"]


def test_a_refused_head_is_not_rendered() -> None:
    found = paired(SEPARATE, SEPARATE | {"version": "9.9.9"})
    comparison = rendered(found, {})
    assert render_jobs(found) == {}
    assert (comparison.ok, comparison.objects) == (False, None)
    assert headline(comparison) == "changed, 1 error, 1 warning, refused: its objects are not compared"


def test_a_new_stack_adds_everything() -> None:
    comparison = rendered(paired(None, DEV), {"head": {"dynamo-platform": {key("a"): Object("1", ("i:1",))}}})
    assert comparison.state == "added"
    assert [change.text for change in comparison.objects or ()] == ["+ Deployment dynamo-system/a image i:1"]
    assert comparison.images == (("i:1",), ())


def test_a_deleted_stack_file_removes_no_resources() -> None:
    found = paired(DEV, None)
    comparison = rendered(found, {})
    assert render_jobs(found) == {}
    assert (comparison.state, comparison.ok, comparison.differs) == ("removed", True, True)
    assert headline(comparison) == "removed: its file is deleted, but its resources stay until `pulumi destroy`"


def test_a_head_that_does_not_render_is_an_error_and_hides_no_other_release() -> None:
    head = SEPARATE | {"values": {"a": 1}, "grove": SEPARATE["grove"] | {"values": {"replicaCount": 3}}}
    comparison = rendered(
        paired(SEPARATE, head),
        {
            "base": {"dynamo-platform": {key("a"): Object("1")}, "grove": {key("g"): Object("1")}},
            "head": {"dynamo-platform": [BROKEN], "grove": {key("g"): Object("2")}},
        },
    )
    assert not comparison.ok
    assert BROKEN in comparison.findings
    assert comparison.unknown == ("dynamo-platform",)
    assert [change.text for change in comparison.objects or ()] == ["~ Deployment dynamo-system/g"]
    assert headline(comparison).endswith("refused, objects of dynamo-platform are unknown")


def test_a_base_that_does_not_render_is_not_an_error() -> None:
    comparison = rendered(
        paired(SEPARATE, SEPARATE | {"timeout": 1, "monitoring": {"metricsService": False}}),
        {"base": {"dynamo-platform": [BROKEN]}, "head": {"dynamo-platform": {key("a"): Object("1")}}},
    )
    assert comparison.ok
    assert comparison.base_errors == (BROKEN,)
    assert (comparison.objects, comparison.unknown) == ((), ("dynamo-platform",))


def test_an_image_that_another_object_still_runs_is_not_removed() -> None:
    before = {"r": {key("a"): Object("1", ("i:1",)), key("b"): Object("1", ("i:1", "j:1"))}}
    after = {"r": {key("a"): Object("1", ("i:1",)), key("b"): Object("2", ("j:2",))}}
    assert compare_objects("r", before, after).images == (("j:2",), ("j:1",))


SMALL = Comparison(
    name="dev",
    state="changed",
    findings=(BROKEN._replace(severity="warning"),),
    equal=("grove v1",),
    objects=tuple(
        find_changes(
            {"r": {key("a"): Object("1", ("i:1",))}},
            {"r": {key("a"): Object("2", ("i:2",)), key("b", "Service"): Object("1")}},
        )
    ),
    images=(("i:2",), ("i:1",)),
)


def test_text() -> None:
    assert (
        as_text(report(SMALL, Comparison("other", "unchanged"), helm="v3.20.2"))
        == """\
dev: changed, 1 warning

1 warning
  warning REN001  values
    given    the values of this plan
    allowed  values that it takes
    why      It fails.
    read     docs

Objects: 1 added, 1 changed, 0 removed
  ~ Deployment dynamo-system/a image i:1 → i:2
  + Service dynamo-system/b

Images: 1 added, 1 removed
  + i:2
  - i:1

Same objects, not rendered
  grove v1

unchanged: other

Rendered with helm v3.20.2; not shown: objects created by operators and hook Jobs."""
    )


def test_text_has_no_control_characters() -> None:
    first, *_ = as_text(report(SMALL._replace(name="dev\x1b[2J\x9b\r"))).splitlines()
    assert first == "dev\ufffd[2J\ufffd\ufffd: changed, 1 warning"


def test_json() -> None:
    assert json.loads(json.dumps(as_data(report(SMALL, helm="v3.20.2")))) == {
        "project": "infra",
        "base": "main",
        "head": "topic",
        "helm": "v3.20.2",
        "ok": True,
        "differs": True,
        "stacks": [
            {
                "stack": "dev",
                "state": "changed",
                "ok": True,
                "differs": True,
                "findings": [SMALL.findings[0].as_dict()],
                "baseErrors": [],
                "steps": [],
                "equal": ["grove v1"],
                "unknown": [],
                "objects": [
                    {
                        "sign": "~",
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "namespace": "dynamo-system",
                        "name": "a",
                        "release": "r",
                        "before": "1 image=i:1",
                        "after": "2 image=i:2",
                        "text": "~ Deployment dynamo-system/a image i:1 → i:2",
                    },
                    {
                        "sign": "+",
                        "apiVersion": "apps/v1",
                        "kind": "Service",
                        "namespace": "dynamo-system",
                        "name": "b",
                        "release": "r",
                        "before": None,
                        "after": "1",
                        "text": "+ Service dynamo-system/b",
                    },
                ],
                "images": {"added": ["i:2"], "removed": ["i:1"]},
            }
        ],
    }


def test_markdown_begins_with_the_marker_and_the_verdict() -> None:
    page = as_markdown(report(SMALL, Comparison("other", "unchanged"), selected=("dev",), helm="v3.20.2"))
    assert page.startswith(
        """\
<!-- dynamo-platform diff infra/dev -->

### dynamo-platform: 1 stack would change, 1 warning

| stack | verdict | versions | objects |
|---|---|---|---|
| dev | changed, 1 warning |  | +1 &#126;1 |

#### dev

<details><summary>1 warning</summary>

```diff
warning REN001  values
"""
    )
    assert page.endswith(
        "Compared main with topic. unchanged: other Rendered with helm v3.20.2; "
        "not shown: objects created by operators and hook Jobs.\n"
    )
    assert "<!-- dynamo-platform diff infra/* -->" in as_markdown(report(SMALL))


def many(count: int) -> tuple[Change, ...]:
    return tuple(Change(key(f"object-{number:05}"), None, ("r", Object("1"))) for number in range(count))


def test_markdown_cuts_the_least_important_and_counts_it() -> None:
    notes = tuple(BROKEN._replace(severity="note", code=f"NOT{number:03}", why="word " * 99) for number in range(60))
    comparison = SMALL._replace(findings=(BROKEN, *notes), objects=many(800))
    page = as_markdown(report(comparison))
    assert len(page) <= MAX_MARKDOWN_CHARS
    assert "object-00799" in page  # objects matter more than notes
    assert "more; `--format text` lists all." in page
    kept = page.count("note NOT")
    assert f"… and {60 - kept} more; " in page


@pytest.mark.parametrize("stacks", [1, 40, 500])
def test_markdown_stays_short_enough_for_a_comment_and_keeps_errors_longest(stacks: int) -> None:
    comparison = SMALL._replace(objects=many(100))
    broken = comparison._replace(name="broken", findings=(BROKEN,))
    page = as_markdown(report(*(comparison._replace(name=f"stack-{each}") for each in range(stacks)), broken))
    assert len(page) <= MAX_MARKDOWN_CHARS
    assert "1 error" in page.splitlines()[2]
    assert page.index("| broken |") < page.index("| stack-0 |")
    assert "error REN001  values" in page
    if stacks == 500:
        shown = page.count("| stack-") + 1
        assert f"… and {501 - shown} more stacks that do not fit here" in page


def test_a_branch_cannot_inject_markdown() -> None:
    evil = "</details> <!-- x --> ```\n@team [a](b) | `c`"
    finding = BROKEN._replace(given=evil, why=evil)
    page = as_markdown(report(SMALL._replace(name=evil, findings=(finding,)), selected=(evil,)))
    first, *rest = page.splitlines()
    assert first.count("-->") == 1
    assert "````diff" in page  # a fence longer than the one within
    outside = [line for number, line in enumerate(rest) if not fenced(rest, number)]
    assert not [line for line in outside if "@team" in line or "<!--" in line or "[a]" in line]
    assert page.count("\n</details>\n") == page.count("<details")


def fenced(lines: list[str], number: int) -> bool:
    fences = [each for each, line in enumerate(lines) if line.startswith("```")]
    return sum(each < number for each in fences) % 2 == 1


def test_a_long_item_is_cut() -> None:
    page = as_markdown(report(SMALL._replace(findings=(BROKEN._replace(why="x" * 100_000),))))
    assert len(page) < 5_000


def test_an_unchanged_stack_is_ok_and_does_not_differ() -> None:
    quiet: dict[str, Any] = as_data(report(Comparison("a", "unchanged")))
    assert (quiet["ok"], quiet["differs"], quiet["stacks"][0]["state"]) == (True, False, "unchanged")
    assert "nothing would change" in as_markdown(report(Comparison("a", "unchanged")))
