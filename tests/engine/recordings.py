"""Recorded behaviour of the real charts (`tests/data/renders`), and rendering of charts to compare with it."""

import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RENDERS = Path(__file__).parents[1] / "data" / "renders"
RELEASES = {
    "dynamo-platform": ("dynamo-platform", "dynamo-system"),
    "grove-charts": ("grove", "grove-system"),
    "kai-scheduler": ("kai-scheduler", "kai-scheduler"),
}
"""Release name and namespace of the recordings, per chart."""
KUBERNETES = "1.33.0"
"""Kubernetes version of the recordings, unless a case sets its own."""
MARKS = {
    "helm.sh/hook": "hook",
    "helm.sh/hook-weight": "weight",
    "helm.sh/hook-delete-policy": "deletePolicy",
    "helm.sh/resource-policy": "policy",
}
"""Helm's annotations that are compared, and their names in the recordings."""

_HASHED = re.compile(r"(?<=^grove-operator-cm-)[0-9a-f]{8}$")
_load_all: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True)
class Rendered:
    """The result of rendering a chart with one set of values."""

    fails: bool
    objects: frozenset[str]
    """Kind, API, name, namespace and Helm's marks of every object; a hash in a name is a `*`."""
    operator_config: Any
    hashes: frozenset[str]
    """The hashes that were replaced in the names."""


@dataclass(frozen=True)
class Case:
    """One set of values in a recording, and the result of the real chart."""

    name: str
    values: Mapping[str, Any]
    kubernetes: str
    apis: tuple[str, ...]
    expected: Rendered


@dataclass(frozen=True)
class Recording:
    """The recorded behaviour of one version of a real chart."""

    name: str
    chart: str
    version: str
    dependencies: frozenset[str]
    """Bundled charts, as returned by `described`."""
    cases: tuple[Case, ...]

    @classmethod
    def load(cls, name: str) -> "Recording":
        """Read `<name>.json`."""
        document = json.loads((RENDERS / f"{name}.json").read_text(encoding="utf-8"))
        return cls(
            name=name,
            chart=document["chart"],
            version=document["version"],
            dependencies=described(document["dependencies"]),
            cases=tuple(_cases(document["cases"])),
        )


def nearest(chart: str, version: str) -> Recording | None:
    """Return the newest recording of `chart` that is not newer than `version`."""
    recordings = [Recording.load(path.stem) for path in RENDERS.glob(f"{chart}-*.json")]
    older = [recording for recording in recordings if precedence(recording.version) <= precedence(version)]
    return max(older, key=lambda recording: precedence(recording.version), default=None)


def precedence(version: str) -> tuple[list[int], bool, list[tuple[bool, int, str]]]:
    """Return a sort key for semantic versions, with or without `v`: a pre-release sorts before its release."""
    core, _, pre = version.removeprefix("v").partition("-")
    identifiers = re.findall(r"\d+|[a-z]+", pre)
    return (
        [int(number) for number in core.split(".")],
        not pre,
        [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in identifiers],
    )


def metadata(archive: Path) -> dict[str, Any]:
    """Return the Chart.yaml of a chart archive."""
    with tarfile.open(archive) as files:
        for member in files:
            file = files.extractfile(member) if re.fullmatch(r"[^/]+/Chart\.yaml", member.name) else None
            if file is not None:
                document: dict[str, Any] = yaml.safe_load(file)
                return document
    raise ValueError(f"{archive} contains no Chart.yaml")


def described(dependencies: list[dict[str, Any]]) -> frozenset[str]:
    """Return bundled KAI Scheduler and Grove with version, alias and condition; only their objects are recorded."""
    return frozenset(
        " ".join(str(dependency[key]) for key in ("name", "version", "alias", "condition") if key in dependency)
        for dependency in dependencies
        if dependency["name"] in RELEASES
    )


def render(helm: str, archive: Path, chart: str, case: Case, home: Path) -> Rendered:
    """Render a chart archive with the values of a case; `home` replaces Helm's own folders."""
    release, namespace = RELEASES[chart]
    command = [helm, "template", release, str(archive), "--namespace", namespace, "--include-crds", "--values", "-"]
    command += ["--kube-version", case.kubernetes, *(f"--api-versions={api}" for api in case.apis)]
    homes = {f"HELM_{folder}_HOME": str(home) for folder in ("CACHE", "CONFIG", "DATA")}
    run = subprocess.run(
        command, input=json.dumps(case.values), env=os.environ | homes, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        return Rendered(fails=True, objects=frozenset(), operator_config=None, hashes=frozenset())
    documents = [document for document in yaml.load_all(run.stdout, Loader=_load_all) if document]
    configs = [
        yaml.safe_load(document["data"]["config.yaml"])
        for document in documents
        if document["kind"] == "ConfigMap" and document["metadata"]["name"].endswith("-dynamo-operator-config")
    ]
    return _rendered([_marked(document) for document in documents], configs[0] if configs else None)


def _cases(documents: list[dict[str, Any]]) -> Iterator[Case]:
    """Yield every case with its full list of objects; all but the first are recorded as changes to the first."""
    first = documents[0]
    for document in documents:
        objects = [item for item in first["objects"] if item not in document.get("removed", [])]
        config = document.get("operatorConfig", first.get("operatorConfig"))
        fails = document.get("fails", False)
        yield Case(
            name=document["case"],
            values=document["values"],
            kubernetes=document.get("kube", KUBERNETES),
            apis=tuple(document.get("apis", ())),
            expected=_rendered([], None, fails=True)
            if fails
            else _rendered(objects + document.get("added", []), config),
        )


def _rendered(objects: list[dict[str, str]], operator_config: Any, *, fails: bool = False) -> Rendered:
    return Rendered(
        fails=fails,
        objects=frozenset(
            " ".join([item["kind"], item["api"], _HASHED.sub("*", item["name"]), *_fields(item)]) for item in objects
        ),
        operator_config=operator_config,
        hashes=frozenset(found[0] for item in objects for found in _HASHED.finditer(item["name"])),
    )


def _fields(item: Mapping[str, str]) -> list[str]:
    return [f"{key}={item[key]}" for key in ("namespace", *MARKS.values()) if key in item]


def _marked(document: Mapping[str, Any]) -> dict[str, str]:
    """Return an object in the format of the recordings."""
    found = document["metadata"]
    annotations = found.get("annotations") or {}
    item = {"kind": document["kind"], "api": document["apiVersion"], "name": found["name"]}
    if "namespace" in found:
        item["namespace"] = found["namespace"]
    return item | {mark: annotations[key] for key, mark in MARKS.items() if key in annotations}
