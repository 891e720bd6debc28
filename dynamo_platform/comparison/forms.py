"""A report as text, as data, and as Markdown that fits into a comment of a pull request."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dynamo_platform.findings import Finding, by_severity, count_by_severity
from dynamo_platform.rendering.changes import NOT_SHOWN, Change, count_changes

from .model import Comparison, Report, StepChange, by_importance
from .steps import VALUE_LABEL

MAX_MARKDOWN_CHARS = 60_000
"""Characters of the Markdown. GitHub accepts 65,536 in a comment, and the tool that posts it may add some."""

_MAX_ITEM_CHARS = 600
"""Characters of an item in the Markdown. Helm's errors can be of any length."""

_MAX_FOOTER_CHARS = 2_000
"""Characters of a line below the stacks in the Markdown."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
"""Control characters except line feeds."""

_CUTS = [(rank, max_items) for rank in range(7, -1, -1) for max_items in (100, 20, 0)]
"""The cuts to make, in this order, until the Markdown is short enough: in lists of a rank, how many items stay."""

_DETAIL_RANK = 2
"""Lists of this rank or a higher one are cut before stacks are left out; errors and warnings are not."""


class Listing(NamedTuple):
    """A titled list about a stack.

    Attributes:
        title: the list's title.
        items: texts of one or more lines.
        rank: from 0, the most important, to 7. The highest rank is cut first.
        more: the number of items that were cut.
    """

    title: str
    items: tuple[str, ...]
    rank: int
    more: int = 0

    def cut(self, rank: int, max_items: int) -> Listing:
        """The list cut to ``max_items``, if it has this rank."""
        if self.rank != rank or len(self.items) <= max_items:
            return self
        return self._replace(items=self.items[:max_items], more=self.more + len(self.items) - max_items)


def listings(comparison: Comparison) -> list[Listing]:
    """The lists about a stack that are not empty, in the order of a reader's questions."""
    severities = {
        severity: [finding for finding in comparison.findings if finding.severity == severity]
        for severity in ("error", "warning", "note")
    }
    added, removed = comparison.images
    lists = [
        _findings_listing(severities["error"], 0),
        _findings_listing(severities["warning"], 1),
        Listing("Errors in the base", tuple(map(str, comparison.base_errors)), 2),
        Listing("Changes of the plan", tuple(map(_step_text, comparison.steps)), 2),
        Listing(
            f"Objects: {count_changes(comparison.objects or ())}",
            tuple(change.text for change in comparison.objects or ()),
            3,
        ),
        Listing(
            f"Images: {len(added)} added, {len(removed)} removed",
            (*(f"+ {image}" for image in added), *(f"- {image}" for image in removed)),
            4,
        ),
        Listing("Values", tuple(_value_changes(comparison.steps)), 5),
        _findings_listing(severities["note"], 6),
        Listing("Same objects, not rendered", comparison.equal, 7),
    ]
    return [listing for listing in lists if listing.items]


def _findings_listing(findings: Sequence[Finding], rank: int) -> Listing:
    title = count_by_severity(findings)
    return Listing(title[:1].upper() + title[1:], tuple(map(str, findings)), rank)


def _step_text(step: StepChange) -> str:
    facts = ", ".join(fact for fact in step.facts if not fact.startswith(VALUE_LABEL))
    return f"{step.sign} {' '.join(filter(None, (step.kind, step.name)))}{f': {facts}' if facts else ': values'}"


def _value_changes(steps: Iterable[StepChange]) -> Iterator[str]:
    for step in steps:
        values = (fact for fact in step.facts if fact.startswith(VALUE_LABEL))
        yield from (f"~ {step.name} {fact.removeprefix(VALUE_LABEL)}" for fact in values)


def headline(comparison: Comparison) -> str:
    """The verdict on a stack in one line."""
    match comparison.state:
        case "unchanged":
            return "unchanged"
        case "removed":
            return "removed: its file is deleted, but its resources stay until `pulumi destroy`"
    parts = [comparison.state, *([count_by_severity(comparison.findings)] if comparison.findings else ())]
    if not comparison.ok:
        parts.append("refused: its objects are not compared" if comparison.objects is None else "refused")
    elif comparison.objects is None:
        parts.append("its objects are not compared, because the base cannot be planned")
    elif not comparison.differs:
        parts.append("an update would change nothing")
    if comparison.unknown:
        parts.append(f"objects of {', '.join(comparison.unknown)} are unknown")
    return ", ".join(parts)


def as_text(report: Report) -> str:
    """The report for a terminal."""
    blocks = []
    for each in by_importance(report.comparisons):
        if each.state == "unchanged":
            continue
        lines = [f"{each.name}: {headline(each)}"]
        for listing in listings(each):
            lines += ["", listing.title, *(f"  {line}" for item in listing.items for line in item.splitlines())]
        blocks.append("\n".join(lines))
    # Files of a branch may contain control characters, which a terminal would interpret.
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "\n\n".join([*blocks, *_footer(report)]))


def _footer(report: Report) -> Iterator[str]:
    unchanged = [each.name for each in report.comparisons if each.state == "unchanged"]
    if unchanged:
        yield f"unchanged: {', '.join(unchanged)}"
    if report.helm:
        yield f"Rendered with helm {report.helm}; {NOT_SHOWN}."


def as_markdown(report: Report) -> str:
    """The report for a comment: the verdict, then folded details. If it is too long, the least important is cut."""
    sections = [(each, listings(each)) for each in by_importance(report.comparisons) if each.state != "unchanged"]
    dropped = 0
    for rank, max_items in _CUTS:
        while rank < _DETAIL_RANK and len(sections) > 1 and len(_page(report, sections, dropped)) > MAX_MARKDOWN_CHARS:
            half = len(sections) // 2
            dropped, sections = dropped + half, sections[:-half]
        if len(page := _page(report, sections, dropped)) <= MAX_MARKDOWN_CHARS:
            return page
        sections = [(each, [listing.cut(rank, max_items) for listing in lists]) for each, lists in sections]
    return _page(report, sections, dropped)


def comment_marker(report: Report) -> str:
    """The first line, which identifies the comment to update: the project and the selected stacks, ``*`` for all."""
    scope = " ".join(f"{report.project or ''}/{','.join(report.selected) or '*'}".split())
    return f"<!-- dynamo-platform diff {html.escape(scope)} -->"


def _page(report: Report, sections: Sequence[tuple[Comparison, Sequence[Listing]]], dropped: int) -> str:
    parts = [comment_marker(report), f"### dynamo-platform: {_overall_verdict(report)}"]
    if sections:
        rows = [
            "| stack | verdict | versions | objects |",
            "|---|---|---|---|",
            *(_table_row(each) for each, _ in sections),
        ]
        parts.append("\n".join(rows))
    if dropped:
        parts.append(f"… and {dropped} more stacks that do not fit here; `--format text` lists all.")
    for each, lists in sections:
        parts += [f"#### {_escape(each.name)}", *map(_details, lists)]
    compared = f"Compared {_escape(report.base)} with {_escape(report.head)}."
    parts.append(
        " ".join([compared, *(html.escape(line, quote=False)[:_MAX_FOOTER_CHARS] for line in _footer(report))])
    )
    return "\n\n".join(parts) + "\n"


def _overall_verdict(report: Report) -> str:
    findings = [finding for each in report.comparisons for finding in each.findings]
    if not report.ok:
        return f"{count_by_severity(by_severity(findings))}, and an update would be refused"
    changed = sum(each.differs for each in report.comparisons)
    outcome = f"{changed} stack{'s' if changed != 1 else ''} would change" if changed else "nothing would change"
    return ", ".join([outcome, *([count_by_severity(by_severity(findings))] if findings else ())])


def _table_row(each: Comparison) -> str:
    versions = [
        f"{step.name} {fact.removeprefix('version ')}"
        for step in each.steps
        for fact in step.facts
        if step.kind == "release" and fact.startswith("version ")
    ]
    signs = [change.sign for change in each.objects or ()]
    counts = " ".join(f"{sign}{signs.count(sign)}" for sign in "+~-" if sign in signs)
    objects = counts or ("not known" if each.objects is None else "none")
    return f"| {' | '.join(map(_escape, (each.name, headline(each), ', '.join(versions), objects)))} |"


def _escape(text: str) -> str:
    """Text in one line, escaped so that a branch cannot inject Markdown or HTML."""
    plain = html.escape(" ".join(text.split())[:_MAX_ITEM_CHARS], quote=False)
    return re.sub(r"[|\\`*_\[\]@#~]", lambda match: f"&#{ord(match[0])};", plain)


def _details(listing: Listing) -> str:
    more = f"… and {listing.more} more; `--format text` lists all."
    if not listing.items:
        return f"{html.escape(listing.title)}: {more}"
    lines = [item if len(item) <= _MAX_ITEM_CHARS else f"{item[:_MAX_ITEM_CHARS]}…" for item in listing.items]
    ticks = max(map(len, re.findall("`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, ticks + 1)
    expanded = " open" if listing.rank == 0 else ""
    return "\n".join(
        [
            f"<details{expanded}><summary>{html.escape(listing.title)}</summary>",
            "",
            f"{fence}diff",
            *lines,
            fence,
            *([more] if listing.more else ()),
            "",
            "</details>",
        ]
    )


def as_data(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "project": report.project,
        "base": report.base,
        "head": report.head,
        "helm": report.helm,
        "ok": report.ok,
        "differs": report.differs,
        "stacks": [_comparison_data(each) for each in report.comparisons],
    }


def _comparison_data(comparison: Comparison) -> dict[str, Any]:
    added, removed = comparison.images
    return {
        "stack": comparison.name,
        "state": comparison.state,
        "ok": comparison.ok,
        "differs": comparison.differs,
        "findings": [finding.as_dict() for finding in comparison.findings],
        "baseErrors": [finding.as_dict() for finding in comparison.base_errors],
        "steps": [{**step._asdict(), "facts": list(step.facts)} for step in comparison.steps],
        "equal": list(comparison.equal),
        "unknown": list(comparison.unknown),
        "objects": None if comparison.objects is None else [_change_data(change) for change in comparison.objects],
        "images": {"added": list(added), "removed": list(removed)},
    }


def _change_data(change: Change) -> dict[str, Any]:
    before, after = (None if side is None else str(side[1]) for side in (change.before, change.after))
    return {
        "sign": change.sign,
        "apiVersion": change.key.api_version,
        "kind": change.key.kind,
        "namespace": change.key.namespace,
        "name": change.key.name,
        "release": change.release,
        "before": before,
        "after": after,
        "text": change.text,
    }
