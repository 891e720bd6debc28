"""A verification as text for one screen, as data, and as JUnit XML for pipelines."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from xml.etree import ElementTree as ET

from dynamo_platform.findings import MAX_LISTED

from .model import Check
from .queues import LiveQueue, live_queues
from .verify import Verification

WIDTH = 110
"""Columns of a line of text."""

REPAIRS = {
    "refresh": "`pulumi up --refresh` repairs it",
    "upgrade": "an `up` repairs it only if it upgrades the release",
    "none": "no `up` repairs it",
}

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_SAID = {"releases", "gates", "operator", "webhooks"}
"""The checks whose results are listed in the summary, because there are few of them."""


def headline(result: Verification, stack: str) -> str:
    """``prod-eu on context eu: as planned``."""
    counts = Counter(check.status for check in result.checks)
    differs = f"{counts['differs']} differ{'s' if counts['differs'] == 1 else ''} from the plan"
    unchecked = f", {counts['not checked']} not checked" if counts["not checked"] else ""
    cluster = f"context {result.snapshot.context}" if result.snapshot.context else "the current context"
    return f"{stack} on {cluster}: {differs if counts['differs'] else 'as planned'}{unchecked}"


def summary_rows(result: Verification) -> list[tuple[str, ...]]:
    """One row for each kind of check: its name, how many are ok, differ and were not made, and what was seen."""
    rows = []
    for name, checks in _by_name(result.checks):
        counts = Counter(check.status for check in checks)
        seen = "; ".join(f"{check.object} {check.seen}" for check in checks if check.status == "ok")
        rows.append(
            (
                name,
                *(str(counts[status] or "-") for status in ("ok", "differs", "not checked")),
                seen if name in _SAID else "",
            )
        )
    return rows


def _by_name(checks: Sequence[Check]) -> list[tuple[str, list[Check]]]:
    names = dict.fromkeys(check.name for check in checks)
    return [(name, [check for check in checks if check.name == name]) for name in names]


def queue_rows(result: Verification) -> list[tuple[str, ...]]:
    """One row for each queue in the cluster."""
    return [
        (
            queue.name,
            queue.parent or "-",
            queue.uid[:8],
            _age(queue.age),
            f"{queue.allocated_gpus:g}",
            _gpus(queue.gpus("quota")),
            _gpus(queue.gpus("limit")),
        )
        for queue in live_queues(result.snapshot)
    ]


def _age(seconds: int) -> str:
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= length), ("s", 1))
    return f"{seconds // length}{unit}"


def _gpus(number: float | None) -> str:
    if number is None:
        return "-"
    return "unlimited" if number == -1 else f"{number:g}"


def difference_blocks(result: Verification) -> Iterator[str]:
    """A block of lines for each object that differs, with its fields and what to do."""
    found = [check for check in result.checks if check.status == "differs"]
    shown = found[:MAX_LISTED]
    for _, group in groupby(shown, key=lambda check: (check.name, check.object, check.repair, check.todo)):
        checks = list(group)
        first = checks[0]
        lines = [f"{first.name}  {first.object}"]
        for check in checks:
            lines += [f"  {check.path}"] if check.path else []
            lines += _labelled("expected", check.expected) + _labelled("seen", check.seen)
        lines += _labelled("repair", REPAIRS[first.repair]) if first.repair else []
        yield "\n".join([*lines, *([f"    do        {first.todo}"] if first.todo else ())])
    if more := len(found) - len(shown):
        yield f"and {more} more; --json lists all"


def unchecked_lines(result: Verification) -> list[str]:
    """A line for each reason why checks were not made."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for check in result.checks:
        if check.status == "not checked":
            reasons.setdefault((check.name, check.seen), []).append(check.object)
    return [f"{name}  {_subject(objects)}: {why}" for (name, why), objects in reasons.items()]


def _subject(objects: Sequence[str]) -> str:
    return objects[0] or "all" if len(objects) == 1 else f"{len(objects)} objects"


def _labelled(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"    {label:<8}  ",
        subsequent_indent=" " * 14,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_data(result: Verification, stack: str) -> dict[str, Any]:
    """The verification as plain data."""
    counts = Counter(check.status for check in result.checks)
    return {
        "stack": stack,
        "context": result.snapshot.context,
        "ok": not result.differs,
        "counts": {"ok": counts["ok"], "differs": counts["differs"], "notChecked": counts["not checked"]},
        "queues": [_queue_data(queue) for queue in live_queues(result.snapshot)],
        "checks": [_check_data(check) for check in result.checks],
    }


def _check_data(check: Check) -> dict[str, str | None]:
    names = {"name": "check", "todo": "do", "repair": "repairedBy"}
    data = {names.get(field, field): value for field, value in check._asdict().items()}
    return data | {"repairedBy": None if check.repair == "none" else check.repair}


def _queue_data(queue: LiveQueue) -> dict[str, Any]:
    names = {"age": "ageSeconds"}
    return {names.get(field, field): value for field, value in queue._asdict().items()}


def as_junit(result: Verification, stack: str) -> bytes:
    """The verification as JUnit XML: a test for each check, which is skipped if it was not made."""
    counts = Counter(check.status for check in result.checks)
    suite = ET.Element(
        "testsuite",
        name=f"dynamo-platform verify {stack}",
        tests=str(len(result.checks)),
        failures=str(counts["differs"]),
        errors="0",
        skipped=str(counts["not checked"]),
        timestamp=result.snapshot.now.isoformat(timespec="seconds"),
    )
    for check in result.checks:
        name = " ".join(filter(None, (check.object, check.path))) or check.name
        case = ET.SubElement(suite, "testcase", classname=check.name, name=name)
        if check.status == "differs":
            failure = ET.SubElement(case, "failure", message=f"expected {check.expected}, seen {check.seen}")
            failure.text = "\n".join(filter(None, (check.repair and REPAIRS[check.repair], check.todo)))
        elif check.status == "not checked":
            ET.SubElement(case, "skipped", message=check.seen)
    ET.indent(suite)
    text: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text
