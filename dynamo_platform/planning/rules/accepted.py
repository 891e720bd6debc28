"""Rules about ``accept``: its codes exist, may be accepted, and are needed."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.planning.choices import Choices

from .base import RULES, Rule, Verdict, rule


def _accepted_rules(c: Choices) -> Iterator[tuple[str, str, Rule | None]]:
    rules = {each.code: each for each in RULES}
    for i, code in enumerate(c.config.accept or ()):
        yield f"accept[{i}]", code, rules.get(code)


@rule("ACC001")
def accepted_codes_exist(c: Choices) -> Iterator[Verdict]:
    """No finding that can be accepted has this code; it may be misspelt."""
    for path, code, known in _accepted_rules(c):
        if known is None:
            yield Verdict(
                path,
                code,
                "the code of a finding, such as DEP005",
                "No finding that can be accepted has this code.",
            )


@rule("ACC002")
def accepted_codes_may_be_accepted(c: Choices) -> Iterator[Verdict]:
    """Some findings mean that the installation cannot work, accepted or not."""
    for path, code, known in _accepted_rules(c):
        if known and not known.may_be_accepted:
            note = known.severity == "note"
            why = (
                "It is a note, which does not stop an update."
                if note
                else "This finding means that the installation cannot work."
            )
            yield Verdict(path, code, "remove the code", why)


@rule("ACC003", "note")
def accepted_codes_are_needed(c: Choices) -> Iterator[Verdict]:
    """An accepted finding no longer occurs, for example after an upgrade."""
    occurs: dict[str, bool] = {}
    for path, code, known in _accepted_rules(c):
        if known and code not in occurs:
            occurs[code] = any(known.judge(c))
        if known and known.may_be_accepted and not occurs[code]:
            yield Verdict(path, code, "remove the code", "This finding no longer occurs.")
