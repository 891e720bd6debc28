"""A comparison as text, and as Markdown that fits into a comment of a pull request."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dynamo_platform.findings import Finding, counted, ordered
from dynamo_platform.rendering.changes import OUT_OF_SIGHT

from . import Comparison, Report, StepChange, by_importance

MOST = 60_000
"""Characters of the Markdown; GitHub takes 65,536 in a comment, and what posts it may add some."""

_LONGEST = 600
"""Characters of an item in the Markdown, of which an error of Helm can have any number."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
"""Control characters, but not the ends of lines."""

_CUTS = [(rank, most) for rank in range(7, -1, -1) for most in (100, 20, 0)]
"""What is cut, one after the other until the Markdown is short enough: of which rank, and how many items stay."""

_DETAILS = 2
"""The lowest rank that is cut before whole stacks are: their errors and warnings matter more than the last stack."""


class Listing(NamedTuple):
    """A titled list about a stack.

    Attributes:
        title: what is listed.
        items: each one line or more.
        rank: how little it matters, from 0 to 7; the highest is cut first.
        more: how many items were cut.
    """

    title: str
    items: tuple[str, ...]
    rank: int
    more: int = 0

    def cut(self, rank: int, most: int) -> Listing:
        """Without the items after so many, where it is of a rank."""
        if self.rank != rank or len(self.items) <= most:
            return self
        return self._replace(items=self.items[:most], more=self.more + len(self.items) - most)


def listings(comparison: Comparison) -> list[Listing]:
    """What there is to say about a stack, as lists in the order of a reader's questions; empty ones are left out."""
    severities = {
        severity: [finding for finding in comparison.findings if finding.severity == severity]
        for severity in ("error", "warning", "note")
    }
    new, gone = comparison.images
    found = [
        _of_findings(severities["error"], 0),
        _of_findings(severities["warning"], 1),
        Listing("Not known of the base", tuple(map(str, comparison.base_errors)), 2),
        Listing("Changes of the plan", tuple(map(_step, comparison.steps)), 2),
        Listing(_objects_title(comparison), tuple(change.text for change in comparison.objects or ()), 3),
        Listing(
            f"Images: {len(new)} added, {len(gone)} removed",
            (*(f"+ {image}" for image in new), *(f"- {image}" for image in gone)),
            4,
        ),
        Listing("Values", tuple(_values(comparison.steps)), 5),
        _of_findings(severities["note"], 6),
        Listing("Equal, and not rendered", comparison.equal, 7),
    ]
    return [listing for listing in found if listing.items]


def _of_findings(findings: Sequence[Finding], rank: int) -> Listing:
    title = counted(findings)
    return Listing(title[:1].upper() + title[1:], tuple(map(str, findings)), rank)


def _objects_title(comparison: Comparison) -> str:
    signs = [change.sign for change in comparison.objects or ()]
    return f"Objects: {signs.count('+')} added, {signs.count('~')} changed, {signs.count('-')} removed"


def _step(step: StepChange) -> str:
    facts = ", ".join(fact for fact in step.facts if not fact.startswith("value "))
    return f"{step.sign} {' '.join(filter(None, (step.kind, step.name)))}{f': {facts}' if facts else ': values'}"


def _values(steps: Iterable[StepChange]) -> Iterator[str]:
    for step in steps:
        yield from (f"~ {step.name} {fact[6:]}" for fact in step.facts if fact.startswith("value "))


def headline(comparison: Comparison) -> str:
    """The verdict in a line."""
    match comparison.state:
        case "unchanged":
            return "unchanged"
        case "removed":
            return "removed: its file is gone, and what it installed stays until `pulumi destroy`"
    said = [comparison.state, *([counted(comparison.findings)] if comparison.findings else ())]
    if not comparison.ok:
        said.append("refused: its objects are not compared" if comparison.objects is None else "refused")
    elif comparison.objects is None:
        said.append("its objects are not compared, because the base cannot be planned")
    elif not comparison.differs:
        said.append("an update would do nothing else than before")
    if comparison.unknown:
        said.append(f"objects of {', '.join(comparison.unknown)} are not known")
    return ", ".join(said)


def text(report: Report) -> str:
    """The report for a terminal."""
    blocks = []
    for each in by_importance(report.comparisons):
        if each.state == "unchanged":
            continue
        lines = [f"{each.name}: {headline(each)}"]
        for listing in listings(each):
            lines += ["", listing.title, *(f"  {line}" for item in listing.items for line in item.splitlines())]
        blocks.append("\n".join(lines))
    # A terminal obeys control characters, which a branch may have anywhere.
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "\n\n".join([*blocks, *_closing(report)]))


def _closing(report: Report) -> Iterator[str]:
    same = [each.name for each in report.comparisons if each.state == "unchanged"]
    if same:
        yield f"unchanged: {', '.join(same)}"
    if report.helm:
        yield f"Rendered with helm {report.helm}; {OUT_OF_SIGHT}."


def markdown(report: Report) -> str:
    """The report for a comment: the verdict first, the rest folded, what matters least cut where it is too long."""
    sections = [(each, listings(each)) for each in by_importance(report.comparisons) if each.state != "unchanged"]
    dropped = 0
    for rank, most in _CUTS:
        while rank < _DETAILS and len(sections) > 1 and len(_page(report, sections, dropped)) > MOST:
            half = len(sections) // 2
            dropped, sections = dropped + half, sections[:-half]
        if len(page := _page(report, sections, dropped)) <= MOST:
            return page
        sections = [(each, [listing.cut(rank, most) for listing in lists]) for each, lists in sections]
    return _page(report, sections, dropped)


def marker(report: Report) -> str:
    """The line by which a comment is found again: of a project, and of the stacks that were asked for or all."""
    what = " ".join(f"{report.project or ''}/{','.join(report.asked) or '*'}".split())
    return f"<!-- dynamo-platform diff {html.escape(what)} -->"


def _page(report: Report, sections: Sequence[tuple[Comparison, Sequence[Listing]]], dropped: int = 0) -> str:
    parts = [marker(report), f"### dynamo-platform: {_verdict(report)}"]
    if sections:
        rows = ["| stack | verdict | versions | objects |", "|---|---|---|---|", *(_row(each) for each, _ in sections)]
        parts.append("\n".join(rows))
    if dropped:
        parts.append(f"… and {dropped} more stacks, which do not fit here; `--format text` has all.")
    for each, lists in sections:
        parts += [f"#### {_cell(each.name)}", *map(_folded, lists)]
    compared = f"Compared {_cell(report.base)} with {_cell(report.head)}."
    parts.append(" ".join([compared, *(html.escape(line, quote=False)[:2_000] for line in _closing(report))]))
    return "\n\n".join(parts) + "\n"


def _verdict(report: Report) -> str:
    findings = [finding for each in report.comparisons for finding in each.findings]
    if not report.ok:
        return f"{counted(ordered(findings))}, and an update would be refused"
    changed = sum(each.differs for each in report.comparisons)
    said = f"{changed} stack{'s' if changed != 1 else ''} would change" if changed else "nothing would change"
    return ", ".join([said, *([counted(ordered(findings))] if findings else ())])


def _row(each: Comparison) -> str:
    versions = [
        f"{step.name} {step.facts[place].removeprefix('version ')}"
        for step in each.steps
        for place in range(len(step.facts))
        if step.kind == "release" and step.facts[place].startswith("version ")
    ]
    signs = [change.sign for change in each.objects or ()]
    counts = " ".join(f"{sign}{signs.count(sign)}" for sign in "+~-" if sign in signs)
    objects = counts or ("not known" if each.objects is None else "none")
    return f"| {' | '.join(map(_cell, (each.name, headline(each), ', '.join(versions), objects)))} |"


def _cell(text: str) -> str:
    """Text that stays text in Markdown, whatever somebody's branch has in it."""
    plain = html.escape(" ".join(text.split())[:_LONGEST], quote=False)
    return re.sub(r"[|\\`*_\[\]@#~]", lambda match: f"&#{ord(match[0])};", plain)


def _folded(listing: Listing) -> str:
    more = f"… and {listing.more} more; `--format text` has all."
    if not listing.items:
        return f"{html.escape(listing.title)}: {more}"
    lines = [item if len(item) <= _LONGEST else f"{item[:_LONGEST]}…" for item in listing.items]
    ticks = max(map(len, re.findall("`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, ticks + 1)
    opened = " open" if listing.rank == 0 else ""
    return "\n".join(
        [
            f"<details{opened}><summary>{html.escape(listing.title)}</summary>",
            "",
            f"{fence}diff",
            *lines,
            fence,
            *([more] if listing.more else ()),
            "",
            "</details>",
        ]
    )
