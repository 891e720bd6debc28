"""Contract charts as archives: their contents, and reproducibility. Without Helm."""

import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import charts


def files(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        return {
            member.name: content.read().decode()
            for member in tar.getmembers()
            if (content := tar.extractfile(member)) is not None
        }


def packaged(tmp_path: Path, chart: str, version: str) -> dict[str, str]:
    return files(charts.package(tmp_path, {chart: [version]})[0])


def chart_yaml(tmp_path: Path, chart: str, version: str) -> Any:
    return yaml.safe_load(packaged(tmp_path, chart, version)[f"{chart}/Chart.yaml"])


def test_versions_are_listed_oldest_first() -> None:
    assert charts.versions("kai-scheduler") == ["v0.13.0-rc1", "v0.13.4", "v0.14.7", "v0.17.0", "v0.17.2"]
    assert charts.versions("dynamo-platform") == [
        "1.0.1",
        "1.1.1",
        "1.2.1",
        "1.3.1",
        "1.4.2",
        "1.5.1",
        "1.6.1",
        "1.6.2",
    ]
    assert charts.versions("grove-charts")[-2:] == ["v0.1.0-alpha.14", "v0.2.0-beta1"]


def test_unknown_version_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"kai-scheduler 0\.17\.0: .*known versions: v0\.13\.0-rc1, .*v0\.17\.2"):
        charts.package(tmp_path, {"kai-scheduler": ["0.17.0"]})


def test_packaging_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first = charts.package(tmp_path / "a")
    charts._files.cache_clear()
    second = charts.package(tmp_path / "b")
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_version_of_every_published_chart_is_packaged_by_default(tmp_path: Path) -> None:
    expected = {f"{chart}-{version}.tgz" for chart in charts.PUBLISHED for version in charts.versions(chart)}
    assert {path.name for path in charts.package(tmp_path)} == expected


def test_leading_v_stays_in_the_chart_version(tmp_path: Path) -> None:
    chart = chart_yaml(tmp_path, "kai-scheduler", "v0.17.0")
    assert (chart["version"], chart["appVersion"]) == ("v0.17.0", "v0.17.0")


@pytest.mark.parametrize(
    ("platform", "kai", "grove"),
    [
        ("1.0.1", "v0.13.0-rc1", "v0.1.0-alpha.6"),
        ("1.1.1", "v0.13.4", "v0.1.0-alpha.8"),
        ("1.4.2", "v0.13.4", "v0.1.0-alpha.12-rc1"),
        ("1.5.1", "v0.17.0", "v0.1.0-alpha.13"),
        ("1.6.1", "v0.17.0", "v0.1.0-alpha.14"),
        ("1.6.2", "v0.17.0", "v0.1.0-alpha.14"),
    ],
)
def test_platform_bundles_the_charts_of_its_version(tmp_path: Path, platform: str, kai: str, grove: str) -> None:
    content = packaged(tmp_path, "dynamo-platform", platform)
    bundled = {
        name: yaml.safe_load(content[f"dynamo-platform/charts/{name}/Chart.yaml"])["version"]
        for name in ("dynamo-operator", "kai-scheduler", "grove-charts")
    }
    assert bundled == {"dynamo-operator": platform, "kai-scheduler": kai, "grove-charts": grove}


def test_every_dependency_has_a_condition(tmp_path: Path) -> None:
    for version in charts.versions("dynamo-platform"):
        dependencies = chart_yaml(tmp_path, "dynamo-platform", version)["dependencies"]
        assert all(dependency["condition"] for dependency in dependencies)


def test_nats_switch_moves_to_global_at_1_2(tmp_path: Path) -> None:
    conditions = {
        version: {dependency["name"]: dependency["condition"] for dependency in chart["dependencies"]}["nats"]
        for version in ("1.1.1", "1.2.1")
        for chart in [chart_yaml(tmp_path, "dynamo-platform", version)]
    }
    assert conditions == {"1.1.1": "nats.enabled", "1.2.1": "global.nats.install"}


def test_kubernetes_1_30_is_demanded_from_1_4_on(tmp_path: Path) -> None:
    demanding = [
        version
        for version in charts.versions("dynamo-platform")
        if chart_yaml(tmp_path, "dynamo-platform", version).get("kubeVersion") == ">=1.30.0-0"
    ]
    assert demanding == ["1.4.2", "1.5.1", "1.6.1", "1.6.2"]


def test_platform_definitions_leave_the_chart_at_1_3(tmp_path: Path) -> None:
    counts = {
        version: sum(path.startswith("dynamo-platform/charts/dynamo-operator/crds/") for path in content)
        for version in ("1.2.1", "1.3.1")
        for content in [packaged(tmp_path, "dynamo-platform", version)]
    }
    assert counts == {"1.2.1": 7, "1.3.1": 0}


def test_definition_keeps_names_scope_and_stored_version(tmp_path: Path) -> None:
    content = packaged(tmp_path, "dynamo-platform", "1.0.1")
    folder = "dynamo-platform/charts/dynamo-operator/crds"
    requests = yaml.safe_load(content[f"{folder}/dynamographdeploymentrequests.nvidia.com.yaml"])
    assert requests["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert requests["spec"]["names"]["shortNames"] == ["dgdr"]
    assert [(version["name"], version["storage"]) for version in requests["spec"]["versions"]] == [
        ("v1alpha1", False),
        ("v1beta1", True),
    ]


def test_row_inherits_from_the_rows_above() -> None:
    platform = charts.find_version("dynamo-platform", "1.6.1")
    assert platform.dependencies["kai-scheduler"]["version"] == "v0.17.0"
    assert platform.metadata == {"kubeVersion": ">=1.30.0-0"}
    assert platform.recorded is None


@pytest.mark.parametrize(
    ("base", "patch", "merged"),
    [
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({"a": 1}, {"a": {"b": None, "c": 3}}, {"a": {"c": 3}}),
        ({"a": {"b": 1}}, {"a": False}, {"a": False}),
    ],
)
def test_merge_follows_json_merge_patch(base: dict[str, Any], patch: dict[str, Any], merged: dict[str, Any]) -> None:
    assert charts.merge(base, patch) == merged
