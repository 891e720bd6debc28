"""What a local chart says about itself."""

import gzip
import io
import tarfile
import zlib
from pathlib import Path

import pytest

from dynamo_platform.catalog.archive import read_chart
from dynamo_platform.catalog.local import read_local_chart
from dynamo_platform.catalog.model import LocalChart

CHART = b"""\
name: dynamo-platform
version: 1.5.1
dependencies:
- {name: kai-scheduler, version: v0.17.0}
- {name: grove-charts, alias: grove, version: v0.1.0-alpha.13}
"""
READ = LocalChart("dynamo-platform", "1.5.1", {"kai-scheduler": "v0.17.0", "grove": "v0.1.0-alpha.13"})


def archive(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/") + ".yaml")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def test_archives_and_folders_are_read(tmp_path: Path) -> None:
    subchart = b"{name: other, version: 0.1.0}"
    packed = archive(tmp_path / "a.tgz", a__charts__b__Chart=subchart, a__Chart=CHART)
    assert read_local_chart(packed) == READ
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "Chart.yaml").write_bytes(CHART)
    assert read_local_chart(tmp_path / "folder") == READ


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("absent.tgz", "there is no such file or folder"),
        ("empty", "the folder has no Chart.yaml"),
        ("none.tgz", "the archive has no Chart.yaml"),
        ("text.tgz", "not a gzip file"),
        ("list.tgz", "its Chart.yaml has no name or no version"),
        ("number.tgz", "its Chart.yaml has no name or no version"),
        ("broken.tgz", "did not find expected node content"),
    ],
)
def test_what_is_no_chart_has_a_problem(name: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tgz").write_text("text")
    archive(tmp_path / "none.tgz", a__values=b"{}")
    archive(tmp_path / "list.tgz", a__Chart=b"[]")
    archive(tmp_path / "number.tgz", a__Chart=b"{name: a, version: 1}")
    archive(tmp_path / "broken.tgz", a__Chart=b"{")
    read = read_local_chart(tmp_path / name)
    assert problem in read.problem
    assert read._replace(problem="") == LocalChart()


def test_damaged_archives_are_no_charts(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.tgz", a__Chart=CHART + b"#" * 400_000)
    stream = zlib.compressobj(0, wbits=31)
    start = stream.compress(gzip.decompress(packed.read_bytes())[:300_000]) + stream.flush(zlib.Z_FULL_FLUSH)
    packed.write_bytes(start + b"\x07")  # a block of a type that does not exist
    assert "invalid block type" in read_local_chart(packed).problem
    with pytest.raises(ValueError, match="is not a Helm chart"):
        read_chart(packed)


def test_links_in_archives_are_not_followed(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a/Chart.yaml")
    member.type, member.linkname = tarfile.SYMTYPE, "Chart.yaml"
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as packed:
        packed.addfile(member)
    assert read_local_chart(tmp_path / "a.tgz").problem == "the archive has no Chart.yaml"
    with pytest.raises(ValueError, match="is not a Helm chart"):
        read_chart(tmp_path / "a.tgz")
