"""The charts that the sandbox serves, and the resulting configuration of a stack."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import charts
from sandbox.errors import SandboxError
from sandbox.paths import Paths
from sandbox.registry import Registry
from sandbox.sources import CONTRACT_CHARTS, Chart, ChartSource, store_charts
from sandbox.stack import sandbox_config


def package(folder: Path, name: str, version: str, file: str | None = None) -> None:
    content = yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version}).encode()
    with tarfile.open(folder / (file or f"{name}-{version}.tgz"), "w:gz") as archive:
        member = tarfile.TarInfo(f"{name}/Chart.yaml")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of charts whose versions sort differently as text."""
    for version in ("1.5.1", "1.10.0", "1.9.0"):
        package(tmp_path, "dynamo-platform", version)
    for version in ("v0.17.0", "v0.9.1"):
        package(tmp_path, "kai-scheduler", version)
    for version in ("v0.1.0-alpha.8", "v0.1.0-alpha.13"):
        package(tmp_path, "grove-charts", version)
    return tmp_path


def versions(found: list[Chart]) -> dict[str, str]:
    return {chart.name: chart.version for chart in found}


def test_a_folder_gives_the_newest_of_each_chart(folder: Path, tmp_path: Path) -> None:
    assert versions(ChartSource(folder).collect(tmp_path)) == {
        "dynamo-platform": "1.10.0",
        "kai-scheduler": "v0.17.0",
        "grove-charts": "v0.1.0-alpha.13",
    }


def test_a_final_version_is_newer_than_its_pre_releases(tmp_path: Path) -> None:
    for version in ("1.5.0-rc1", "1.5.0", "1.5.0-rc2"):
        package(tmp_path, "dynamo-platform", version)
    assert versions(ChartSource(tmp_path).collect(tmp_path)) == {"dynamo-platform": "1.5.0"}


def test_named_versions_replace_the_newest(folder: Path, tmp_path: Path) -> None:
    source = ChartSource.parse(str(folder), "1.5.1 v0.1.0-alpha.8")
    assert versions(source.collect(tmp_path)) == {
        "dynamo-platform": "1.5.1",
        "kai-scheduler": "v0.17.0",
        "grove-charts": "v0.1.0-alpha.8",
    }


def test_a_chart_is_known_by_its_own_metadata(tmp_path: Path) -> None:
    package(tmp_path, "grove-charts", "v0.1.0-alpha.8", file="anything.tgz")
    kept = store_charts(ChartSource(tmp_path).collect(tmp_path), tmp_path / "kept")
    assert [chart.archive.name for chart in kept] == ["grove-charts-v0.1.0-alpha.8.tgz"]


def test_a_missing_version_is_an_error_that_lists_what_there_is(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"(?s)version 0\.17\.0.*kai-scheduler v0\.17\.0"):
        ChartSource.parse(str(folder), "0.17.0").collect(tmp_path)


def test_two_versions_of_one_chart_are_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"two versions of dynamo-platform: 1\.5\.1 and 1\.9\.0"):
        ChartSource.parse(str(folder), "1.5.1 1.9.0").collect(tmp_path)


def test_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="is not a folder"):
        ChartSource(tmp_path / "absent").collect(tmp_path)


def test_a_folder_without_archives_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"contains no \.tgz file"):
        ChartSource(tmp_path).collect(tmp_path)


def test_an_archive_that_is_no_chart_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.tgz").write_bytes(b"no archive")
    with pytest.raises(SandboxError, match=r"broken\.tgz is not a packaged Helm chart"):
        ChartSource(tmp_path).collect(tmp_path)


def test_a_version_that_is_no_semantic_version_is_an_error(tmp_path: Path) -> None:
    package(tmp_path, "dynamo-platform", "latest")
    with pytest.raises(SandboxError, match="latest is not a semantic version"):
        ChartSource(tmp_path).collect(tmp_path)


def test_upstream_serves_no_local_chart_and_takes_no_versions(tmp_path: Path) -> None:
    assert ChartSource.parse("upstream", "").collect(tmp_path) == []
    with pytest.raises(SandboxError, match="VERSIONS is only for local charts"):
        ChartSource.parse("upstream", "1.5.1")


def test_contract_charts_are_served_in_every_version_and_choose_none(tmp_path: Path) -> None:
    found = CONTRACT_CHARTS.collect(tmp_path)
    served = {(chart.name, chart.version) for chart in found}
    assert served == {(name, version) for name in charts.PUBLISHED for version in charts.versions(name)}
    assert CONTRACT_CHARTS.select(found) == {}


def test_only_the_charts_of_the_last_source_are_kept(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    store_charts(ChartSource(folder).collect(tmp_path), kept)
    store_charts(ChartSource(folder, versions=("1.5.1",)).collect(tmp_path), kept)
    assert sorted(file.name for file in kept.iterdir()) == [
        "dynamo-platform-1.5.1.tgz",
        "grove-charts-v0.1.0-alpha.13.tgz",
        "kai-scheduler-v0.17.0.tgz",
    ]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    paths = Paths(tmp_path)
    paths.registry.mkdir()
    (paths.registry / "port").write_text("5000")
    return Registry(paths)


SEPARATE: dict[str, Any] = {
    "dynamo-platform:version": "1.5.1",
    "dynamo-platform:profile": "development",
    "dynamo-platform:kaiScheduler": {"mode": "separate", "version": "v0.17.0", "timeout": 60},
    "dynamo-platform:grove": {"mode": "separate", "version": "v0.1.0-alpha.13"},
}
CLUSTER = {"dynamo-platform:cluster": {"context": "kwok-dynamo-platform"}}


def test_contract_charts_override_the_sources_and_keep_the_versions(registry: Registry) -> None:
    assert sandbox_config(SEPARATE, CONTRACT_CHARTS, {}, registry) == {
        "dynamo-platform:version": "1.5.1",
        "dynamo-platform:profile": "development",
        "dynamo-platform:repository": "https://127.0.0.1:5000",
        "dynamo-platform:kaiScheduler": {
            "mode": "separate",
            "version": "v0.17.0",
            "timeout": 60,
            "repository": "oci://127.0.0.1:5000/kai-scheduler/kai-scheduler",
        },
        "dynamo-platform:grove": {
            "mode": "separate",
            "version": "v0.1.0-alpha.13",
            "repository": "oci://127.0.0.1:5000/ai-dynamo/grove",
        },
        **CLUSTER,
    }


def test_chosen_charts_override_the_versions_too(registry: Registry) -> None:
    chosen = {
        name: Chart(name, version, Path())
        for name, version in {"dynamo-platform": "1.0.1", "kai-scheduler": "v0.13.4"}.items()
    }
    config = sandbox_config(SEPARATE, CONTRACT_CHARTS, chosen, registry)
    assert config["dynamo-platform:version"] == "1.0.1"
    assert config["dynamo-platform:kaiScheduler"]["version"] == "v0.13.4"
    assert config["dynamo-platform:grove"]["version"] == "v0.1.0-alpha.13"


@pytest.mark.parametrize("mode", ["bundled", "external", "disabled", None])
def test_a_chart_without_a_release_of_its_own_is_left_alone(mode: str | None, registry: Registry) -> None:
    part = {"mode": mode} if mode else {}
    chosen = {"kai-scheduler": Chart("kai-scheduler", "v0.17.0", Path())}
    config = sandbox_config(SEPARATE | {"dynamo-platform:kaiScheduler": part}, CONTRACT_CHARTS, chosen, registry)
    assert config["dynamo-platform:kaiScheduler"] == part


def test_production_is_separate_by_default(registry: Registry) -> None:
    config = sandbox_config({"dynamo-platform:profile": "production"}, CONTRACT_CHARTS, {}, registry)
    assert config["dynamo-platform:grove"] == {"repository": "oci://127.0.0.1:5000/ai-dynamo/grove"}


def test_upstream_overrides_no_source(registry: Registry) -> None:
    assert sandbox_config(SEPARATE, ChartSource(upstream=True), {}, registry) == SEPARATE | CLUSTER
