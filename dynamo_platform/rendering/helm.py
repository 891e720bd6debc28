"""Charts rendered with the ``helm`` on PATH, for commands that run without a Pulumi engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dynamo_platform.config.yamltext import ManifestLoader
from dynamo_platform.errors import UserError
from dynamo_platform.findings import Finding, PlatformError
from dynamo_platform.planning.model import Release, Rendering

from .apis import check_apis
from .objects import Key, Manifest, Object, read_objects
from .refusals import chart_not_fetched, template_failed
from .schemas import check_schemas


class HelmError(UserError):
    """There is no ``helm`` to render with."""


class RenderedRelease(NamedTuple):
    """A release's manifests, rendered twice.

    Attributes:
        release: the release.
        first: the manifests if the cluster serves every optional API.
        again: the manifests if the cluster serves only the APIs that it is known to serve.
        crds: names of the CustomResourceDefinitions in the chart's ``crds/`` folder.
    """

    release: Release
    first: Sequence[Manifest]
    again: Sequence[Manifest]
    crds: frozenset[str]

    @property
    def objects(self) -> dict[Key, Object]:
        """The objects that the release creates in the cluster."""
        return read_objects(self.first, self.again, self.release.namespace, hooks=self.release.hooks, crds=self.crds)


def version() -> str:
    """The version of the ``helm`` on PATH, such as ``v3.18.6``.

    Raises:
        HelmError: there is none.
    """
    _require_helm()
    return _run_helm(["version", "--template={{.Version}}"]).stdout.strip()


def _require_helm() -> None:
    if shutil.which("helm") is None:
        raise HelmError(
            "There is no `helm` on PATH, which is needed to render charts. To install it: https://helm.sh/docs/intro/install/"
        )


def render_releases(
    releases: Iterable[Release], rendering: Rendering, *, project: Path
) -> tuple[list[RenderedRelease], list[Finding]]:
    """Render releases in parallel, each of them twice, with the CRDs of the charts' ``crds/`` folders.

    Args:
        releases: the releases to render.
        rendering: the cluster to render for.
        project: the folder that paths of local charts are relative to.

    Returns:
        The rendered releases, and a warning about each release that only a cluster can render.

    Raises:
        HelmError: there is no ``helm``.
        PlatformError: charts cannot be fetched or rendered; the exception has a finding for each.
    """
    _require_helm()
    with ThreadPoolExecutor() as pool:
        rendered = list(pool.map(lambda each: render_release(each, rendering, project=project), releases))
    findings = [finding for each in rendered if isinstance(each, list) for finding in each]
    if any(finding.severity == "error" for finding in findings):
        raise PlatformError(findings)
    return [each for each in rendered if isinstance(each, RenderedRelease)], findings


def render_release(release: Release, rendering: Rendering, *, project: Path) -> RenderedRelease | list[Finding]:
    """Render one release, or return the reasons why it cannot be rendered. Arguments as for :func:`render_releases`."""
    chart = project / release.chart
    if chart.exists():
        return _template(release, rendering, chart)
    with tempfile.TemporaryDirectory() as folder:
        pull = ["pull", f"--version={release.version}", f"--destination={folder}"]
        repository = [f"--repo={release.repository}"] if release.repository else []
        # After `--`, a chart's name that starts with a dash is not an option.
        pulled = _run_helm([*pull, *repository, "--", release.chart])
        if pulled.returncode:
            return [chart_not_fetched(release, pulled.stderr)]
        (chart,) = Path(folder).iterdir()
        return _template(release, rendering, chart)


def _template(release: Release, rendering: Rendering, chart: Path) -> RenderedRelease | list[Finding]:
    command = [
        "template",
        release.name,
        str(chart),
        f"--namespace={release.namespace}",
        f"--kube-version={rendering.kubernetes_version}",
        *(f"--api-versions={api}" for api in rendering.api_versions),
        "--include-crds",
        "--values=-",
    ]
    values = json.dumps(release.values)
    first = _run_helm([*command, *(f"--api-versions={api}" for api in rendering.open_apis)], values)
    again = _run_helm(command, values)
    if first.returncode or again.returncode:
        return [template_failed(release, first.stderr or again.stderr, chart)]
    by_file = list(_parse_manifests(first.stdout))
    manifests = [manifest for _, manifest in by_file]
    known = manifests if first.stdout == again.stdout else [manifest for _, manifest in _parse_manifests(again.stdout)]
    if findings := [*check_apis(release, known, rendering), *check_schemas(release, [*manifests, *known])]:
        return findings
    return RenderedRelease(
        release,
        manifests,
        known,
        frozenset(manifest["metadata"]["name"] for file, manifest in by_file if re.search("(^|/)crds/", file)),
    )


def _parse_manifests(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each manifest with its file in the chart, which Helm writes in a comment above it."""
    file = ""
    for document in re.split(r"^---$", text, flags=re.MULTILINE):
        # If a file starts with a `---` of its own, Helm's comment is alone in the document before it.
        file = found[1] if (found := re.search(r"^# Source: (.*)$", document, re.MULTILINE)) else file
        if manifest := yaml.load(document, Loader=ManifestLoader):  # noqa: S506  a safe loader
            yield file, manifest


def _run_helm(arguments: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["helm", *arguments], input=text, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
