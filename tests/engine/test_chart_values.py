"""Contract charts, and the real ones in the folder `DYNAMO_CHARTS`: they render for each plan, and have every key."""

import json
import os
import re
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
import yaml

from dynamo_platform import PlatformError, plan_of
from dynamo_platform.catalog import archive, load
from dynamo_platform.catalog.archive import ReadChart
from dynamo_platform.catalog.keys import Keys, nearest_recording, recorded
from dynamo_platform.catalog.model import Kind, PartName, PodSecurityLevel
from dynamo_platform.planning.model import Release, Rendering
from dynamo_platform.rendering.helm import RenderedRelease, render_release
from dynamo_platform.versions import Version
from sandbox import charts
from sandbox.sandbox import Sandbox
from tests.certificates import CERTIFICATE
from tests.engine.pod_security import level_of, pod_specs
from tests.engine.recordings import KUBERNETES

CATALOG = load()
Page = dict[str, Any]

APIS = ("v1", load().platform.monitors.api, "cert-manager.io/v1")


def modes(kai: str, grove: str) -> Page:
    there = {"version": "v0.17.0"} if kai == "external" else {}
    return {"kaiScheduler": {"mode": kai} | there, "grove": {"mode": grove}}


PAGES: dict[str, Page] = {
    "both bundled": modes("bundled", "bundled"),
    "both separate": modes("separate", "separate"),
    "both external": modes("external", "external"),
    "neither": modes("disabled", "disabled"),
    "KAI alone bundled": modes("bundled", "disabled"),
    "Grove alone bundled": modes("disabled", "bundled"),
    "KAI external, Grove bundled": modes("external", "bundled"),
    "everything bundled": {"nats": {"mode": "bundled"}, "etcd": {"mode": "bundled"}, "discoveryBackend": "etcd"},
    "everything external": modes("external", "external")
    | {"nats": {"mode": "external", "address": "nats://a:4222"}, "etcd": {"mode": "external", "address": "a:2379"}},
    "monitors": modes("separate", "separate")
    | {"monitoring": {"podMonitors": True, "metricsService": True, "prometheusEndpoint": "http://prometheus:9090"}},
    "monitor of Grove": modes("separate", "separate")
    | {"monitoring": {"groveServiceMonitor": True, "labels": {"release": "prometheus"}}},
    "labels of monitors": {
        "monitoring": {"podMonitors": True, "metricsService": True, "labels": {"release": "prometheus"}}
    },
    "no monitors": {"monitoring": {"podMonitors": False, "metricsService": False}},
    "certificates of cert-manager": {"webhookCertificates": {"mode": "cert-manager"}, "namespace": "dynamo"},
    "own certificates": {"webhookCertificates": {"mode": "own", "secret": "mine", "caBundle": CERTIFICATE}},
    **{
        f"mirror and placement, {mode}": modes(mode, mode)
        | {
            "nats": {"mode": "bundled"},
            "etcd": {"mode": "bundled"},
            "registry": {"mirror": "registry.example.com", "pullSecrets": ["pull"]},
            "placement": {"tolerations": [{"key": "a", "operator": "Exists"}], "nodeSelector": {"pool": "system"}},
            "replicas": 2,
        }
        for mode in ("bundled", "separate")
    },
    **{
        f"every setting of KAI and Grove, {mode}": {
            "kaiScheduler": {
                "mode": mode,
                "stalenessGracePeriod": "-1s",
                "topologyMigration": False,
                "gpuRuntimeClass": "",
                "postCleanup": False,
            },
            "grove": {"mode": mode, "webhookSecret": False, "healthProbes": True, "crdInstaller": True},
        }
        for mode in ("bundled", "separate")
    },
}


ACCEPTED = ["SET001", "DEP005"]
"""Accepted, so that versions that lack a setting or have a known fault are planned too."""


class Candidate(NamedTuple):
    """A chart to test; without an archive it is the contract chart."""

    chart: str
    version: str
    archive: Path | None = None

    def __str__(self) -> str:
        return f"{self.chart} {self.version}" + " (real)" * (self.archive is not None)

    def read(self, folder: Path) -> tuple[Path, ReadChart]:
        """Return its archive, packaged into ``folder`` for a contract chart, and its contents."""
        path = self.archive or folder / f"{self.chart}-{self.version}.tgz"
        return path, archive.read_chart(path)


REAL = [
    Candidate(chart.name, chart.version, path)
    for path in sorted(Path(os.environ.get("DYNAMO_CHARTS", os.devnull)).glob("*.tgz"))
    for chart in [archive.read_chart(path)]
    if chart.name in charts.PUBLISHED
]
CONTRACT = [Candidate(chart, version) for chart in charts.PUBLISHED for version in charts.versions(chart)]


class Known(NamedTuple):
    """Keys in which a real chart and the recorded ones differ, and the reason."""

    charts: str
    keys: str
    reason: str


DIFFERENCES = (
    Known(
        r"dynamo-platform 1\.5\.0\S*",
        r"dynamo-operator\.(nats|tcp)TLS\w+",
        "TLS for NATS and TCP came between the build of August 2026 and 1.5.0",
    ),
    Known(r"dynamo-platform \S+", r"etcd|nats|snapshot", "charts that are packaged without these dependencies"),
)


@pytest.fixture(scope="module")
def helm() -> str:
    return Sandbox().tools["helm"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract charts."""
    folder = tmp_path_factory.mktemp("charts")
    charts.package(folder)
    return folder


@pytest.mark.parametrize("candidate", CONTRACT + REAL, ids=str)
def test_level_of_pod_security_is_that_of_the_rendered_pods(
    candidate: Candidate, helm: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(helm).parent), prepend=os.pathsep)
    path, _ = candidate.read(folder)
    release = Release("r", "ns", str(path), None, candidate.version, {}, True, 600)
    rendering = Rendering(KUBERNETES, ("v1",), ())
    if candidate.chart == "dynamo-platform":
        backends = {"nats": {"mode": "bundled"}, "etcd": {"mode": "bundled"}}
        page = {"version": candidate.version, "profile": "development"} | modes("disabled", "disabled") | backends
        release = release._replace(values=plan_of(page, stack=True).platform.values)
    rendered = render_release(release, rendering, project=folder)
    assert isinstance(rendered, RenderedRelease), rendered
    levels = {level_of(pod) for manifest in rendered.first for pod in pod_specs(manifest)}
    names: dict[str, PartName] = {"dynamo-platform": "dynamo-platform", "kai-scheduler": "kai-scheduler"}
    rows = CATALOG.chart(names.get(candidate.chart, "grove")).pod_security
    version = Version.parse(candidate.version)
    (expected,) = [row.level for row in rows if row.holds(version) and row.given is None]
    assert min(levels, key=get_args(PodSecurityLevel).index) == expected


MIRRORS = {"ghcr.io": "ghcr.mirror", "nvcr.io": "nvcr.mirror", "docker.io": "docker.mirror"}


@pytest.mark.parametrize("registry", [{"mirror": "all.mirror"}, {"mirrors": MIRRORS}], ids=["one", "each"])
@pytest.mark.parametrize("version", charts.versions("dynamo-platform"))
def test_with_a_mirror_no_chart_refuses_and_no_image_is_outside_it(
    version: str, registry: Page, helm: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(helm).parent), prepend=os.pathsep)
    page = {
        "version": version,
        "profile": "development",
        "nats": {"mode": "bundled"},
        "etcd": {"mode": "bundled"},
        "registry": registry,
        "values": {"dynamo-operator": {"checkpoint": {"enabled": True}}},
        "accept": ACCEPTED,
    }
    plans = [plan_of(page | modes(mode, mode), stack=True) for mode in ("bundled", "separate")]
    images: set[str] = set()
    for release, rendering in [(release, plan.rendering) for plan in plans for release in plan.releases]:
        local = release._replace(chart=f"{release.chart.rpartition('/')[2]}-{release.version}.tgz", repository=None)
        if (folder / local.chart).exists():
            rendered = render_release(local, rendering, project=folder)
            assert isinstance(rendered, RenderedRelease), rendered
            images |= {image for item in rendered.objects.values() for image in item.images}
            # The operators take these images as text.
            text = str(rendered.first)
            images |= set(re.findall(r"(?:cleanupImage: |_IMAGE', 'value': ')([^\s'\\]+)", text))
    for name in ("/kubernetes-operator:", "/nats:", "/etcd:", "/grove-operator:", "/crd-upgrader:"):
        assert any(name in image for image in images), name
    assert [image for image in sorted(images) if not re.match(r"\w+\.mirror/", image)] == []


@pytest.mark.parametrize("platform", [each for each in CONTRACT + REAL if each.chart == "dynamo-platform"], ids=str)
def test_every_plan_renders_with_charts_that_know_its_keys(
    platform: Candidate, helm: str, folder: Path, tmp_path: Path
) -> None:
    at_hand = {(each.chart, each.version): each for each in (REAL if platform.archive else CONTRACT)}
    renders: dict[str, list[str]] = {}
    rendered = set()
    for name, page in PAGES.items():
        common = {"version": platform.version, "profile": "development", "accept": ACCEPTED}
        for release in plan_of(common | page, stack=True).releases:
            chart = release.chart.rpartition("/")[2]
            if candidate := at_hand.get((chart, release.version)):
                path, found = candidate.read(folder)
                keys = Keys(known(found, real=candidate.archive is not None))
                assert [unread.path for unread in keys.unread(release.values)] == [], (name, candidate)
                rendered.add(name)
                renders[json.dumps([str(path), release.values], sort_keys=True)] = [
                    *(helm, "template", release.name, str(path), "--namespace", release.namespace),
                    *("--kube-version", KUBERNETES, "--values", "-", *(f"--api-versions={api}" for api in APIS)),
                ]
    homes = {f"HELM_{name}_HOME": str(tmp_path) for name in ("CACHE", "CONFIG", "DATA")}

    def failure(values: str, command: list[str]) -> str:
        text = json.dumps(json.loads(values)[1])
        run = subprocess.run(command, input=text, env=os.environ | homes, capture_output=True, text=True, check=False)
        return f"{command} < {text}: {run.stderr}" if run.returncode else ""

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        failures = [*filter(None, pool.map(failure, renders, renders.values()))]
    assert failures == []
    assert rendered == set(PAGES)


def known(chart: ReadChart, *, real: bool) -> dict[str, Kind]:
    """Return the keys that a real chart reads, or for a contract chart, the recorded keys of its real chart."""
    recordings = recorded(chart.name)
    kinds = dict(chart.keys if real else recordings[nearest_recording(Version.parse(chart.version), recordings)])
    kinds |= {"etcd": "chart", "nats": "chart"} if chart.name == "dynamo-platform" else {}
    for key, carried in chart.charts.items():
        # A build that bundles a different version than the release has different keys.
        if carried.name in charts.PUBLISHED and carried.version == bundled(chart.version, key):
            own = known(carried, real=real)
            kinds = {path: kind for path, kind in kinds.items() if path != key}
            kinds |= {f"{key}.{path}": kind for path, kind in own.items()}
    return kinds


def bundled(platform: str, key: str) -> str:
    minor = CATALOG.minor(Version.parse(platform))
    assert minor
    return str((minor.kai_scheduler if key == "kai-scheduler" else minor.grove).bundled)


@pytest.mark.parametrize("candidate", REAL, ids=str)
def test_recorded_keys_are_those_of_the_real_chart(candidate: Candidate) -> None:
    assert candidate.archive
    chart = archive.read_chart(candidate.archive)
    version = Version.parse(chart.version)
    versions = recorded(chart.name)
    of_its_minor = [other for other in versions if other.minor_line == version.minor_line]
    kinds = versions[nearest_recording(version, of_its_minor if chart.name == "dynamo-platform" else versions)]
    differs = {path for path in {*kinds, *chart.keys} if kinds.get(path) != chart.keys.get(path)}
    patterns = [entry.keys for entry in DIFFERENCES if re.fullmatch(entry.charts, f"{chart.name} {chart.version}")]
    assert {path for path in differs if not any(re.fullmatch(pattern, path) for pattern in patterns)} == set()


@pytest.mark.parametrize("candidate", REAL, ids=str)
def test_charts_own_values_are_no_finding(candidate: Candidate) -> None:
    """With everything bundled, the rules accept every key of a chart's own values.yaml."""
    assert candidate.archive
    with tarfile.open(candidate.archive) as files:
        file = files.extractfile(f"{candidate.chart}/values.yaml")
        assert file
        values = yaml.safe_load(file)
    page = {"version": candidate.version, "values": values}
    if candidate.chart != "dynamo-platform":
        key = "kaiScheduler" if candidate.chart == "kai-scheduler" else "grove"
        page = modes("separate", "separate") | {"version": "1.5.1"}
        page[key] = {"mode": "separate", "version": candidate.version, "values": values}
    page |= {"profile": "development", "nats": {"mode": "bundled"}, "etcd": {"mode": "bundled"}}
    try:
        findings = plan_of(page, stack=True).findings
    except PlatformError as error:
        findings = error.findings
    assert [finding for finding in findings if finding.code.startswith("KEY")] == []
