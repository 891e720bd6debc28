"""Findings about a configuration, and the error that carries all of them."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple, Self

from .credentials import HIDDEN, names_secret, redacted, redacted_tree
from .errors import UserError

Severity = Literal["error", "warning", "note"]
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}

MAX_VALUE_CHARS = 200
"""Characters of a value that a finding quotes."""

MAX_TEXT_CHARS = 4_000
"""Characters of any other text of a finding; errors of Helm can be of any length."""

MAX_LISTED = 30
"""Items of a list in a message."""

MAX_OF_A_CODE = 50
"""Findings of one code and severity; one more says how many there are beside them."""


class _Fields(NamedTuple):
    code: str
    severity: Severity
    path: str
    given: str
    allowed: str
    why: str
    docs: str
    accept: str


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
        accept: the entry of the setting ``accept`` that turns it into a note; empty if it cannot be accepted, or is
            a note already.
    """

    __slots__ = ()

    def __new__(  # noqa: D102, PLR0917  the fields of a named tuple
        cls, code: str, severity: Severity, path: str, given: str, allowed: str, why: str, docs: str, accept: str = ""
    ) -> Self:
        if names_secret(path) and given not in {"nothing", "null"}:
            given = HIDDEN
        given, allowed, why = (shortened(redacted(text), MAX_TEXT_CHARS) for text in (given, allowed, why))
        return super().__new__(
            cls,
            code,
            severity,
            shortened(redacted(path)),
            given,
            allowed,
            why,
            _as_command(docs),
            _entry(accept),
        )

    def as_dict(self) -> dict[str, str]:
        """This finding as plain data, for stack outputs and JSON."""
        return self._asdict()

    def __str__(self) -> str:
        rows = [("given", self.given), ("allowed", self.allowed), ("why", self.why), ("read", self.docs)]
        rows += [("accept", self.accept)] if self.accept else []
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


def _entry(accept: str) -> str:
    """An entry of ``accept`` without credentials, each part for itself: with the ``@`` it looks like an address."""
    code, at, scope = accept.partition("@")
    return f"{code}{at}{shortened(redacted(scope))}"


def _as_command(docs: str) -> str:
    """The command that prints a page of the documentation, which an installed package has in itself; else the URL."""
    if not docs.startswith("docs/"):
        return docs
    page, _, section = docs.removeprefix("docs/").partition("#")
    return " ".join(filter(None, ("dynamo-platform docs", page.removesuffix(".md"), section)))


def by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings sorted by severity, errors first, then by configuration path and code."""
    return tuple(sorted(findings, key=lambda f: (_ORDER[f.severity], _by_number(f.path), f.code)))


def _by_number(path: str) -> list[str | int]:
    """The order of paths: ``queues[2]`` before ``queues[10]``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]{1,9})", path)]


def count_by_severity(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``, or ``ok``."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items()) or "ok"


def at_most(findings: Iterable[Finding]) -> list[Finding]:
    """The first ``MAX_OF_A_CODE`` findings of each code and severity, and after them one about how many more there are.

    So a file with thousands of mistakes has no report of megabytes.
    """
    numbers: Counter[tuple[str, Severity]] = Counter()
    kept: list[Finding] = []
    next_ones: dict[tuple[str, Severity], Finding] = {}
    for finding in findings:
        kind = finding.code, finding.severity
        numbers[kind] += 1
        if numbers[kind] <= MAX_OF_A_CODE:
            kept.append(finding)
        else:
            next_ones.setdefault(kind, finding)
    for kind, finding in next_ones.items():
        more = numbers[kind] - MAX_OF_A_CODE
        kept.append(
            finding._replace(
                given=f"{more:,} more of {finding.code}, the first of them here",
                allowed="as for the others",
                why=f"At most {MAX_OF_A_CODE} findings of a code are listed.",
                accept="",
            )
        )
    return kept


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
    return shortened(text)


def shortened(text: str, most: int = MAX_VALUE_CHARS) -> str:
    """At most so many characters of a text, then an ellipsis."""
    return text if len(text) <= most else f"{text[:most]}…"


def listed(items: Collection[str], separator: str = ", ") -> str:
    """``a, b, c``; of more than ``MAX_LISTED`` items the first ones, and how many more there are."""
    more = len(items) - MAX_LISTED
    first = separator.join(islice(items, MAX_LISTED))
    return f"{first} and {more:,} more" if more > 0 else first
