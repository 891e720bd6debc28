"""The sandbox's chart server, as a client sees it."""

import base64
import hashlib
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import charts
from sandbox.paths import Paths
from sandbox.registry import Registry
from sandbox.sources import Chart, read_chart

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "sandbox")


@pytest.fixture
def registry(paths: Paths) -> Iterator[Registry]:
    registry = Registry(paths)
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> list[Chart]:
    wanted = {"kai-scheduler": ["v0.17.0"], "dynamo-platform": ["1.4.2", "1.5.1"]}
    return [read_chart(archive) for archive in charts.package(tmp_path_factory.mktemp("charts"), wanted)]


def get(
    registry: Registry, paths: Paths, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[bytes, Any]:
    context = ssl.create_default_context(cafile=str(paths.bundle))
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(f"{registry.repository}/{path}", method=method, headers=headers or {})  # noqa: S310  https
    with urllib.request.build_opener(*handlers).open(request, timeout=10) as answer:
        return answer.read(), answer.headers


def test_a_chart_is_pulled_from_the_registry(registry: Registry, paths: Paths, packaged: list[Chart]) -> None:
    registry.publish(packaged)
    registry.start()
    # Helm adds the chart's name.
    repository = f"v2/{registry.oci('kai-scheduler').split('/', 3)[3]}/kai-scheduler"
    _, headers = get(registry, paths, f"{repository}/manifests/v0.17.0", "HEAD")
    assert headers["Content-Type"] == MANIFEST
    manifest, _ = get(registry, paths, f"{repository}/manifests/{headers['Docker-Content-Digest']}")
    assert headers["Docker-Content-Digest"] == f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    (layer,) = json.loads(manifest)["layers"]
    archive, _ = get(registry, paths, f"{repository}/blobs/{layer['digest']}")
    assert archive == packaged[0].archive.read_bytes()
    assert layer["size"] == len(archive)
    config, _ = get(registry, paths, f"{repository}/blobs/{json.loads(manifest)['config']['digest']}")
    assert json.loads(config)["version"] == "v0.17.0"


def test_a_repository_lists_every_version(registry: Registry, paths: Paths, packaged: list[Chart]) -> None:
    registry.publish(packaged)
    registry.start()
    index = yaml.safe_load(get(registry, paths, "index.yaml")[0])
    entries = index["entries"]["dynamo-platform"]
    assert [entry["version"] for entry in entries] == ["1.4.2", "1.5.1"]
    archive, _ = get(registry, paths, entries[0]["urls"][0])
    assert hashlib.sha256(archive).hexdigest() == entries[0]["digest"]
    assert "kai-scheduler" not in index["entries"]


def test_a_private_registry_answers_only_with_the_login(
    registry: Registry, paths: Paths, packaged: list[Chart]
) -> None:
    registry.publish(packaged)
    registry.require_login("robot", "password")
    registry.start()
    for path in ("index.yaml", "v2/kai-scheduler/kai-scheduler/kai-scheduler/manifests/v0.17.0"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(registry, paths, path)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(registry, paths, path, headers=login("robot", "another"))
        assert get(registry, paths, path, headers=login("robot", "password"))[0]


def login(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def test_what_is_not_published_is_not_found(registry: Registry, paths: Paths, packaged: list[Chart]) -> None:
    registry.publish(packaged)
    registry.start()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(registry, paths, "v2/kai-scheduler/kai-scheduler/manifests/v0.1.0")


def test_a_chart_with_other_content_replaces_the_published_one(
    registry: Registry, paths: Paths, packaged: list[Chart], tmp_path: Path
) -> None:
    assert registry.publish(packaged) == []
    assert registry.publish(packaged) == []
    other = charts.package(tmp_path, {"kai-scheduler": ["v0.14.7"]})[0]
    changed = Chart("kai-scheduler", "v0.17.0", other)
    assert registry.publish([changed]) == [changed]
    manifest = json.loads((repository(paths) / "manifests" / "v0.17.0").read_bytes())
    assert manifest["layers"][0]["digest"] == f"sha256:{hashlib.sha256(other.read_bytes()).hexdigest()}"


def test_a_plus_sign_in_a_version_is_an_underscore_in_its_tag(
    registry: Registry, paths: Paths, packaged: list[Chart]
) -> None:
    registry.publish([Chart("kai-scheduler", "v0.17.0+nightly", packaged[0].archive)])
    assert (repository(paths) / "manifests" / "v0.17.0_nightly").exists()


def repository(paths: Paths) -> Path:
    return paths.served / "v2" / "kai-scheduler" / "kai-scheduler" / "kai-scheduler"


def test_the_server_keeps_its_port(registry: Registry) -> None:
    registry.publish([])
    registry.start()
    before = (registry.repository, registry.oci("kai-scheduler"))
    registry.stop()
    registry.start()
    assert (registry.repository, registry.oci("kai-scheduler")) == before
    assert before[1].endswith("/kai-scheduler/kai-scheduler")
