"""What the rules say: the cases of `tests/data/findings/cases.yaml`, their messages, and the page of all findings.

`python -m tests.unit.findings` writes the messages and `docs/findings.md` anew.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dynamo_platform import Finding, Plan, PlatformError, catalog, plan_of
from dynamo_platform.component.providers import unknown_context
from dynamo_platform.config.reading import parse
from dynamo_platform.config.stackfile import Project, parse_stack
from dynamo_platform.planning.model import Queue, Release, Running
from dynamo_platform.planning.rules import RULES
from dynamo_platform.planning.running import COMPONENT, from_state, from_version
from dynamo_platform.rendering.refusals import (
    chart_not_fetched,
    monitor_undecided,
    provider_not_configured,
    secret_contents,
    template_failed,
    unstable_objects,
)

CHECKOUT = Path(__file__).parents[2]
CASES = CHECKOUT / "tests" / "data" / "findings" / "cases.yaml"
MESSAGES = CASES.with_name("messages.txt")
PAGE = CHECKOUT / "docs" / "findings.md"

Config = dict[str, Any]

UNREADABLE = {
    "CFG001": "A key that is no setting.",
    "CFG002": "A value that is not of the setting's type.",
    "CFG003": "Text where a boolean is meant.",
}
"""Findings of reading the configuration, which come before the rules."""

FILES = {
    "CFG004": ("An encrypted value.", "config:\n  dynamo-platform:namespace: {secure: v1:gv7k4oQ=}\n"),
    "CFG005": ("A file that cannot be read.", "config:\n\tdynamo-platform:version: 1.5.1\n"),
    "CFG006": (
        "A key that stands twice.",
        "config:\n  dynamo-platform:grove:\n    mode: bundled\n    mode: separate\n",
    ),
    "CFG007": ("Settings that only the engine knows.", "environment: [shared/production]\n"),
}
"""Findings of reading a stack file, each with a file that has it."""


RELEASE = Release(
    "kai-scheduler", "kai-scheduler", "kai-scheduler", "https://charts.example.com", "v0.17.0", {}, True, 600
)
RENDERING = {
    "REN001": (
        "A chart that refuses its values.",
        template_failed(
            RELEASE._replace(values={"global": {"tolerations": "none"}}),
            "kai-scheduler/templates/operator.yaml:30: global.tolerations has to be a list",
            Path("kai-scheduler"),
        ),
    ),
    "REN002": (
        "A template that asks the cluster.",
        template_failed(
            RELEASE,
            'execution error at <(lookup "v1" "Secret" "kai-scheduler" "pull").data>: nil pointer',
            Path("kai-scheduler"),
        ),
    ),
    "REN003": (
        "A chart that cannot be fetched.",
        chart_not_fetched(RELEASE, "dial tcp: lookup charts.example.com: no such host"),
    ),
    "REN004": ("A provider that is not configured yet.", provider_not_configured(RELEASE)),
    "REN005": ("A monitor that is `auto` in files.", monitor_undecided("monitoring.podMonitors")),
    "REN006": (
        "An object that comes out otherwise each time, in files.",
        unstable_objects(RELEASE, ["Secret kai-scheduler/webhook (data.tls.crt)"]),
    ),
    "REN007": ("A Secret with contents, in files.", secret_contents(RELEASE, ["Secret kai-scheduler/pull"])),
}
"""Findings of rendering the charts, which come after the rules."""

LEFT_TO_OTHERS = """\
## What no rule says

Only the cluster knows it, and what says it comes before anything is changed:

- Another platform in the cluster, by its ClusterRole; GPU discovery that a restricted operator has no rights for; the
  pull secret that `existingSecretName` names: the chart looks and refuses.
- Objects of another release of KAI Scheduler or Grove: Helm refuses to take them over.

Decided otherwise:

- A missing `v` is an error that gives the right version (DEP001), not added in silence: what is pulled is what is
  written.
- KAI Scheduler before 0.15 takes no `scheduler.args`. That is an error (SET001) or a warning (KEY001); nothing patches
  `SchedulingShard/default`, which is the chart's.
- Releases cannot be renamed: their names are fixed.
- The numbers of KAI Scheduler's own `default-parent-queue` are its chart's or somebody else's, so queues below it are
  not added up.
- Kubernetes versions that upstream tests with are no floors; those it needs are (CLU002).
"""
"""What an installation may fail on without a finding, and what upstream advises that is done otherwise."""


@dataclass(frozen=True)
class Case:
    """A page where a rule speaks, and the nearest where it does not."""

    code: str
    number: int
    bad: Config
    good: Config
    before: Config | str | None = None
    good_before: Config | str | None = None
    provider: bool = False

    def __str__(self) -> str:
        return f"{self.code}-{self.number}"

    def speaks(self) -> list[Finding]:
        """What its rule says."""
        return [found for found in judged(self.bad, self.before, provider=self.provider) if found.code == self.code]

    def next_door(self) -> list[Finding]:
        """What its rule says where it should not."""
        found = judged(self.good, self.good_before or self.before, provider=self.provider)
        paths = {finding.path for finding in self.speaks()}
        return [finding for finding in found if finding.code == self.code and finding.path in paths]


@cache
def cases() -> list[Case]:
    """All cases, in the file's order."""
    document = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    return [
        Case(code, number, **{key.replace("-", "_"): value for key, value in entry.items()})
        for code, entries in document.items()
        if code != ".pages"
        for number, entry in enumerate(entries, 1)
    ]


def judged(page: Config, before: Config | str | None = None, *, provider: bool = False) -> tuple[Finding, ...]:
    """Every finding about a page, after what ran before it."""
    running = ran(page, before) if before else None
    try:
        return plan_of(page, stack=True, running=running, provider_given=provider).findings
    except PlatformError as error:
        return error.findings


def ran(page: Config, before: Config | str) -> Running | None:
    """What runs after a page was installed, or with another version of the same page."""
    if isinstance(before, str):
        return from_version(before, parse(page, stack=True)[0], catalog.load())
    return from_state(state(plan_of(before, stack=True)), "dp", catalog.load())


def state(plan: Plan, component: str = "dp") -> dict[str, Any]:
    """What the engine's state holds of a plan that was carried out."""
    resources: dict[str, Any] = {}
    for step in plan.steps:
        name = component if component == step.name else f"{component}-{step.name}"
        urn = f"urn:pulumi:test::project::{COMPONENT}${{type}}::{name}"
        match step:
            case Release():
                outputs = {
                    "name": step.name,
                    "namespace": step.namespace,
                    "version": step.version,
                    "chart": step.chart,
                    "values": step.values,
                    "repositoryOpts": {"repo": step.repository} if step.repository else {},
                }
                kind = "kubernetes:helm.sh/v3:Release"
            case Queue():
                outputs = {"metadata": {"name": step.name}, "spec": step.spec}
                kind = "kubernetes:scheduling.run.ai/v2:Queue"
            case _:
                continue
        resources[urn.format(type=kind)] = {"type": kind, "outputs": outputs}
    return resources


def in_file(code: str) -> Finding:
    """What is said about the stack file that has it."""
    project = Project("infra", CHECKOUT / "Pulumi.yaml", CHECKOUT / "stacks", {})
    stack = parse_stack(FILES[code][1].encode(), Path("Pulumi.dev.yaml"), name="dev", project=project)
    return next(finding for finding in stack.problems if finding.code == code)


def messages() -> str:
    """What every case's rule says."""
    return "\n\n".join(f"# {case}\n{finding}" for case in cases() for finding in case.speaks()) + "\n"


def page() -> str:
    """The page of all findings."""
    examples: dict[str, Case] = {}
    for case in cases():
        examples.setdefault(case.code, case)
    lines = [
        "# Findings",
        "",
        "What the module says about a configuration before it touches anything. Every finding has a code that stays, a",
        "severity, the path in the configuration, what stands there, what may stand there, why, and where to read.",
        "Errors stop everything. `accept: [CODE]` turns a warning, and the errors marked as acceptable, into a note.",
        "",
        "This page is written by `make findings` from the rules and `tests/data/findings/cases.yaml`.",
    ]
    lines += ["", "## The kubeconfig", "", "### CLU003", "", *_context_example()]
    for title, rows in _subjects():
        lines += ["", f"## {title}"]
        for code, kind, what in rows:
            example = _file_example(code) if code in FILES else _example(examples[code])
            lines += ["", f"### {code}", "", f"{kind} {what}", "", *example]
    lines += ["", "## Rendering"]
    for code, (what, finding) in RENDERING.items():
        head = f"{finding.severity.capitalize()}. {what}"
        lines += ["", f"### {code}", "", head, "", "```text", *str(finding).splitlines(), "```"]
    return "\n".join([*lines, "", *LEFT_TO_OTHERS.splitlines()]) + "\n"


def _subjects() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    yield "Reading", [(code, "Error.", what) for code, what in UNREADABLE.items()]
    yield "Stack files", [(code, f"{in_file(code).severity.capitalize()}.", what) for code, (what, _) in FILES.items()]
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for rule in RULES:
        module = sys.modules[rule.judge.__module__].__doc__ or ""
        kind = f"{rule.severity.capitalize()}{', acceptable' if rule.acceptable else ''}."
        title = module.partition("\n")[0].removeprefix("Rules about ").rstrip(".").partition(":")[0].replace("``", "`")
        rows.setdefault(title[0].upper() + title[1:], []).append(
            (rule.code, kind, (rule.judge.__doc__ or "").replace("``", "`"))
        )
    yield from rows.items()


def _example(case: Case) -> list[str]:
    lines = ["```yaml", *_yaml(case.bad), "```", ""]
    if case.provider:
        lines = ["In a program that brings a Kubernetes provider:", "", *lines]
    if isinstance(case.before, str):
        lines = [f"With {case.before} running:", "", *lines]
    elif case.before:
        lines = ["After", "", "```yaml", *_yaml(case.before), "```", "", "this", "", *lines]
    return [*lines, "```text", *str(case.speaks()[0]).splitlines(), "```"]


def _context_example() -> list[str]:
    finding = unknown_context("staging", ["dev", "production"], [Path("~/.kube/config")], "error")
    return [
        "Error of `pulumi up`, warning of a preview. A context that the kubeconfig does not have.",
        "",
        "```yaml",
        *_yaml({"cluster": {"context": "staging"}}),
        "```",
        "",
        "```text",
        *str(finding).splitlines(),
        "```",
    ]


def _file_example(code: str) -> list[str]:
    return ["```yaml", *FILES[code][1].splitlines(), "```", "", "```text", *str(in_file(code)).splitlines(), "```"]


def _yaml(config: Mapping[str, Any]) -> list[str]:
    prefixed = {f"dynamo-platform:{key}": value for key, value in config.items()}
    text: str = yaml.dump(prefixed, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text.splitlines()


class _Plain(yaml.SafeDumper):
    """Short things in one line; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


if __name__ == "__main__":
    MESSAGES.write_text(messages(), encoding="utf-8")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
