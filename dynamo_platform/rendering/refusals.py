"""Findings about charts that cannot be rendered, or whose objects cannot be written to files."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynamo_platform.credentials import redacted
from dynamo_platform.findings import Finding, Severity, listed, quote_value
from dynamo_platform.planning.model import Release
from dynamo_platform.trees import parents, value_at, walk

RENDERING_DOCS = "docs/objects.md#when-a-chart-cannot-be-rendered"
LOGIN_DOCS = "docs/configuration.md#credentials"

TITLES = {
    "REN001": "The chart refuses its values.",
    "REN002": "A template reads the cluster, so the chart cannot be rendered without one.",
    "REN003": "The chart cannot be fetched.",
    "REN004": "The Kubernetes provider is not configured yet.",
    "REN005": "With `render`: a monitor is `auto`.",
    "REN006": "With `render`: an object renders differently every time.",
    "REN007": "With `render`: a Secret has contents.",
    "REN008": "A chart creates objects whose API is not among those that the cluster serves.",
    "REN009": "A field of a custom resource does not fit the chart's CRD.",
}
"""The titles of the findings about rendering, by code."""

FILES_DOCS = "docs/gitops.md"
REFUSED_DOCS = f"{FILES_DOCS}#what-is-refused"

_LOOKUP_ERRORS = ('lookup "', "not found in namespace")
"""Parts of the error of a template that needs an object of the cluster, which no rendering reads."""

_REFUSED = re.compile(r"\b40[13]\b|credential not found")
"""The error of a registry that wants another login."""

_NOT_ADDED = re.compile(r"\brepo \S+ not found|no cached repo found")
"""The error of a repository's name that `helm repo add` did not add on this machine."""

_SECTIONS = {"kai-scheduler": "kaiScheduler.", "grove": "grove."}
"""The section of the configuration for each release; the platform's settings are at the top level."""


def template_failed(release: Release, error: str, chart: Path) -> Finding:
    """The finding about a chart whose templates fail.

    Args:
        release: the release that was rendered.
        error: Helm's error.
        chart: the chart's archive or folder. If it is on this machine, the failed template is read.
    """
    text = " ".join(error.split())
    lookup_is_empty = "nil pointer" in text and "lookup" in _failed_template(chart, text)
    if lookup_is_empty or any(part in text for part in _LOOKUP_ERRORS):
        return _release_finding(
            "REN002",
            release,
            severity="warning",
            allowed="a chart that renders without a cluster",
            why="A template looks up an object in the cluster. The release may install, but its objects cannot be "
            f"listed. Helm: {text}",
        )
    key = _mentioned_value(release.values, text)
    return _release_finding(
        "REN001",
        release,
        setting=f"values.{key}" if key else "values",
        given=quote_value(value_at(release.values, key)) if key else "the values of this plan",
        allowed=f"values that {release.name} {release.version} accepts",
        why=f"The chart does not render with these values, so the release would fail. Helm: {text}",
    )


def chart_not_fetched(release: Release, error: str) -> Finding:
    """The finding about a chart that cannot be fetched."""
    section = _SECTIONS.get(release.name, "")
    allowed = (
        f"a chart that can be fetched: set {section}chart and {section}repository to a mirror, or {section}chart to a "
        "local archive"
    )
    why, docs = "Nothing can be installed without the chart.", RENDERING_DOCS
    if _REFUSED.search(error):
        allowed, docs = f"a login, or another password: {_login(release, section)}", LOGIN_DOCS
        why = "The registry wants a login that it knows; some registries answer so if they have no such chart."
    elif _NOT_ADDED.search(error) and not release.chart.endswith(".tgz"):
        allowed, docs = f"a repository that this machine knows: {_login(release, section)}", LOGIN_DOCS
    return _release_finding(
        "REN003",
        release,
        setting="chart",
        given=f"{release.name} {release.version} from {release.repository or release.chart}",
        allowed=allowed,
        why=f"{why} Helm: {' '.join(error.split())}",
        docs=docs,
    )


def _login(release: Release, section: str) -> str:
    """The commands that store a login for a release's chart on this machine."""
    where = redacted(release.repository or release.chart)
    if where.startswith("oci://"):
        return f"`helm registry login {where.split('/')[2]}`"
    if release.repository:
        added = f"`helm repo add NAME {where} --username USER --password-stdin`"
        return f'{added} and {section}repository "@NAME"'
    name = where.partition("/")[0]
    return f"`helm repo add {name} URL --force-update --username USER --password-stdin`, and `helm repo update {name}`"


def provider_not_configured(release: Release) -> Finding:
    """The finding about a release whose provider is not configured yet."""
    return _release_finding(
        "REN004",
        release,
        severity="note",
        allowed="a provider whose configuration is known at preview",
        why="The configuration of the Kubernetes provider is known only during `pulumi up`. The chart is not rendered "
        "now, and its objects are listed as of the last update.",
    )


def monitor_undecided(setting: str) -> Finding:
    """The finding about a monitor that is ``auto`` although no cluster can decide it.

    Args:
        setting: its path in the configuration.
    """
    return Finding(
        code="REN005",
        severity="error",
        path=setting,
        given="auto",
        allowed="true or false; or apiVersions, the list of optional APIs that the cluster serves",
        why="Files are written without a cluster, and what `auto` means depends on the APIs that the cluster serves.",
        docs=f"{FILES_DOCS}#monitors",
    )


def unstable_objects(release: Release, objects: Sequence[str]) -> Finding:
    """The finding about objects that render differently every time.

    Args:
        release: the release that was rendered.
        objects: the objects, each with the field that differs.
    """
    return _release_finding(
        "REN006",
        release,
        given=f"{release.name} {release.version} with {listed(objects)}",
        allowed="values that name an existing Secret or certificate, or that set what the chart would generate",
        why="These objects render differently every time. The files would change for no reason, and applying them "
        "would change the cluster every time.",
        docs=REFUSED_DOCS,
    )


def secret_contents(release: Release, secrets: Sequence[str]) -> Finding:
    """The finding about Secrets whose contents would be in the files.

    Args:
        release: the release that was rendered.
        secrets: the Secrets.
    """
    return _release_finding(
        "REN007",
        release,
        given=f"{release.name} {release.version} with {listed(secrets)}",
        allowed="values that name an existing Secret",
        why="Files are kept in Git, where many people read them. The contents of a Secret do not belong there.",
        docs=REFUSED_DOCS,
    )


def missing_apis(release: Release, kinds: Mapping[str, Sequence[str]]) -> Finding:
    """The finding about objects whose API the cluster does not serve.

    Args:
        release: the release that was rendered.
        kinds: the kinds of these objects, by API version.
    """
    created = listed([f"{kind} ({api})" for api, names in kinds.items() for kind in names])
    return Finding(
        code="REN008",
        severity="error",
        path="apiVersions",
        given=f"no {listed(list(kinds))}",
        allowed=f"{listed(list(kinds))} in the list, if the cluster serves it; else settings without these objects",
        why=f"{release.name} creates {created}. If the cluster does not serve that, the update fails with "
        '"no matches for kind".',
        docs="docs/configuration.md#settings",
    )


def refused_field(release: Release, resource: str, field: str, *, value: str, given: str, allowed: str) -> Finding:
    """The finding about a field of a custom resource that the API server would refuse.

    Args:
        release: the release that was rendered.
        resource: the custom resource.
        field: the path of the field in it.
        value: the path of the chart's value that it comes from; empty if that is not known.
        given: the field's content.
        allowed: what the CRD allows.
    """
    return _release_finding(
        "REN009",
        release,
        setting=f"values.{value}" if value else "values",
        given=given,
        allowed=allowed,
        why=f"It becomes {field} of {resource} in {release.name} {release.version}. The chart's CRD does not allow "
        "that, so the API server would refuse the object, and the release would fail.",
    )


def _release_finding(
    code: str,
    release: Release,
    *,
    severity: Severity = "error",
    setting: str = "values",
    given: str = "",
    allowed: str,
    why: str,
    docs: str = RENDERING_DOCS,
) -> Finding:
    """A finding about a setting of a release; ``given`` defaults to the release's name and version."""
    return Finding(
        code=code,
        severity=severity,
        path=f"{_SECTIONS.get(release.name, '')}{setting}",
        given=given or f"{release.name} {release.version}",
        allowed=allowed,
        why=why,
        docs=docs,
    )


def _failed_template(chart: Path, error: str) -> str:
    """The content of the template that an error names; empty if the chart is not on this machine."""
    named = re.search(r"[\w./-]+/templates/[\w./-]+", error)
    if named and chart.is_file():
        with tarfile.open(chart) as archive:
            content = archive.extractfile(named[0]) if named[0] in archive.getnames() else None
            return content.read().decode() if content else ""
    template = chart / (named[0].partition("/")[2] if named else "")
    return template.read_text(encoding="utf-8") if template.is_file() else ""


def _mentioned_value(values: Mapping[str, Any], error: str) -> str:
    """The longest path of a value in an error; empty if there is none.

    Top-level keys do not count: they are common words, which an error may use in another sense.
    """
    paths = (path for leaf, _ in walk(values) for path in (*parents(leaf), leaf))
    return max((path for path in paths if "." in path and path in error), key=len, default="")
