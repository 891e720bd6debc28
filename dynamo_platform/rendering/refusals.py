"""What there is to say about a chart that cannot be rendered."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dynamo_platform.findings import Finding, shown
from dynamo_platform.planning.model import Release
from dynamo_platform.trees import value_at

DOCS = "docs/objects.md#when-a-chart-cannot-be-rendered"

_ASKS_CLUSTER = ('lookup "', "not found in namespace")
"""Parts of a template's error where it wants an object of the cluster, which no rendering asks."""

_SECTIONS = {"kai-scheduler": "kaiScheduler.", "grove": "grove."}
"""Where the configuration has a release; the platform's is the top level."""


def refused(release: Release, error: str, chart: Path) -> Finding:
    """The finding about a chart whose templates fail.

    Args:
        release: what was rendered.
        error: Helm's text.
        chart: the chart's archive or folder; where it is on this machine, the template that failed is read.
    """
    section, text = _SECTIONS.get(release.name, ""), " ".join(error.split())
    nothing_found = "nil pointer" in text and "lookup" in _template(chart, text)
    if nothing_found or any(part in text for part in _ASKS_CLUSTER):
        return Finding(
            code="REN002",
            severity="warning",
            path=f"{section}values",
            given=f"{release.name} {release.version}",
            allowed="a chart that renders without a cluster",
            why="A template asks the cluster for something: its release may install, its objects cannot be listed. "
            f"Helm: {text}",
            docs=DOCS,
        )
    key = max((path for path in _paths(release.values) if path in text), key=len, default="")
    return Finding(
        code="REN001",
        severity="error",
        path=f"{section}values.{key}" if key else f"{section}values",
        given=shown(value_at(release.values, key)) if key else "the values of this plan",
        allowed=f"values that {release.name} {release.version} takes",
        why=f"The chart refuses them, and the release would fail. Helm: {text}",
        docs=DOCS,
    )


def unfetched(release: Release, error: str) -> Finding:
    """The finding about a chart that cannot be fetched."""
    section = _SECTIONS.get(release.name, "")
    return Finding(
        code="REN003",
        severity="error",
        path=f"{section}chart",
        given=f"{release.name} {release.version} from {release.repository or release.chart}",
        allowed=f"a chart within reach; {section}chart and {section}repository name another place, or a local archive",
        why=f"Without the chart nothing can be installed. Helm: {' '.join(error.split())}",
        docs=DOCS,
    )


def unconfigured(release: Release) -> Finding:
    """The finding about a release whose provider is not configured yet."""
    return Finding(
        code="REN004",
        severity="note",
        path=f"{_SECTIONS.get(release.name, '')}values",
        given=f"{release.name} {release.version}",
        allowed="a provider whose configuration is known at preview",
        why="The Kubernetes provider's configuration is known only at `pulumi up`: the chart is not rendered, and its "
        "objects are listed as they were.",
        docs=DOCS,
    )


def _template(chart: Path, error: str) -> str:
    """The template that an error names; nothing where the chart is not here."""
    named = re.search(r"[\w./-]+/templates/[\w./-]+", error)
    if named and chart.is_file():
        with tarfile.open(chart) as archive:
            content = archive.extractfile(named[0]) if named[0] in archive.getnames() else None
            return content.read().decode() if content else ""
    template = chart / (named[0].partition("/")[2] if named else "")
    return template.read_text(encoding="utf-8") if template.is_file() else ""


def _paths(values: Mapping[str, Any], *where: str) -> Iterator[str]:
    """Dotted paths of what stands in values, but not of the top level's words, which an error may mean otherwise."""
    for key, value in values.items():
        path = (*where, key)
        if len(path) > 1:
            yield ".".join(path)
        if isinstance(value, Mapping):
            yield from _paths(value, *path)


FILES = "docs/gitops.md"


def undecided(setting: str) -> Finding:
    """The finding about a monitor that is ``auto`` where there is no cluster to decide it.

    Args:
        setting: its path in the configuration.
    """
    return Finding(
        code="REN005",
        severity="error",
        path=setting,
        given="auto",
        allowed="true or false; or apiVersions, the list of optional APIs that the cluster serves",
        why="Files are written without a cluster, and what `auto` means depends on the APIs that it serves.",
        docs=f"{FILES}#monitors",
    )


def generated(release: Release, objects: Sequence[str]) -> Finding:
    """The finding about objects that a chart makes otherwise each time.

    Args:
        release: what was rendered.
        objects: which, each with the field that differs.
    """
    return Finding(
        code="REN006",
        severity="error",
        path=f"{_SECTIONS.get(release.name, '')}values",
        given=f"{release.name} {release.version} with {', '.join(objects)}",
        allowed="values that name a Secret or certificate that exists, or set what the chart would generate",
        why="The chart generates these anew each time: files would change without a reason, and applying them would "
        "change what runs.",
        docs=f"{FILES}#what-is-refused",
    )


def secret_contents(release: Release, secrets: Sequence[str]) -> Finding:
    """The finding about Secrets whose contents would be in the files.

    Args:
        release: what was rendered.
        secrets: which.
    """
    return Finding(
        code="REN007",
        severity="error",
        path=f"{_SECTIONS.get(release.name, '')}values",
        given=f"{release.name} {release.version} with {', '.join(secrets)}",
        allowed="values that name a Secret that exists",
        why="Files are kept in Git and read by many; a Secret's contents do not belong there.",
        docs=f"{FILES}#what-is-refused",
    )
