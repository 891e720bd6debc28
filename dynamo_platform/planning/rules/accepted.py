"""Rules about ``accept``: its codes exist, may be accepted, and are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from dynamo_platform.findings import listed
from dynamo_platform.planning.choices import Choices

from .base import RULES, Rule, Verdict, about, rule


class _Entry(NamedTuple):
    """An entry of ``accept``.

    Attributes:
        path: its path in the configuration.
        text: the entry.
        rule: the rule with its code; None if there is none.
    """

    path: str
    text: str
    rule: Rule | None


def _entries(c: Choices) -> Iterator[_Entry]:
    rules = {each.code: each for each in RULES}
    for i, text in enumerate(c.config.accept or ()):
        yield _Entry(f"accept[{i}]", text, rules.get(text.partition("@")[0]))


class _Acceptable(NamedTuple):
    """The verdicts of a rule that may be accepted.

    Attributes:
        entries: what each of them is about, by every entry that accepts it.
        every: the most exact entry of each.
    """

    entries: dict[str, set[str]]
    every: list[str]


def _acceptable(c: Choices) -> Callable[[Rule], _Acceptable]:
    """What may be accepted of a rule's verdicts, found once for each rule."""

    @cache
    def of(rule: Rule) -> _Acceptable:
        verdicts = [verdict for verdict in rule.judge(c) if rule.accepts_some(verdict)]
        entries: dict[str, set[str]] = {}
        for verdict in verdicts:
            for entry in rule.entries_for(verdict):
                entries.setdefault(entry, set()).add(about(verdict))
        return _Acceptable(entries, [f"{rule.code}@{about(verdict)}" for verdict in verdicts])

    return of


@rule("ACC001")
def accepted_codes_exist(c: Choices) -> Iterator[Verdict]:
    """No finding that can be accepted has this code; it may be misspelt."""
    for entry in _entries(c):
        if entry.rule is None:
            yield Verdict(
                entry.path,
                entry.text,
                "the entry that a finding shows, such as DEP005@v0.13.4/942, or its code",
                "No finding that can be accepted has this code.",
            )


@rule("ACC002")
def accepted_codes_may_be_accepted(c: Choices) -> Iterator[Verdict]:
    """Some findings mean that the installation cannot work, accepted or not."""
    for entry in _entries(c):
        if entry.rule and not entry.rule.may_be_accepted:
            note = entry.rule.severity == "note"
            why = (
                "It is a note, which does not stop an update."
                if note
                else "This finding means that the installation cannot work."
            )
            yield Verdict(entry.path, entry.text, "remove the code", why)


@rule("ACC003", "note")
def accepted_codes_are_needed(c: Choices) -> Iterator[Verdict]:
    """An accepted finding no longer occurs, for example after an upgrade."""
    acceptable = _acceptable(c)
    for entry in _entries(c):
        if entry.rule and entry.rule.may_be_accepted and entry.text not in acceptable(entry.rule).entries:
            why = "This finding no longer occurs."
            if others := acceptable(entry.rule).every:
                why = f"What it accepts does not occur, but {listed(others)} does, which it does not accept."
            yield Verdict(entry.path, entry.text, "remove the entry", why)


@rule("ACC004", "note")
def accepted_findings_are_told_apart(c: Choices) -> Iterator[Verdict]:
    """A code without a scope accepts every finding with this code, those of later versions too."""
    acceptable = _acceptable(c)

    @cache
    def with_scopes(rule: Rule) -> list[str]:
        return [f"{rule.code}@{each}" for each in sorted(acceptable(rule).entries.get(rule.code, ()))]

    for entry in _entries(c):
        if entry.rule and entry.rule.may_be_accepted and "@" not in entry.text:
            found = with_scopes(entry.rule)
            if len(found) > 1:
                yield Verdict(
                    entry.path,
                    entry.text,
                    listed(found),
                    f"It accepts {len(found)} different findings. With a scope, it accepts the one that was meant.",
                )
