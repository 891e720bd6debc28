"""What a rule is."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from dynamo_platform.findings import Finding, Severity, shown
from dynamo_platform.planning.choices import Choices, Dependency

DYNAMO = "https://github.com/ai-dynamo/dynamo"
KAI = "https://github.com/kai-scheduler/KAI-Scheduler"
GROVE = "https://github.com/ai-dynamo/grove"
MODES = "README.md#modes"


class Verdict(NamedTuple):
    """What a rule yields; the rule adds its code, and its severity and where to read unless the verdict has its own."""

    path: str
    given: str
    allowed: str
    why: str
    docs: str | None = None
    severity: Severity | None = None


class Rule(NamedTuple):
    """A rule: its code, how grave it is, whether ``accept`` may turn an error of it into a note, and its function."""

    code: str
    severity: Severity
    acceptable: bool
    judge: Callable[[Choices], Iterator[Verdict]]

    @property
    def may_be_accepted(self) -> bool:
        """Whether ``accept`` may name it."""
        return self.acceptable or self.severity == "warning"

    def __call__(self, c: Choices) -> Iterator[Finding]:
        """The rule's findings; accepted ones come as notes."""
        for verdict in self.judge(c):
            severity = verdict.severity or self.severity
            if severity == "warning" or self.acceptable:
                severity = "note" if self.code in (c.config.accept or ()) else severity
            yield Finding(
                code=self.code,
                severity=severity,
                path=verdict.path,
                given=verdict.given,
                allowed=verdict.allowed,
                why=verdict.why,
                docs=verdict.docs or f"docs/findings.md#{self.code.lower()}",
            )


RULES: list[Rule] = []


def rule(
    code: str, severity: Severity = "error", *, acceptable: bool = False
) -> Callable[[Callable[[Choices], Iterator[Verdict]]], Rule]:
    """Register a function as a rule."""

    def register(judge: Callable[[Choices], Iterator[Verdict]]) -> Rule:
        RULES.append(made := Rule(code, severity, acceptable, judge))
        return made

    return register


def placed(d: Dependency) -> tuple[str, str]:
    """Where a dependency's version comes from, and what it is."""
    if d.mode == "bundled":
        return f"{d.key}.mode", f"bundled, which is {d.version}"
    return f"{d.key}.version", shown(str(d.version)) if d.version else "nothing"


def minor_of(kubernetes: str) -> tuple[int, ...]:
    """The minor version of a Kubernetes version, to compare."""
    return tuple(int(part) for part in kubernetes.removeprefix("v").split(".")[:2])


def alike(given: Any, wanted: Any) -> bool:
    """Whether two values are the same to Helm: 1 is no boolean, and no condition of a subchart."""
    return isinstance(given, bool) == isinstance(wanted, bool) and bool(given == wanted)
