"""The ``helm`` on PATH: what renders charts where there is no engine."""

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

from .objects import Key, Manifest, Object, read
from .refusals import refused, unfetched


class HelmError(UserError):
    """There is no ``helm`` to render with."""


class Rendered(NamedTuple):
    """A release's manifests.

    Attributes:
        release: which.
        first: with the optional APIs about which nothing is known.
        again: without them.
        crds: the names of the CustomResourceDefinitions that lie in its ``crds/`` folder.
    """

    release: Release
    first: Sequence[Manifest]
    again: Sequence[Manifest]
    crds: frozenset[str]

    @property
    def objects(self) -> dict[Key, Object]:
        """What the release puts into the cluster."""
        return read(self.first, self.again, self.release.namespace, hooks=self.release.hooks, crds=self.crds)


def version() -> str:
    """The version of the ``helm`` on PATH, such as ``v3.18.6``.

    Raises:
        HelmError: there is none.
    """
    _require()
    return _run(["version", "--template={{.Version}}"]).stdout.strip()


def _require() -> None:
    if shutil.which("helm") is None:
        raise HelmError(
            "There is no `helm` on PATH, which renders the charts. How to get it: https://helm.sh/docs/intro/install/"
        )


def render(releases: Iterable[Release], rendering: Rendering, *, project: Path) -> tuple[list[Rendered], list[Finding]]:
    """Render releases, each chart twice and side by side, with the CRDs of its ``crds/`` folder.

    Args:
        releases: what to render.
        rendering: the cluster that is assumed.
        project: the folder that paths of local charts are relative to.

    Returns:
        What could be rendered, and a warning about each release that only a cluster can render.

    Raises:
        HelmError: there is no ``helm``.
        PlatformError: every chart that cannot be fetched or rendered.
    """
    _require()
    with ThreadPoolExecutor() as pool:
        rendered = list(pool.map(lambda each: attempt(each, rendering, project=project), releases))
    findings = [each for each in rendered if isinstance(each, Finding)]
    if any(finding.severity == "error" for finding in findings):
        raise PlatformError(findings)
    return [each for each in rendered if isinstance(each, Rendered)], findings


def attempt(release: Release, rendering: Rendering, *, project: Path) -> Rendered | Finding:
    """Render one release, or say why that is not possible; arguments as for :func:`render`."""
    with tempfile.TemporaryDirectory() as folder:
        return _rendered(release, rendering, project, Path(folder))


def _rendered(release: Release, rendering: Rendering, project: Path, folder: Path) -> Rendered | Finding:
    chart = project / release.chart
    if not chart.exists():
        (folder / release.name).mkdir()
        pull = ["pull", f"--version={release.version}", f"--destination={folder / release.name}"]
        repository = [f"--repo={release.repository}"] if release.repository else []
        # Whatever a chart's name begins with, it is no option.
        pulled = _run([*pull, *repository, "--", release.chart])
        if pulled.returncode:
            return unfetched(release, pulled.stderr)
        (chart,) = (folder / release.name).iterdir()
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
    first = _run([*command, *(f"--api-versions={api}" for api in rendering.open_apis)], values)
    again = _run(command, values)
    if first.returncode or again.returncode:
        return refused(release, first.stderr or again.stderr, chart)
    by_file = list(_manifests(first.stdout))
    manifests = [manifest for _, manifest in by_file]
    return Rendered(
        release,
        manifests,
        manifests if first.stdout == again.stdout else [manifest for _, manifest in _manifests(again.stdout)],
        frozenset(manifest["metadata"]["name"] for file, manifest in by_file if re.search("(^|/)crds/", file)),
    )


def _manifests(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Manifests, and the chart's file that each is from, which Helm writes above it."""
    file = ""
    for document in re.split(r"^---$", text, flags=re.MULTILINE):
        # A file that starts with a `---` of its own leaves Helm's comment alone in the document before.
        file = found[1] if (found := re.search(r"^# Source: (.*)$", document, re.MULTILINE)) else file
        if manifest := yaml.load(document, Loader=ManifestLoader):  # noqa: S506  a safe loader
            yield file, manifest


def _run(arguments: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *arguments], input=text, capture_output=True, text=True, check=False)
