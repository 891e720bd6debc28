"""The cases of `tests/data/findings/cases.yaml`, the messages of their rules, and the page of all findings.

`python -m tests.unit.findings` updates the messages and `docs/findings.md`.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import yaml

from dynamo_platform import Finding, Plan, PlatformError, catalog, plan_of
from dynamo_platform.catalog import adding, overlay
from dynamo_platform.component import engine, inputs, providers
from dynamo_platform.component.engine import old_cli
from dynamo_platform.component.inputs import unknown_setting, unwritable_value
from dynamo_platform.component.providers import unknown_context
from dynamo_platform.config import mistakes, stackfile
from dynamo_platform.config.reading import parse
from dynamo_platform.config.stackfile import Project, parse_stack
from dynamo_platform.planning import routes
from dynamo_platform.planning.model import Queue, Release, Running
from dynamo_platform.planning.rules import RULES
from dynamo_platform.planning.running import COMPONENT, from_state, from_version
from dynamo_platform.rendering import refusals
from dynamo_platform.rendering.refusals import (
    chart_not_fetched,
    missing_apis,
    monitor_undecided,
    provider_not_configured,
    refused_field,
    secret_contents,
    template_failed,
    unstable_objects,
)

CHECKOUT = Path(__file__).parents[2]
CASES = CHECKOUT / "tests" / "data" / "findings" / "cases.yaml"
MESSAGES = CASES.with_name("messages.txt")
PAGE = CHECKOUT / "docs" / "findings.md"

Config = dict[str, Any]

UNREADABLE = [code for code in mistakes.TITLES if code != "CFG004"]
"""Findings of reading the configuration, which come before the rules."""

FILES = {
    "CFG004": "config:\n  dynamo-platform:namespace: {secure: v1:gv7k4oQ=}\n",
    "CFG005": "config:\n\tdynamo-platform:version: 1.5.1\n",
    "CFG006": "config:\n  dynamo-platform:grove:\n    mode: bundled\n    mode: separate\n",
    "CFG007": "environment: [shared/production]\n",
    "CFG008": "config:\n  dynamo-platfrom:namespace: dynamo\n",
    "CFG009": "dynamo-platform:version: 1.5.1\n",
}
"""A stack file for each finding of reading one."""


RELEASE = Release(
    "kai-scheduler", "kai-scheduler", "kai-scheduler", "https://charts.example.com", "v0.17.0", {}, True, 600
)
RENDERING = {
    "REN001": template_failed(
        RELEASE._replace(values={"global": {"tolerations": "none"}}),
        "kai-scheduler/templates/operator.yaml:30: global.tolerations has to be a list",
        Path("kai-scheduler"),
    ),
    "REN002": template_failed(
        RELEASE,
        'execution error at <(lookup "v1" "Secret" "kai-scheduler" "pull").data>: nil pointer',
        Path("kai-scheduler"),
    ),
    "REN003": chart_not_fetched(RELEASE, "dial tcp: lookup charts.example.com: no such host"),
    "REN004": provider_not_configured(RELEASE),
    "REN005": monitor_undecided("monitoring.podMonitors"),
    "REN006": unstable_objects(RELEASE, ["Secret kai-scheduler/webhook (data.tls.crt)"]),
    "REN007": secret_contents(RELEASE, ["Secret kai-scheduler/pull"]),
    "REN008": missing_apis(RELEASE, {"cert-manager.io/v1": ["Certificate", "Issuer"]}),
    "REN009": refused_field(
        RELEASE,
        "SchedulingShard default",
        "spec.args.v",
        value="scheduler.args.v",
        given="4",
        allowed='text, in quotes: "4"',
    ),
}
"""Findings of rendering the charts, which come after the rules."""

PROGRAM = {
    "RUN001": old_cli('Pulumi CLI version 3.243.0 does not satisfy the version range ">=3.244.0"'),
    "RUN002": unknown_setting(pulumi.Output, ("nats", "address")),
    "RUN003": unwritable_value(date, ("kai_scheduler", "values", "global", "since")),
}
"""Findings about a program and its engine."""

_FLOOR = {"first": "1.4.0-0", "floor": "1.31", "source": "https://example.com"}
OVERLAY = {
    "CAT001": catalog.catalog_with("catalogue.yaml", Path("/none")).findings[0],
    **{
        code: overlay.overlay(catalog.load(), {"checked": checked} | content, "catalog.yaml").findings[0]
        for code, checked, content in (
            ("CAT002", "2026-12-01", {"platform": {"versions": [{"version": "1.8", "source": "https://example.com"}]}}),
            ("CAT003", "2026-12-01", {"platform": {"kubernetes": [_FLOOR]}}),
            ("CAT004", "2026-12-01", {"platform": {"kubernetes": [_FLOOR | {"floor": "1.30"}]}}),
            ("CAT005", "2026-01-01", {"platform": {"kubernetes": [_FLOOR]}}),
        )
    },
    "CAT006": adding.no_chart(Path("notes.tgz"), "notes.tgz is not a Helm chart: file could not be opened"),
    "CAT007": adding.cannot_extend(Path("catalog.yaml"), "its comments would be lost"),
}
"""Findings about the catalog's file."""

LIMITS = """\
## What is not checked

Some problems are visible only in the cluster. The chart or Helm reports them, before anything changes:

- The chart refuses another platform in the cluster (it looks for its ClusterRole), GPU discovery if a restricted
  operator lacks the permissions, and an `existingSecretName` that does not exist.
- Helm refuses to adopt objects of another release of KAI Scheduler or Grove.

Some upstream advice is handled differently here:

- A missing `v` is an error that shows the right version (DEP001). The `v` is not added silently, because charts are
  pulled by exactly the given version.
- KAI Scheduler before 0.15 does not support `scheduler.args`. This is an error (SET001) or a warning (KEY001). The
  module does not patch `SchedulingShard/default`, which belongs to the chart.
- The names of releases are fixed.
- The quotas of queues below KAI Scheduler's own `default-parent-queue` are not added up, because its chart, or
  someone else, sets the quota of that parent.
"""
"""What the findings do not cover, and where they differ from upstream's advice."""


@dataclass(frozen=True)
class Case:
    """A configuration with a finding of a rule, and the nearest one without."""

    code: str
    number: int
    bad: Config
    good: Config
    before: Config | str | None = None
    good_before: Config | str | None = None
    provider: bool = False

    def __str__(self) -> str:
        return f"{self.code}-{self.number}"

    def findings(self) -> list[Finding]:
        """The findings of its rule."""
        return [
            found for found in findings_of(self.bad, self.before, provider=self.provider) if found.code == self.code
        ]

    def false_findings(self) -> list[Finding]:
        """The findings of its rule on the right configuration."""
        found = findings_of(self.good, self.good_before or self.before, provider=self.provider)
        paths = {finding.path for finding in self.findings()}
        return [finding for finding in found if finding.code == self.code and finding.path in paths]


@cache
def cases() -> list[Case]:
    """All cases, in the file's order."""
    document = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    return [
        Case(code, number, **{key.replace("-", "_"): value for key, value in entry.items()})
        for code, entries in document.items()
        if code != ".configurations"
        for number, entry in enumerate(entries, 1)
    ]


def findings_of(config: Config, before: Config | str | None = None, *, provider: bool = False) -> tuple[Finding, ...]:
    """Every finding about a configuration, as an upgrade from what ran before."""
    running = running_after(config, before) if before else None
    try:
        return plan_of(config, stack=True, running=running, provider_given=provider).findings
    except PlatformError as error:
        return error.findings


def running_after(config: Config, before: Config | str) -> Running | None:
    """What runs after a configuration was applied, or the same with another version."""
    if isinstance(before, str):
        return from_version(before, parse(config, stack=True)[0], catalog.load())
    return from_state(state(plan_of(before, stack=True)), "dp", catalog.load())


def state(plan: Plan, component: str = "dp") -> dict[str, Any]:
    """The stack's state after a plan was applied."""
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
    if plan.cluster:
        kind = f"{COMPONENT}$pulumi:providers:kubernetes"
        outputs = {"context": plan.cluster, "clusterIdentifier": plan.cluster}
        resources[f"urn:pulumi:test::project::{kind}::{component}-cluster"] = {"type": kind, "outputs": outputs}
    return resources


def finding_in_file(code: str) -> Finding:
    """The finding of a code, from its stack file in ``FILES``."""
    project = Project("infra", CHECKOUT / "Pulumi.yaml", CHECKOUT / "stacks", {})
    stack = parse_stack(FILES[code].encode(), Path("Pulumi.dev.yaml"), name="dev", project=project)
    return next(finding for finding in stack.problems if finding.code == code)


def messages() -> str:
    """The messages of all cases."""
    return "\n\n".join(f"# {case}\n{finding}" for case in cases() for finding in case.findings()) + "\n"


def page() -> str:
    """The page of all findings."""
    examples: dict[str, Case] = {}
    for case in cases():
        examples.setdefault(case.code, case)
    lines = [
        "# Findings",
        "",
        "Everything that the module reports about a configuration, before it changes anything. A finding has a stable",
        "code, a severity, its path in the configuration, the given value, the allowed values, the reason, and a link.",
        "Errors stop the preview and the update. [`accept`](configuration.md#accepted-findings) turns a warning, or an",
        "error that is marked as acceptable, into a note. `dynamo-platform docs findings CODE` prints one section.",
        "",
        "`make docs` generates this page from the rules and `tests/data/findings/cases.yaml`.",
    ]
    lines += ["", "## The kubeconfig", "", "### CLU003", "", *_context_example()]
    lines += ["", "## Programs", *_listed(PROGRAM, engine.TITLES | inputs.TITLES)]
    lines += ["", "## The catalog's file", *_listed(OVERLAY, overlay.TITLES)]
    lines += ["", "## Routes", *_listed({"UPG021": _no_route()}, routes.TITLES)]
    for title, rows in _subjects():
        lines += ["", f"## {title}"]
        for code, kind, what in rows:
            example = _file_example(code) if code in FILES else _example(examples[code])
            lines += ["", f"### {code}", "", f"{kind} {what}", "", *example]
    lines += ["", "## Rendering", *_listed(RENDERING, refusals.TITLES)]
    return "\n".join([*lines, "", *LIMITS.splitlines()]) + "\n"


def _listed(findings: Mapping[str, Finding], titles: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for code, finding in findings.items():
        head = f"{finding.severity.capitalize()}. {titles[code]}"
        lines += ["", f"### {code}", "", head, "", "```text", *str(finding).splitlines(), "```"]
    return lines


def _no_route() -> Finding:
    try:
        routes.known_version("1.99.0", "TO", catalog.load())
    except PlatformError as error:
        return error.findings[0]
    raise AssertionError


def _subjects() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    yield "Reading the configuration", [(code, "Error.", mistakes.TITLES[code]) for code in UNREADABLE]
    titles = mistakes.TITLES | stackfile.TITLES
    yield "Stack files", [(code, f"{finding_in_file(code).severity.capitalize()}.", titles[code]) for code in FILES]
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
        lines = ["In a program that passes a Kubernetes provider:", "", *lines]
    if isinstance(case.before, str):
        lines = [f"With {case.before} installed:", "", *lines]
    elif case.before:
        lines = [
            "With this installed:",
            "",
            "```yaml",
            *_yaml(case.before),
            "```",
            "",
            "New configuration:",
            "",
            *lines,
        ]
    return [*lines, "```text", *str(case.findings()[0]).splitlines(), "```"]


def _context_example() -> list[str]:
    finding = unknown_context("staging", ["dev", "production"], [Path("~/.kube/config")], "error")
    return [
        providers.TITLES["CLU003"],
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
    return ["```yaml", *FILES[code].splitlines(), "```", "", "```text", *str(finding_in_file(code)).splitlines(), "```"]


def _yaml(config: Mapping[str, Any]) -> list[str]:
    prefixed = {f"dynamo-platform:{key}": value for key, value in config.items()}
    text: str = yaml.dump(prefixed, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text.splitlines()


class _Plain(yaml.SafeDumper):
    """Without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


if __name__ == "__main__":
    MESSAGES.write_text(messages(), encoding="utf-8")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
