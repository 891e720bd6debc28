"""Findings: what a rule has to say about a configuration, and the error that carries all of them at once."""

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from .errors import UserError

Severity = Literal["error", "warning", "note"]
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


class Finding(NamedTuple):
    """One verdict.

    Attributes:
        code: stable identifier, three letters for the subject and three digits (``KAI002``).
        severity: ``error`` stops everything, ``warning`` is shown, ``note`` is good to know, or was accepted.
        path: where in the configuration, in the spelling the user wrote (``kaiScheduler.mode``).
        given: what stands there, as the user would write it; ``nothing`` where nothing does.
        allowed: what may stand there instead.
        why: the reason, in one or two sentences.
        docs: where to read more.
    """

    code: str
    severity: Severity
    path: str
    given: str
    allowed: str
    why: str
    docs: str

    def accepted(self) -> "Finding":
        """The same finding as a note."""
        return self._replace(severity="note")

    def as_dict(self) -> dict[str, str]:
        """The finding as plain data, for stack outputs and JSON."""
        return self._asdict()

    def __str__(self) -> str:
        rows = (("given", self.given), ("allowed", self.allowed), ("why", self.why), ("read", self.docs))
        lines = [f"{self.severity} {self.code}  {self.path}"]
        for label, text in rows:
            lines += textwrap.wrap(
                text,
                width=110,
                initial_indent=f"  {label:<8} ",
                subsequent_indent=" " * 11,
                break_long_words=False,
                break_on_hyphens=False,
            )
        return "\n".join(lines)


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings and notes; within them by configuration path and code."""
    return tuple(sorted(findings, key=lambda f: (_ORDER[f.severity], f.path, f.code)))


def counted(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``, or ``ok``."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items()) or "ok"


class PlatformError(UserError):
    """The configuration cannot be planned; ``findings`` says everything that is wrong with it, errors first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = ordered(findings)
        super().__init__(self._report())

    def _report(self) -> str:
        errors = sum(f.severity == "error" for f in self.findings)
        head = (
            f"{errors} error{'s' if errors != 1 else ''} in the configuration of dynamo-platform; nothing was changed"
        )
        return "\n\n".join([head, *map(str, self.findings)])


def shown(value: Any) -> str:
    """A value as it would be written in YAML's flow style: text in quotes, ``true``, ``null``, ``{a: 1}`` as JSON."""
    try:
        text = json.dumps(value, default=lambda value: f"a Python {type(value).__name__}", ensure_ascii=False)
    except (RecursionError, ValueError):  # too deep, or in itself
        text = "mappings or lists in each other without end"
    return text if len(text) <= 200 else f"{text[:200]}…"
