"""The command ``render``: the folder that it writes, and what it refuses."""

import errno
import json
import os
import resource
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dynamo_platform.cli import main
from tests.unit.test_gitops import SEPARATE


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with settings, in the working directory."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "settings.yaml"
    file.write_text(json.dumps(SEPARATE))
    return file


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["render", "--config", "settings.yaml", *arguments], prog_name="dynamo-platform")


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_is_written_and_then_replaced_completely(stack: Path) -> None:
    result = run("--values", "--out", "out")
    assert (result.exit_code, result.stdout) == (
        0,
        f"""\
settings.yaml: 8 files in {stack.parent}/out
  1-kai-scheduler  1 file
  2-gates  1 file
  3-queues  2 files
  4-grove  1 file
  5-dynamo-platform  1 file
""",
    )
    out = stack.parent / "out"
    first = tree(out)
    assert first.keys() >= {".dynamo-platform", "README.md", "releases.yaml", "1-kai-scheduler/values.yaml"}
    (out / "1-kai-scheduler" / "stale.yaml").write_text("a: b")
    assert run("--values", "--out", "out").exit_code == 0
    assert tree(out) == first
    assert sorted(path.name for path in stack.parent.iterdir()) == ["out", "settings.yaml"]


def test_the_folder_has_the_mode_of_any_other(stack: Path) -> None:
    run("--values", "--out", "out")
    (stack.parent / "other").mkdir()
    modes = {stat.S_IMODE((stack.parent / name).stat().st_mode) for name in ("out", "other")}
    assert len(modes) == 1


def test_an_empty_folder_is_replaced_also_behind_a_link(stack: Path) -> None:
    (stack.parent / "real").mkdir()
    (stack.parent / "out").symlink_to("real")
    assert run("--values", "--out", "out").exit_code == 0
    assert (stack.parent / "out").is_symlink()
    assert (stack.parent / "real" / "README.md").is_file()


@pytest.mark.parametrize("there", ["foreign", "file", "repository"])
def test_a_path_that_the_command_did_not_write_is_refused_and_unchanged(stack: Path, there: str) -> None:
    out = stack.parent / "out"
    if there == "file":
        out.write_text("mine")
    elif there == "foreign":
        out.mkdir()
        (out / "mine").write_text("mine")
    else:
        run("--values", "--out", "out")
        (out / ".git").mkdir()
        (out / ".git" / "HEAD").write_text("mine")
    before = tree(stack.parent)
    result = run("--values", "--out", "out")
    assert result.exit_code == 2
    assert f"{out} is not replaced, because `render` did not write it" in " ".join(result.stderr.split())
    assert tree(stack.parent) == before


def test_a_full_disk_leaves_everything_unchanged(stack: Path) -> None:
    assert run("--values", "--out", "out").exit_code == 0
    before = tree(stack.parent)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        result = run("--values", "--out", "out")
        fresh = run("--values", "--out", "fresh")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (result.exit_code, fresh.exit_code) == (2, 2)
    assert "File too large" in result.stderr
    assert "None" not in result.stderr
    assert f"{stack.parent}/out is unchanged. Free some disk space, or name another folder." in " ".join(
        result.stderr.split()
    )
    assert tree(stack.parent) == before
    assert sorted(path.name for path in stack.parent.iterdir()) == ["out", "settings.yaml"]


def put_helm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a script on PATH as `helm`."""
    folder.mkdir()
    (folder / "helm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_a_chart_is_never_an_option_of_helm(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_helm(stack.parent / "bin", 'echo "$@" >&2; [ "$1" = version ]', monkeypatch)
    stack.write_text(json.dumps(SEPARATE | {"chart": "--help"}))
    result = run("--out", "out")
    assert result.exit_code == 1
    assert "REN003  chart" in result.stderr
    assert " -- --help " in " ".join(result.stderr.split())


def test_a_full_disk_for_temporary_files_leaves_everything_unchanged(
    stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_helm(stack.parent / "bin", "exit 0", monkeypatch)
    monkeypatch.setattr("tempfile.tempdir", str(stack.parent / "full"))
    result = run("--out", "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{stack.parent}/full" in result.stderr
    assert "out is unchanged. Free some disk space, or name another folder." in " ".join(result.stderr.split())
    assert not (stack.parent / "out").exists()


def test_missing_folders_above_are_made(stack: Path) -> None:
    assert run("--values", "--out", "new/folder/out").exit_code == 0
    assert (stack.parent / "new" / "folder" / "out" / "README.md").is_file()


def test_folders_made_above_are_removed_again_after_an_error(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", fail_to_rename)
    (stack.parent / "mine").mkdir()
    result = run("--values", "--out", "mine/new/folder/out")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert [path.name for path in (stack.parent / "mine").iterdir()] == []


def fail_to_rename(path: Path, target: Path) -> Path:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_loop_of_links_is_refused(stack: Path) -> None:
    (stack.parent / "loop").symlink_to("loop")
    result = run("--values", "--out", "loop")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "loop is unchanged." in " ".join(result.stderr.split())


def test_a_folder_in_a_file_is_refused(stack: Path) -> None:
    result = run("--values", "--out", "settings.yaml/out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "settings.yaml: File exists." in result.stderr


def test_errors_of_the_configuration_are_printed_and_nothing_is_written(stack: Path) -> None:
    stack.write_text(json.dumps(SEPARATE | {"version": "1.9.0"}))
    result = run("--out", "out")
    assert result.exit_code == 1
    assert "error VER004  version" in result.stderr
    assert not (stack.parent / "out").exists()


def test_sync_waves_do_not_go_with_values(stack: Path) -> None:
    result = run("--values", "--for", "argocd", "--out", "out")
    assert result.exit_code == 2
    assert "--for adds annotations to objects" in result.stderr


def test_without_helm_there_are_no_objects(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(stack.parent))
    result = run("--out", "out")
    assert result.exit_code == 2
    assert "There is no `helm` on PATH" in result.stderr
    assert not (stack.parent / "out").exists()
