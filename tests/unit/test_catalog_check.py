"""`make catalog-check`: what it prints of a new release is all that the catalog needs to plan with it."""

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from dynamo_platform import PlatformConfig, make_plan
from dynamo_platform.catalog import archive, keys, load
from dynamo_platform.catalog.archive import read_chart
from dynamo_platform.catalog.check import compare_chart, main
from dynamo_platform.catalog.model import Kind
from dynamo_platform.catalog.platform import Minor
from dynamo_platform.catalog.reading import read as read_row
from dynamo_platform.trees import nested
from dynamo_platform.versions import Version

DEPENDENCIES = [
    {"name": "dynamo-operator", "version": "1.8.0"},
    {"name": "nats", "version": "1.3.2"},
    {"name": "etcd", "version": "12.0.18"},
    {"name": "snapshot", "version": "0.1.0"},
    {"name": "kai-scheduler", "version": "v0.18.0"},
    {"name": "grove-charts", "alias": "grove", "version": "v0.1.0-alpha.15"},
]

Files = dict[str, str]


def write(folder: Path, files: Files) -> Path:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def packed(path: Path, files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{path.name}/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def with_recorded_keys(chart: str, version: str, but: dict[str, Kind | None]) -> Files:
    """A chart's files that have the recorded keys of a version, but for some that take something else or are gone."""
    defaults: dict[Kind | None, Any] = {"boolean": False, "number": 1, "text": "", "list": [], "map": {}}
    kinds: dict[str, Kind | None] = {**keys.recorded(chart)[Version.parse(version)], **but}
    # What has no default in values.yaml is null there.
    unlisted = [path for path, kind in kinds.items() if kind == "any" and "-" not in path]
    listed = {path: kind for path, kind in kinds.items() if kind not in {"chart", None} and path not in unlisted}
    values = nested({path: defaults.get(kind) for path, kind in listed.items()})
    read = [*unlisted, *listed]
    own = [path for path in read if not path.startswith("dynamo-operator.")]
    operators = [path.removeprefix("dynamo-operator.") for path in read if path not in own]
    files = {"values.yaml": yaml.safe_dump(values), "templates/reads.yaml": _reading(own)}
    subchart = {
        "charts/dynamo-operator/Chart.yaml": "{}",
        "charts/dynamo-operator/templates/reads.yaml": _reading(operators),
    }
    return files | (subchart if operators else {})


def _reading(paths: list[str]) -> str:
    """A template that reads these values; a name with a dash, by the map that it is in."""
    maps = (path.partition("-")[0].rpartition(".")[0] if "-" in path else path for path in paths)
    return "\n".join(f"{{{{ .Values.{path} }}}}" for path in maps if path)


def platform(version: str, **changes: Any) -> Files:
    """The chart of a made-up platform version: 1.6.0's keys, but for one that is new and one that is gone."""
    chart = {"name": "dynamo-platform", "version": version, "kubeVersion": ">=1.30.0-0", "dependencies": DEPENDENCIES}
    moved: dict[str, Kind | None] = {"dynamo-operator.lpx.replicas": "number", "dynamo-operator.upgradeCRD": None}
    return {"Chart.yaml": yaml.safe_dump(chart | changes), **with_recorded_keys("dynamo-platform", "1.6.0", moved)}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "dynamo-platform", platform("1.8.0"))
    return tmp_path


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the recorded keys that a test may add to."""
    copy = tmp_path / "keys"
    shutil.copytree(keys.RECORDINGS, copy)
    monkeypatch.setattr(keys, "RECORDINGS", copy)
    keys.recorded.cache_clear()
    yield copy
    monkeypatch.undo()
    keys.recorded.cache_clear()


def test_new_minor_gets_its_row_and_its_keys(folder: Path) -> None:
    result = run("--json", str(folder))
    assert result.exit_code == 1
    [chart] = json.loads(result.stdout)["charts"]
    assert (chart["chart"], chart["version"], chart["differs"]) == ("dynamo-platform", "1.8.0", [])
    minor, version, recording = chart["add"]
    assert (minor["file"], minor["to"]) == ("platform.json", "minors")
    assert minor["value"] == {
        "minor": "1.8",
        "kai_scheduler": {"bundled": "v0.18.0", "pick": "v0.18.0", "first": "v0.18.0", "sure": "inferred"},
        "grove": {
            "bundled": "v0.1.0-alpha.15",
            "pick": "v0.1.0-alpha.15",
            "first": "v0.1.0-alpha.15",
            "sure": "inferred",
        },
        "source": "https://github.com/ai-dynamo/dynamo/tree/v1.8.0/deploy/helm/charts/platform",
    }
    assert (version["file"], version["to"], version["value"]) == ("platform.json", "versions", "1.8.0")
    assert (recording["file"], recording["to"]) == ("keys/dynamo-platform.json", "1.8.0")
    assert recording["value"]["came"] == {"dynamo-operator.lpx.replicas": "number"}
    assert recording["value"]["went"] == ["dynamo-operator.upgradeCRD"]


def changed(row: Any, **fields: Any) -> Any:
    """A row of the catalog with other fields."""
    return type(row)(**vars(row) | fields)


def test_rows_that_are_printed_are_enough_to_plan_with(folder: Path, recordings: Path) -> None:
    minor, version, recording = compare_chart(read_chart(folder / "dynamo-platform"), load()).add
    file = recordings / "dynamo-platform.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {recording.to: recording.value}))
    keys.recorded.cache_clear()
    row: Minor = read_row(Minor, minor.value, "minors")
    platform = load().platform
    versions = (*platform.versions, Version.parse(version.value))
    catalog = changed(load(), platform=changed(platform, minors=(*platform.minors, row), versions=versions))

    values = {"dynamo-operator": {"lpx": {"replicas": 2}, "upgradeCRD": False}}
    plan = make_plan(PlatformConfig(version="1.8.0", profile="development", values=values), catalog, stack=True)

    assert [(release.chart, release.version) for release in plan.releases] == [("dynamo-platform", "1.8.0")]
    [finding] = [finding for finding in plan.findings if finding.code == "KEY001"]
    assert finding.path == "values.dynamo-operator.upgradeCRD"
    assert finding.why.endswith("1.6.0 is the last version that reads it.")


def test_archives_are_read_like_folders(tmp_path: Path) -> None:
    files = platform("1.8.0")
    write(tmp_path / "folders" / "dynamo-platform", files)
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "a.tgz").write_bytes(packed(Path("dynamo-platform"), files))
    assert run(str(tmp_path / "archives")).stdout == run(str(tmp_path / "folders")).stdout


def test_known_version_that_agrees_has_nothing_to_add(tmp_path: Path) -> None:
    chart = {"Chart.yaml": "{name: kai-scheduler, version: v0.17.0}"}
    files = chart | with_recorded_keys("kai-scheduler", "v0.17.0", {})
    write(tmp_path / "kai-scheduler", files)
    result = run(str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "kai-scheduler v0.17.0: nothing to add\n")


def test_new_patch_goes_into_its_minor(tmp_path: Path) -> None:
    write(tmp_path / "dynamo-platform", platform("1.6.3"))
    minor, recording = compare_chart(read_chart(tmp_path / "dynamo-platform"), load()).add
    assert (minor.to, minor.value) == ("versions", "1.6.3")
    assert recording.to == "1.6.3"


def test_row_without_bundled_versions_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "dynamo-platform", platform("1.7.0"))
    comparison = compare_chart(read_chart(tmp_path / "dynamo-platform"), load())
    minor = comparison.add[0]
    assert (minor.file, minor.to) == ("platform.json", "minors, instead of 1.7")
    assert (minor.value["minor"], minor.value["grove"]["bundled"]) == ("1.7", "v0.1.0-alpha.15")
    assert comparison.differs == ()


def test_what_the_catalog_has_otherwise_is_said(tmp_path: Path) -> None:
    write(tmp_path / "dynamo-platform", platform("1.6.0", kubeVersion=">= 1.31.0"))
    comparison = compare_chart(read_chart(tmp_path / "dynamo-platform"), load())
    assert comparison.add == ()
    assert comparison.differs == (
        "bundles kai-scheduler v0.18.0; the catalog has v0.17.0 for 1.6",
        "bundles grove v0.1.0-alpha.15; the catalog has v0.1.0-alpha.14 for 1.6",
        "needs Kubernetes 1.31; the catalog has 1.30",
        "key +dynamo-operator.lpx.replicas, compared with 1.6.0",
        "key -dynamo-operator.upgradeCRD, compared with 1.6.0",
    )


def test_keys_are_what_values_list_and_what_templates_read_besides(tmp_path: Path) -> None:
    reads = "{{ .Values.c.d }}{{ .Values.a }}{{ with .Values.nested }}{{ .b }}{{ end }}"
    operator = {"Chart.yaml": "{}", "values.yaml": "a: 1\nnested: {b: text}\n", "templates/x.yaml": reads}
    files = {
        "Chart.yaml": """
            {name: x, version: 1.0.0, dependencies: [{name: dynamo-operator, version: 1},
             {name: nats, version: 1, condition: top.nats}]}
            """,
        "values.yaml": """
            top: {flag: true, list: [1], free: {}, none: null, enabled: null, labels: {a.b/c: d}, whole: {e: f},
                  dead: 1, nats: false}
            dynamo-operator: {a: text}
            """,
        "templates/_x.tpl": """
            {{- /* .Values.in.a.comment */}} {{ fail ".Values.in.text" }} {{ if hasKey .Values.gone "key" }}{{ end }}
            # {{ .Values.in.a.line }}
            {{ toYaml .Values.top.whole }} {{ $.Values.read }} {{ .Values.top.flag }} {{ .Values.top.labels.x }}
            image: "{{ .Values.quoted }}:{{ include "tag" (dict "tag" .Values.also.quoted) }}"
            {{ .Values.top.list }} {{ .Values.top.free }} {{ .Values.top.none }} {{ .Values.top.enabled }}
            """,
        "templates/data.json": "{{ .Values.other }}",
        **{f"charts/dynamo-operator/{path}": text for path, text in operator.items()},
    }
    assert dict(sorted(read_chart(write(tmp_path, files)).keys.items())) == {
        "also.quoted": "any",
        "dynamo-operator.a": "text",
        "dynamo-operator.c.d": "any",
        "dynamo-operator.nested.b": "text",
        "nats": "chart",
        "other": "any",
        "quoted": "any",
        "read": "any",
        "top.enabled": "auto",
        "top.flag": "boolean",
        "top.free": "map",
        "top.labels": "map",
        "top.list": "list",
        "top.nats": "boolean",
        "top.none": "any",
        "top.whole": "map",
    }


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "contains no charts"),
        ({"a.tgz": "no archive"}, "is not a Helm chart"),
        ({"a/Chart.yaml": "{version: 1.0.0}"}, "is not a Helm chart"),
        ({"a/Chart.yaml": "{name: nginx, version: 1.0.0}"}, "is not a chart of the catalog"),
        ({"a/Chart.yaml": "{name: kai-scheduler, version: latest}"}, "is not a semantic version"),
        ({"a/Chart.yaml": "{name: dynamo-platform, version: 1.8.0}"}, "does not declare the dependency kai-scheduler"),
    ],
)
def test_folder_without_usable_charts_is_refused(tmp_path: Path, files: Files, message: str) -> None:
    result = run(str(write(tmp_path, files)))
    assert result.exit_code == 2
    assert message in result.output


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"Chart.yaml": "{name: kai-scheduler, version: 1.0.0}", "values.yaml": "a: 1"}
    (tmp_path / "a.tgz").write_bytes(packed(Path("a"), files))
    size = sum(map(len, files.values()))
    monkeypatch.setattr(archive, "MAX_BYTES", size)
    assert read_chart(tmp_path / "a.tgz").name == "kai-scheduler"

    monkeypatch.setattr(archive, "MAX_BYTES", size - 1)
    with pytest.raises(ValueError, match=f"unpacks to more than {size - 1} bytes"):
        read_chart(tmp_path / "a.tgz")


def test_help_says_what_the_exit_codes_mean() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "Exits with 0" in result.stdout
