"""Rules about ``accept``: it names findings that there are, and that may be accepted."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.planning.choices import Choices

from .base import RULES, Rule, Verdict, rule


def _accepted(c: Choices) -> Iterator[tuple[str, str, Rule | None]]:
    rules = {each.code: each for each in RULES}
    for i, code in enumerate(c.config.accept or ()):
        yield f"accept[{i}]", code, rules.get(code)


@rule("ACC001")
def accepted_codes_exist(c: Choices) -> Iterator[Verdict]:
    """A code with a slip of the pen would accept nothing."""
    for path, code, known in _accepted(c):
        if known is None:
            yield Verdict(
                path, code, "the code of a finding, such as DEP005", "No finding that could be accepted has this code."
            )


@rule("ACC002")
def accepted_codes_may_be_accepted(c: Choices) -> Iterator[Verdict]:
    """Some findings say that an installation could not work, whoever accepts it."""
    for path, code, known in _accepted(c):
        if known and not known.may_be_accepted:
            note = known.severity == "note"
            why = "It is a note, which stops nothing." if note else "What this finding is about cannot work; see there."
            yield Verdict(path, code, "the code left out", why)


@rule("ACC003", "note")
def accepted_codes_are_needed(c: Choices) -> Iterator[Verdict]:
    """What was accepted may be gone: an upgrade that is done, a version that moved on."""
    for path, code, known in _accepted(c):
        if known and known.may_be_accepted and not any(known.judge(c)):
            yield Verdict(path, code, "the code left out", "Nothing has this finding any more.")
