"""Contract charts: small charts that behave like upstream's in everything that the module depends on.

Each folder of `sandbox/charts/` is one chart: `templates/`, default `values.yaml`, and `versions.yaml` with the changes
of each version. All versions are packaged from the same templates, which read the differences from `facts.yaml` in the
archive.
"""

import gzip
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SOURCES = Path(__file__).parent / "charts"
PUBLISHED = ("kai-scheduler", "grove-charts", "dynamo-platform")
"""The charts that the registry and the repository serve; the other folders are their dependencies."""


@dataclass(frozen=True)
class ChartVersion:
    """One version of a chart, as `versions.yaml` describes it."""

    chart: str
    version: str
    recorded: str | None
    """The recording in `tests/data/renders` that this version is tested against; None: written from documentation."""
    values: Mapping[str, Any]
    """Default values that differ from the chart's `values.yaml`."""
    facts: Mapping[str, Any]
    """The contents of `facts.yaml`, which the templates read."""
    crds: Mapping[str, Mapping[str, Any]]
    """The CRDs in `crds/` by name: kind, scope, versions, storage, status, scale, shortNames, keep, schema."""
    metadata: Mapping[str, Any]
    """Additional fields of Chart.yaml."""
    dependencies: Mapping[str, Mapping[str, Any]]
    """Bundled charts by name: version, condition, alias."""


def versions(chart: str) -> list[str]:
    """Known versions of `chart`, oldest first."""
    return [entry.version for entry in history(chart)]


@cache
def history(chart: str) -> tuple[ChartVersion, ...]:
    """Every known version of `chart`, oldest first: each row of `versions.yaml` merged over the rows above it."""
    rows = yaml.safe_load((SOURCES / chart / "versions.yaml").read_text(encoding="utf-8"))
    entries = []
    state: dict[str, Any] = {}
    for row in rows:
        state = merge(state, row.get("changes") or {})
        entries.append(
            ChartVersion(
                chart=chart,
                version=row["version"],
                recorded=row.get("recorded"),
                values=state.get("values", {}),
                facts=state.get("facts", {}),
                crds=state.get("crds", {}),
                metadata=state.get("metadata", {}),
                dependencies=state.get("dependencies", {}),
            )
        )
    return tuple(entries)


def find_version(chart: str, version: str) -> ChartVersion:
    """Return the description of one version.

    Raises:
        ValueError: the version is unknown; the message lists the known ones.
    """
    for entry in history(chart):
        if entry.version == version:
            return entry
    raise ValueError(f"{chart} {version}: no such contract chart; known versions: {', '.join(versions(chart))}")


def package(out: Path, versions: Mapping[str, Sequence[str]] | None = None) -> list[Path]:
    """Write reproducible archives `<chart>-<version>.tgz` into `out`, and return their paths.

    Args:
        out: the folder, created if it does not exist.
        versions: the versions of each chart; default: every known version of every published chart.
    """
    if versions is None:
        versions = {chart: [entry.version for entry in history(chart)] for chart in PUBLISHED}
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for chart, names in versions.items():
        for name in names:
            path = out / f"{chart}-{name}.tgz"
            path.write_bytes(_archive(chart, _files(chart, name)))
            paths.append(path)
    return paths


def merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply `patch` to `base` as a JSON merge patch (RFC 7386): maps merge, null removes, other values replace."""
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


@cache
def _files(chart: str, version: str) -> Mapping[str, bytes]:
    """Return the files of a chart archive, including bundled charts, by path within the chart's folder."""
    entry = find_version(chart, version)
    source = SOURCES / chart
    defaults = yaml.safe_load((source / "values.yaml").read_text(encoding="utf-8"))
    files = {
        "Chart.yaml": _yaml(_chart_yaml(entry)),
        "values.yaml": _yaml(merge(defaults, entry.values)),
        "facts.yaml": _yaml(entry.facts),
    }
    for template in sorted((source / "templates").iterdir()):
        files[f"templates/{template.name}"] = template.read_bytes()
    for name, crd in entry.crds.items():
        # `helm show crds` writes no separator of its own.
        files[f"crds/{name}.yaml"] = b"---\n" + _yaml(_crd(name, crd))
    for name, dependency in entry.dependencies.items():
        for path, content in _files(name, dependency["version"]).items():
            files[f"charts/{name}/{path}"] = content
    return files


def _chart_yaml(entry: ChartVersion) -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": entry.chart,
        "description": f"Contract chart: the objects of {entry.chart} {entry.version}, without its images.",
        "version": entry.version,
        "appVersion": entry.version,
        **entry.metadata,
        "dependencies": [{"name": name, **dependency} for name, dependency in entry.dependencies.items()],
    }


def _crd(name: str, crd: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CustomResourceDefinition whose schema accepts everything but what `schema` says."""
    schema = merge({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, crd.get("schema", {}))
    plural, group = name.split(".", 1)
    subresources: dict[str, Any] = {"status": {}} if crd.get("status", True) else {}
    if selector := crd.get("scale"):
        subresources["scale"] = {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": selector,
        }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "annotations": {"helm.sh/resource-policy": "keep"} if crd.get("keep") else {}},
        "spec": {
            "group": group,
            "scope": crd["scope"],
            "names": {
                "kind": crd["kind"],
                "listKind": f"{crd['kind']}List",
                "plural": plural,
                "singular": crd["kind"].lower(),
                "shortNames": crd.get("shortNames", []),
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == crd.get("storage", crd["versions"][0]),
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": subresources,
                }
                for version in crd["versions"]
            ],
        },
    }


def _yaml(document: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(dict(document), sort_keys=False).encode()


def _archive(chart: str, files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path, content in files.items():
            member = tarfile.TarInfo(f"{chart}/{path}")
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
