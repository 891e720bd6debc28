"""Compares contract charts, and the real charts in the folder `DYNAMO_CHARTS`, with the recordings of real charts."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import charts
from sandbox.sandbox import Sandbox
from tests.engine.recordings import RELEASES, Recording, Rendered, described, metadata, nearest, render


@dataclass(frozen=True)
class Known:
    """Accepted differences from a recording, and the reason."""

    charts: str
    """Pattern of `<chart> <version>`."""
    differences: str
    """Pattern of `<case>: <difference>`."""
    reason: str


DIFFERENCES = (
    Known(
        r"dynamo-platform .*",
        r".*: \+ (Service|StatefulSet) \S+ dynamo-platform-(nats|etcd)\b.*",
        "the dependencies nats and etcd were not there when the charts were recorded",
    ),
    Known(
        r"dynamo-platform 1\.5\..*",
        r"dependencies: . (kai-scheduler v0\.(13\.4|17\.0)|grove-charts v0\.1\.0-alpha\.(12-rc1|13)) .*",
        "1.5 bundles KAI Scheduler v0.17.0 and Grove alpha.13, the recorded build of August 2026 their predecessors",
    ),
    Known(
        r"dynamo-platform 1\.5\..*",
        r"(both|KAI) (bundled|installed) .*: . \S+ \S+ "
        r"(kai-config|kai-config-deployer|kai-config-manifest|kai-scheduler-config-deployer|crd-upgrader"
        r"|kai-prometheus|kai-numa-placement-exporter)\b.*",
        "the objects in which KAI Scheduler v0.17.0 differs from v0.13.4",
    ),
    Known(
        r"dynamo-platform 1\.5\..*",
        r"(both|Grove) (bundled|installed) .*: \+ CustomResourceDefinition \S+ podgangmaps\.grove\.io",
        "the definition that Grove alpha.13 has beyond alpha.12-rc1",
    ),
    Known(
        r"dynamo-platform 1\.5\..*",
        r"both bundled (without staleness|with staleness -1): fails",
        "the rule for the staleness grace period came between the recorded build and 1.5.0",
    ),
    Known(
        r"dynamo-platform 1\.5\..*",
        r"checkpoint storage: fails",
        "1.5.0 refuses checkpoint.storage, the recorded build still took it",
    ),
)


@dataclass(frozen=True)
class Candidate:
    """A chart archive and the recording that it is compared with."""

    chart: str
    version: str
    recording: str | None
    archive: Path | None
    """None: the contract chart, packaged on demand."""

    def __str__(self) -> str:
        return f"{self.chart} {self.version}"


def _candidates() -> Iterator[Candidate]:
    for chart in charts.PUBLISHED:
        for entry in charts.history(chart):
            if entry.recorded:
                yield Candidate(chart, entry.version, entry.recorded, None)
    for archive in sorted(Path(os.environ.get("DYNAMO_CHARTS", os.devnull)).glob("*.tgz")):
        found = metadata(archive)
        if found["name"] in RELEASES:
            recording = nearest(found["name"], found["version"])
            yield Candidate(found["name"], found["version"], recording.name if recording else None, archive)


@pytest.fixture(scope="module")
def helm() -> str:
    return Sandbox().tools["helm"]


@pytest.mark.parametrize("candidate", list(_candidates()), ids=str)
def test_chart_does_what_was_recorded(
    candidate: Candidate, helm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert candidate.recording, f"{candidate}: older than every recording of {candidate.chart}"
    recording = Recording.load(candidate.recording)
    archive = candidate.archive or charts.package(tmp_path, {candidate.chart: [candidate.version]})[0]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        rendered = list(
            pool.map(lambda case: render(helm, archive, candidate.chart, case, tmp_path / "helm"), recording.cases)
        )

    found = list(_differences(recording, described(metadata(archive).get("dependencies", [])), rendered))

    known = [entry for entry in DIFFERENCES if re.fullmatch(entry.charts, str(candidate))]
    explained = {entry.reason: [line for line in found if re.fullmatch(entry.differences, line)] for entry in known}
    unexplained = sorted(set(found).difference(*explained.values()))
    stale = [reason for reason, lines in explained.items() if not lines and candidate.archive is None]
    with capsys.disabled():
        print(f"\n{candidate} against {recording.name}: {len(rendered)} value sets, {len(found)} differences")
        for reason, lines in explained.items():
            if lines:
                print(f"  {len(lines):3} {reason}")
        for line in unexplained:
            print(f"    ! {line}")
    assert not unexplained
    assert not stale, "reasons that explain nothing"


def _differences(recording: Recording, dependencies: frozenset[str], rendered: list[Rendered]) -> Iterator[str]:
    """Return every difference as `<case>: <what>`; `+` is only in the chart, `-` is only in the recording."""
    yield from _changes("dependencies", recording.dependencies, dependencies)
    hashes = set()
    for case, now in zip(recording.cases, rendered, strict=True):
        if now.fails != case.expected.fails:
            yield f"{case.name}: {'fails' if now.fails else 'does not fail'}"
        elif not now.fails:
            yield from _changes(case.name, case.expected.objects, now.objects)
            if now.operator_config != case.expected.operator_config:
                yield f"{case.name}: operator configuration {now.operator_config} != {case.expected.operator_config}"
            hashes |= set(zip(sorted(case.expected.hashes), sorted(now.hashes), strict=True))
    if not len(hashes) == len({recorded for recorded, _ in hashes}) == len({current for _, current in hashes}):
        yield f"hashes in names: other value sets share one than in the recording: {sorted(hashes)}"


def _changes(case: str, recorded: frozenset[str], current: frozenset[str]) -> Iterator[str]:
    yield from (f"{case}: + {item}" for item in sorted(current - recorded))
    yield from (f"{case}: - {item}" for item in sorted(recorded - current))
