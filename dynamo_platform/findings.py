"""Findings about a configuration, and the error that carries all of them."""

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Self

from .credentials import HIDDEN, names_secret, redacted, redacted_tree
from .errors import UserError

Severity = Literal["error", "warning", "note"]
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}

MAX_VALUE_CHARS = 200
"""Characters of a value that a finding quotes."""


class _Fields(NamedTuple):
    code: str
    severity: Severity
    path: str
    given: str
    allowed: str
    why: str
    docs: str


class Finding(_Fields):
    """A problem, or a note, about one setting. It never holds a credential: its texts are redacted.

    Attributes:
        code: stable identifier: three letters for the subject and three digits (``KAI002``).
        severity: ``error`` stops the preview or update, ``warning`` does not; ``note`` is information or an accepted
            finding.
        path: the setting, in the user's spelling (``kaiScheduler.mode``).
        given: its value, as the user would write it; ``nothing`` if it is not set.
        allowed: the values that are allowed.
        why: the reason, in one or two sentences.
        docs: where it is explained: a URL, or the command that prints the section, ``dynamo-platform docs PAGE
            SECTION``; it may be given as ``docs/PAGE.md#SECTION``.
    """

    __slots__ = ()

    def __new__(  # noqa: D102, PLR0917  the fields of a named tuple
        cls, code: str, severity: Severity, path: str, given: str, allowed: str, why: str, docs: str
    ) -> Self:
        if names_secret(path) and given not in {"nothing", "null"}:
            given = HIDDEN
        return super().__new__(
            cls, code, severity, redacted(path), redacted(given), redacted(allowed), redacted(why), _as_command(docs)
        )

    def accepted(self) -> "Finding":
        """This finding as a note."""
        return self._replace(severity="note")

    def as_dict(self) -> dict[str, str]:
        """This finding as plain data, for stack outputs and JSON."""
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


def _as_command(docs: str) -> str:
    """The command that prints a page of the documentation, which an installed package has in itself; else the URL."""
    if not docs.startswith("docs/"):
        return docs
    page, _, section = docs.removeprefix("docs/").partition("#")
    return " ".join(filter(None, ("dynamo-platform docs", page.removesuffix(".md"), section)))


def by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings sorted by severity, errors first, then by configuration path and code."""
    return tuple(sorted(findings, key=lambda f: (_ORDER[f.severity], f.path, f.code)))


def count_by_severity(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``, or ``ok``."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items()) or "ok"


class PlatformError(UserError):
    """The configuration cannot be planned, or its charts cannot be rendered.

    Attributes:
        findings: all findings, errors first.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = by_severity(findings)
        super().__init__(self._report())

    def __reduce__(self) -> tuple[type["PlatformError"], tuple[Sequence[Finding]]]:
        return type(self), (self.findings,)

    def _report(self) -> str:
        errors = sum(f.severity == "error" for f in self.findings)
        head = (
            f"{errors} error{'s' if errors != 1 else ''} in the configuration of dynamo-platform; nothing was changed"
        )
        return "\n\n".join([head, *map(str, self.findings)])


def quote_value(value: Any) -> str:
    """A value as JSON, which is also valid in a stack file: ``"text"``, ``true``, ``null``, ``{"a": 1}``.

    Without credentials, and at most ``MAX_VALUE_CHARS`` characters, then an ellipsis.
    """
    try:
        text = json.dumps(
            redacted_tree(value), default=lambda value: f"a Python {type(value).__name__}", ensure_ascii=False
        )
    except (RecursionError, ValueError):  # nested too deeply, or contains itself
        text = "mappings or lists that are nested too deeply"
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"
