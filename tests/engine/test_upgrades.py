"""Every upgrade from 1.0 to 1.6, separate and bundled: objects that are not kept, and served versions.

Run with the contract charts, and with the real ones in the folder `DYNAMO_CHARTS`. With `RECORD=1`, each upgrade
is recorded in the catalog (`make record`).
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition

from dynamo_platform.catalog.edges import VERIFIED
from dynamo_platform.versions import Version
from sandbox.sandbox import Sandbox
from sandbox.sources import Chart, ChartSource
from tests.engine import results
from tests.engine.engine import Engine
from tests.engine.recordings import metadata, precedence
from tests.engine.results import Uids, uids
from tests.engine.stacks import stack

pytestmark = pytest.mark.slow

HELM = "pulumi-resource-kubernetes"
"""Field manager of objects that Pulumi's Helm creates."""


def role(name: str, suffix: str = "") -> set[str]:
    return {f"ClusterRole {name}", f"ClusterRoleBinding {name}{suffix}"}


class Step(NamedTuple):
    """One step of the path."""

    platform: str
    """The prefix of the platform's version."""
    kai: str
    grove: str
    goes: set[str]
    """Objects that the platform and Grove remove or recreate."""
    workloads: dict[str, bool]
    """The served versions of DynamoGraphDeployment, and whether each is the storage version."""


OPERATOR = "dynamo-platform-dynamo-operator-dynamo-system"
BETA = {"v1alpha1": True, "v1beta1": False}
PATH = (
    Step("1.0.", "v0.13.4", "v0.1.0-alpha.6", set(), {"v1alpha1": True}),
    Step(
        "1.1.",
        "v0.13.4",
        "v0.1.0-alpha.8",
        # The chart's Secret becomes the operator's, from the first version that can omit it.
        {"Secret grove-webhook-server-cert", "ConfigMap grove-operator-cm-*"},
        {"v1alpha1": True},
    ),
    Step("1.2.", "v0.14.7", "v0.1.0-alpha.8", set(), BETA),
    Step("1.3.", "v0.14.7", "v0.1.0-alpha.8", set(), BETA),
    Step("1.4.", "v0.17.", "v0.1.0-alpha.12-rc1", role(f"{OPERATOR}-clustertopology-reader", "-binding"), BETA),
    Step(
        "1.5.",
        "v0.17.",
        "v0.1.0-alpha.13",
        role(f"{OPERATOR}-podsnapshotcontents", "-binding"),
        {"v1alpha1": False, "v1beta1": True},
    ),
    Step("1.6.", "v0.17.", "v0.1.0-alpha.14", set(), {"v1alpha1": False, "v1beta1": True}),
)
CONFIG_IS_NO_HOOK, KAI_LOOKS_UP = "v0.14.0", "v0.17.0"
"""The first KAI version that keeps kai-config, and the first that finds its reservation account and drops it."""


@dataclass(frozen=True)
class Every(ChartSource):
    """Return all archives in the folder, or all contract charts."""

    def collect(self, scratch: Path) -> list[Chart]:
        return self._read_folder(self.folder) if self.folder else super().collect(scratch)


SOURCES = {"contract": Every()}
if "DYNAMO_CHARTS" in os.environ:
    SOURCES["real"] = Every(Path(os.environ["DYNAMO_CHARTS"]))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("mode", ["separate", "bundled"])
def test_each_step_keeps_what_it_can(sandbox: Sandbox, engine: Engine, mode: str, source: str) -> None:
    sandbox.cluster.stop()
    sandbox.up(SOURCES[source])
    before: Uids = {}
    kai_before = ""
    from_helm: set[str] = set()
    installed: dict[str, str] = {}
    for step in PATH:
        if not newest(sandbox, "dynamo-platform", step.platform):
            continue  # upstream's chart of this minor version is not in the folder
        versions = {
            "version": newest(sandbox, "dynamo-platform", step.platform),
            "kai": newest(sandbox, "kai-scheduler", step.kai),
            "grove": newest(sandbox, "grove-charts", step.grove),
        }
        engine.configure(stack(mode, mode, versions, accept=["UPG008", *(["UPG020"] if source == "real" else [])]))
        started = monotonic()
        engine.up_bundled()
        seconds = round(monotonic() - started)

        bundled = bundled_versions(sandbox, versions["version"])
        kai = versions["kai"] if mode == "separate" else bundled["kai-scheduler"]
        now = uids(engine)
        definitions = engine.objects(CustomResourceDefinition)
        applied = {name for name, found in definitions.items() if HELM in managers(found)}
        if before:
            assert (versions, gone(before, now)) == (versions, step.goes | kai_goes(mode, kai_before, kai))
            # Helm does not upgrade `crds/`: new CRDs come from KAI's hook, an init container or an operator.
            assert applied == from_helm
        served = definitions["dynamographdeployments.nvidia.com"].spec.versions
        assert {version.name: version.storage for version in served if version.served} == step.workloads
        engine.assert_unchanged()
        charts = {"dynamo-platform": versions["version"], "kai-scheduler": kai}
        charts["grove"] = versions["grove"] if mode == "separate" else bundled["grove-charts"]
        if installed and "RECORD" in os.environ:
            archives = digests(sandbox, charts) if source == "real" else {}
            run = {"before": installed, "after": charts, "digests": archives, "seconds": seconds}
            record({"mode": mode, "charts": source} | run)
        before, kai_before, from_helm, installed = now, kai, applied, charts


def kai_goes(mode: str, before: str, now: str) -> set[str]:
    """Return the objects that KAI Scheduler and the hooks of the platform's chart remove or recreate."""
    goes = set()
    if precedence(before) < precedence(KAI_LOOKS_UP) <= precedence(now):
        goes |= role("kai-prometheus") | {"ServiceAccount kai-resource-reservation"}
    if mode == "bundled":
        goes |= {"Queue dynamo-default", "Queue dynamo"}
        if precedence(now) < precedence(CONFIG_IS_NO_HOOK):
            goes.add("Config kai-config")
    return goes


def newest(sandbox: Sandbox, chart: str, prefix: str) -> str:
    """Return the newest version of a sandbox chart with this prefix."""
    name = len(f"{chart}-")
    found = [path.stem[name:] for path in sandbox.paths.charts.glob(f"{chart}-{prefix}*.tgz")]
    return max(found, key=precedence, default="")


def bundled_versions(sandbox: Sandbox, platform: str) -> dict[str, str]:
    dependencies = metadata(sandbox.paths.charts / f"dynamo-platform-{platform}.tgz")["dependencies"]
    return {each["name"]: str(each["version"]) for each in dependencies}


def record(run: dict[str, Any]) -> None:
    """Write the record of a tested edge into the catalog; it replaces an older one of the same edge."""
    ends = [Version.parse(run[side]["dynamo-platform"]).minor_line for side in ("before", "after")]
    row = {"from_minor": ends[0], "to_minor": ends[1]} | run
    rows = json.loads(VERIFIED.read_text(encoding="utf-8"))
    same = ("from_minor", "to_minor", "mode", "charts")
    rows = [*(other for other in rows if any(other[key] != row[key] for key in same)), row]
    rows.sort(key=lambda each: (Version.parse(each["after"]["dynamo-platform"]), *(each[key] for key in same)))
    VERIFIED.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def digests(sandbox: Sandbox, charts: dict[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each chart's archive; a subchart is part of the platform's."""
    found = {}
    for name, version in charts.items():
        archive = sandbox.paths.charts / f"{'grove-charts' if name == 'grove' else name}-{version}.tgz"
        if not archive.exists():
            archive = sandbox.paths.charts / f"dynamo-platform-{charts['dynamo-platform']}.tgz"
        found[name] = hashlib.sha256(archive.read_bytes()).hexdigest()
    return found


def gone(before: Uids, now: Uids) -> set[str]:
    """Return kind and name of objects that were removed or recreated; a ConfigMap's hash is `*`."""
    return {re.sub(r"(?<=grove-operator-cm-).+", "*", title) for title in results.gone(before, now)}


def managers(found: Any) -> set[str]:
    return {entry.manager for entry in found.metadata.managedFields}
