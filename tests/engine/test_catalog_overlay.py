"""Versions that this package does not know, installed with nothing but a file that `catalog add` writes."""

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from lightkube.resources.core_v1 import ConfigMap

from dynamo_platform.cli import main
from sandbox import charts
from sandbox.sandbox import Sandbox
from sandbox.sources import ChartSource
from tests.engine.archives import edit, pack, rows
from tests.engine.engine import Engine
from tests.engine.stacks import separate

VERSIONS = {"version": "1.8.0", "kai": "v0.19.0", "grove": "v0.2.0-beta1"}
TURBO = b"""\
apiVersion: v1
kind: ConfigMap
metadata: {name: turbo}
data: {turbo: {{ .Values.turbo | quote }}}
"""


def test_a_new_minor_is_installed_with_a_catalog_file_alone(
    sandbox: Sandbox, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = new_charts(tmp_path)
    sandbox.cluster.stop()
    sandbox.up(ChartSource(archives[0].parent))
    turbo = {"dynamo-operator": {"turbo": True}}
    engine.configure(separate(VERSIONS, catalog="catalog.json", values=turbo))
    monkeypatch.chdir(engine.folder)

    assert "CAT001" in check(1)
    added = CliRunner().invoke(main, ["catalog", "add", *map(str, archives)])
    assert added.exit_code == 0, added.output
    assert "added    edges.rows" in added.output
    assert "KEY001" not in check(0)

    engine.up()
    assert engine.releases() == {
        "kai-scheduler": ("v0.19.0", "deployed"),
        "grove": ("v0.2.0-beta1", "deployed"),
        "dynamo-platform": ("1.8.0", "deployed"),
    }
    assert engine.objects(ConfigMap)["dynamo-system/turbo"].data == {"turbo": "true"}
    engine.assert_unchanged()
    engine.destroy()


def check(code: int) -> str:
    result = CliRunner().invoke(main, ["check", "--stack", "test"])
    assert result.exit_code == code, result.output
    return result.output


def new_charts(folder: Path) -> list[Path]:
    """Contract charts of a platform 1.8.0 with a new key and of KAI Scheduler v0.19.0, and Grove's newest."""
    old = {"kai-scheduler": "v0.17.2", "dynamo-platform": "1.6.2", "grove-charts": VERSIONS["grove"]}
    packaged = charts.package(folder / "old", {chart: [version] for chart, version in old.items()})
    kai, platform = (rows(archive) for archive in packaged[:2])
    for files, prefix in ((kai, "kai-scheduler"), (platform, "dynamo-platform/charts/kai-scheduler")):
        edit(files, f"{prefix}/Chart.yaml", {"version": VERSIONS["kai"]})
    chart = yaml.safe_load(platform["dynamo-platform/Chart.yaml"])
    needed = [
        each | ({"version": VERSIONS["kai"]} if each["name"] == "kai-scheduler" else {})
        for each in chart["dependencies"]
    ]
    edit(platform, "dynamo-platform/Chart.yaml", {"version": VERSIONS["version"], "dependencies": needed})
    edit(platform, "dynamo-platform/charts/dynamo-operator/values.yaml", {"turbo": False})
    platform["dynamo-platform/charts/dynamo-operator/templates/turbo.yaml"] = TURBO
    new = folder / "new"
    new.mkdir()
    return [
        pack(kai, new / "kai-scheduler-v0.19.0.tgz"),
        pack(platform, new / "dynamo-platform-1.8.0.tgz"),
        Path(shutil.copy(packaged[2], new)),
    ]
