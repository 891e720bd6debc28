"""The type of a rule and of its verdicts."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from dynamo_platform.config.model import to_camel
from dynamo_platform.findings import Finding, Severity, quote_value
from dynamo_platform.planning.choices import Choices, Dependency
from dynamo_platform.versions import Version

DYNAMO = "https://github.com/ai-dynamo/dynamo"
KAI = "https://github.com/kai-scheduler/KAI-Scheduler"
GROVE = "https://github.com/ai-dynamo/grove"
MODES = "docs/modes.md"


Effect = Literal["by hand before", "by hand after", "disturbs", "cannot be undone"]
"""What a finding about an upgrade is to the person who carries the upgrade out."""


class Verdict(NamedTuple):
    """A problem that a rule found.

    Attributes:
        path: where in the configuration, in camelCase.
        given: the value at the path; ``nothing`` if it is not set.
        allowed: the values that are allowed instead.
        why: the reason.
        docs: where to read more. Default: the finding in ``docs/findings.md``.
        severity: its severity. Default: the rule's.
        about: what tells it apart from the rule's other verdicts, for ``accept``: a version, or a version and a fault.
            Default: the path.
    """

    path: str
    given: str
    allowed: str
    why: str
    docs: str | None = None
    severity: Severity | None = None
    about: str | None = None


class Rule(NamedTuple):
    """A compatibility rule.

    Attributes:
        code: the code of its findings.
        severity: the severity of its findings, unless a verdict has its own.
        acceptable: whether ``accept`` may turn an error into a note. Warnings may always be accepted.
        judge: yields the verdicts.
        faults: whether it reports known faults, each of which is accepted by itself if it is an error.
        effect: what its findings are in an upgrade; None for rules that are not only about an upgrade's effects.
    """

    code: str
    severity: Severity
    acceptable: bool
    judge: Callable[[Choices], Iterator[Verdict]]
    effect: Effect | None = None
    faults: bool = False

    @property
    def may_be_accepted(self) -> bool:
        """Whether ``accept`` may list its code."""
        return self.acceptable or self.severity == "warning"

    def __call__(self, c: Choices) -> Iterator[Finding]:
        """The rule's findings; accepted ones are notes."""
        entries = {entry for entry in c.config.accept or () if entry.partition("@")[0] == self.code}
        for verdict in self.judge(c):
            severity, accept = verdict.severity or self.severity, ""
            if self.accepts_some(verdict):
                accepted = not entries.isdisjoint(self.entries_for(verdict))
                severity, accept = ("note", "") if accepted else (severity, f"{self.code}@{about(verdict)}")
            yield Finding(
                code=self.code,
                severity=severity,
                path=verdict.path,
                given=verdict.given,
                allowed=verdict.allowed,
                why=verdict.why,
                docs=verdict.docs or f"docs/findings.md#{self.code.lower()}",
                accept=accept,
            )

    def accepts_some(self, verdict: Verdict) -> bool:
        """Whether there are entries of ``accept`` that accept a verdict."""
        severity = verdict.severity or self.severity
        return severity == "warning" or (severity == "error" and self.acceptable)

    def entries_for(self, verdict: Verdict) -> Iterator[str]:
        """The entries of ``accept`` that accept a verdict.

        An entry is ``CODE@SCOPE`` with what the verdict is about, or with its part before a slash, or a code. An error
        about a known fault needs a scope: else an entry for one fault would accept those of later versions too.
        """
        scope = about(verdict)
        yield f"{self.code}@{scope}"
        yield from (f"{self.code}@{scope[: slash.start()]}" for slash in re.finditer("/", scope))
        if not (self.faults and (verdict.severity or self.severity) == "error"):
            yield self.code


def about(verdict: Verdict) -> str:
    """What a verdict is about, as a scope of ``accept``."""
    return verdict.about or verdict.path


RULES: list[Rule] = []


def rule(
    code: str,
    severity: Severity = "error",
    *,
    acceptable: bool = False,
    effect: Effect | None = None,
    faults: bool = False,
) -> Callable[[Callable[[Choices], Iterator[Verdict]]], Rule]:
    """Register a function as a rule."""

    def register(judge: Callable[[Choices], Iterator[Verdict]]) -> Rule:
        RULES.append(made := Rule(code, severity, acceptable, judge, effect, faults))
        return made

    return register


def path_and_version(d: Dependency) -> tuple[str, str]:
    """The setting that determines a dependency's version, and the version, for a verdict."""
    if d.mode == "bundled":
        return f"{d.key}.mode", f"bundled ({d.version})"
    return f"{d.key}.version", quote_value(str(d.version)) if d.version else "nothing"


def example_version(c: Choices, d: Dependency) -> Version:
    """A version of a dependency that works with the platform's, or with the newest one for which any is known."""
    newest = c.catalog.platform.newest_known
    known = newest.kai_scheduler if d is c.kai else newest.grove
    return (d.window and d.window.pick) or known.pick or d.chart.versions[-1]


def with_current(given: str, current: object) -> str:
    """The given value of a verdict about an upgrade, with the current one."""
    return f"{given}, currently {current}"


def release_of(bound: Version) -> str:
    """The release of a bound that includes its pre-releases: ``1.5.0-0`` as ``1.5.0``."""
    return str(bound).removesuffix("-0")


def unusable_settings(d: Dependency, names: Iterable[str], allowed: str, why: str) -> Iterator[Verdict]:
    """A verdict for each of these settings of a dependency that is set."""
    for name in names:
        value = getattr(d.config, name)
        if value is not None:
            yield Verdict(f"{d.key}.{to_camel(name)}", quote_value(value), allowed, why, MODES)


def kubernetes_minor(kubernetes: str) -> tuple[int, ...]:
    """The minor of a Kubernetes version, as numbers to compare."""
    return tuple(int(part) for part in kubernetes.removeprefix("v").split(".")[:2])


def equal_to_helm(given: Any, wanted: Any) -> bool:
    """Whether two values mean the same to Helm, which does not treat 1 as a boolean."""
    return isinstance(given, bool) == isinstance(wanted, bool) and bool(given == wanted)
