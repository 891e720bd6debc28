"""The toolchain: commands from PATH if their version is supported, else from the cache.

Missing commands are downloaded, or built from source if the servers do not answer.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.downloads import Downloader
from sandbox.errors import SandboxError
from sandbox.golang import Build, Builder, DependencyFile
from sandbox.paths import CACHE
from sandbox.progress import Progress

TOOLCHAIN = CACHE / "toolchain"
PROBE_SECONDS = 10

PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"


@dataclass(frozen=True)
class SupportedVersions:
    """Supported versions: `oldest` <= version < `below`. With `arguments`, the command prints its version."""

    arguments: tuple[str, ...]
    oldest: tuple[int, int]
    below: tuple[int, int]


@dataclass(frozen=True)
class Tool:
    """Commands that come from one source: all from one folder of PATH, all downloaded, or all built.

    Attributes:
        commands: the first one prints the version.
        supported: None if the commands cannot print a version; then PATH is used only if no other source is allowed.
        builds: what builds the commands from source.
    """

    name: str
    commands: tuple[str, ...]
    supported: SupportedVersions | None
    builds: tuple[Build, ...]


TOOLS = (
    Tool(
        name="etcd",
        commands=("etcd",),
        supported=SupportedVersions(("--version",), oldest=(3, 5), below=(4, 0)),
        builds=(Build("etcd", "commands", {"etcd": "go.etcd.io/etcd/server/v3"}),),
    ),
    Tool(
        name="kwok",
        commands=("kwokctl", "kwok"),
        supported=SupportedVersions(("--version",), oldest=(0, 7), below=(1, 0)),
        builds=(
            Build("kwok", "commands", {"kwok": "sigs.k8s.io/kwok/cmd/kwok", "kwokctl": "sigs.k8s.io/kwok/cmd/kwokctl"}),
        ),
    ),
    Tool(
        name="control-plane",
        commands=("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        supported=SupportedVersions(("--version",), oldest=(1, 33), below=(2, 0)),
        builds=(
            Build(
                "control-plane",
                "commands",
                {
                    name: f"k8s.io/kubernetes/cmd/{name}"
                    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
                },
                variables={
                    "k8s.io/component-base/version.gitVersion": "v1.34.4",
                    "k8s.io/component-base/version.gitMajor": "1",
                    "k8s.io/component-base/version.gitMinor": "34",
                },
            ),
        ),
    ),
    Tool(
        name="pulumi",
        commands=("pulumi", "pulumi-language-python", "pulumi-language-python-exec"),
        supported=SupportedVersions(("version",), oldest=(3, 244), below=(4, 0)),
        builds=(
            Build(
                "pulumi",
                "commands",
                {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
                variables={f"{PULUMI_SDK}/go/common/version.Version": "3.259.0"},
            ),
            Build(
                "language-python",
                "language-python",
                {"pulumi-language-python": f"{PULUMI_SDK}/python/cmd/pulumi-language-python"},
                # The host expects its executor in its own folder; the host's module has an older one than the engine.
                scripts=(DependencyFile("commands", PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),),
            ),
        ),
    ),
    Tool(
        name="kubernetes-provider",
        commands=("pulumi-resource-kubernetes",),
        supported=None,
        builds=(
            Build(
                "kubernetes-provider",
                "kubernetes-provider",
                {"pulumi-resource-kubernetes": "."},
                variables={f"{KUBERNETES_PROVIDER}/pkg/version.Version": "4.25.0"},
                embedded=tuple(
                    DependencyFile("kubernetes-provider", KUBERNETES_PROVIDER, f"cmd/pulumi-resource-kubernetes/{name}")
                    for name in ("schema.json", "terraform-mapping.json")
                ),
            ),
        ),
    ),
    Tool(
        name="helm",
        commands=("helm",),
        supported=SupportedVersions(("version", "--short"), oldest=(3, 14), below=(4, 0)),
        builds=(Build("helm", "commands", {"helm": "helm.sh/helm/v3/cmd/helm"}),),
    ),
)
"""In build order: the cluster's first, so that it can start while the rest is built."""

CLUSTER = ("etcd", "kwok", "control-plane")
PULUMI = ("pulumi", "kubernetes-provider")

SOURCE_ENV = "TOOLCHAIN"
"""Environment variable: the allowed sources of commands, a key of SOURCES."""

SOURCES = {
    "": ("path", "cache", "download", "build"),
    "path": ("path",),
    "download": ("cache", "download"),
    "build": ("build",),
    "offline": ("path", "cache", "build"),
}


class Toolchain:
    """All commands of the sandbox, provided on demand."""

    def __init__(self, progress: Progress, tools: Iterable[Tool] = TOOLS, cache: Path = TOOLCHAIN) -> None:
        self._progress = progress
        self._tools = {tool.name: tool for tool in tools}
        self._cache = cache
        self._downloads = Downloader(cache, progress)
        self._builder = Builder(cache, progress)
        self._found: dict[str, tuple[Path, ...]] = {}
        self._from_path: set[str] = set()
        self._announced: set[str] = set()

    def provide(self, *names: str, then: tuple[str, ...] = ()) -> dict[str, Path]:
        """Return the path of each command, after downloading or building missing ones.

        Args:
            names: the tools; default: all.
            then: tools that will be requested next; they are included in the progress.

        Raises:
            SandboxError: a tool is not available from the allowed sources.
        """
        sources = self._sources()
        missing = [tool for tool in self._select(names) if not self._find(tool, sources)]
        if missing:
            self._obtain(missing, sources, then)
        return self._commands(names)

    @property
    def folders(self) -> list[Path]:
        """The folders of all provided commands for PATH: those in the cache first, then those from PATH."""
        found = sorted(self._found, key=lambda name: name in self._from_path)
        return list(dict.fromkeys(folder for name in found for folder in self._found[name]))

    def __getitem__(self, command: str) -> str:
        name = next(tool.name for tool in self._tools.values() if command in tool.commands)
        return str(self.provide(name)[command])

    def _obtain(self, missing: list[Tool], sources: tuple[str, ...], then: tuple[str, ...]) -> None:
        later = [tool for tool in self._select(then) if then and not self._find(tool, sources)]
        why: dict[str, str] = {}
        if "download" in sources:
            ensure_writable(self._cache)
            why = self._downloads.download({tool.name: tool.commands for tool in (*missing, *later)})
            missing, later = ([tool for tool in tools if not self._find(tool, sources)] for tools in (missing, later))
        if missing and "build" not in sources:
            raise SandboxError(_unavailable(missing, why))
        if missing:
            ensure_writable(self._cache)
            self._announce([tool for tool in (*missing, *later) if tool.name in why], why)
            self._builder.build(*_builds(missing), then=_builds(later))
        for tool in missing:
            self._find(tool, sources)

    def _announce(self, tools: list[Tool], why: Mapping[str, str]) -> None:
        """Print once which tools are built because they cannot be downloaded."""
        names = [tool.name for tool in tools if tool.name not in self._announced]
        self._announced.update(names)
        if names:
            reasons = "; ".join(sorted({why[name] for name in names}))
            self._progress.note(
                f"! Cannot download {', '.join(names)} ({reasons}). Building from source takes minutes."
            )

    def _find(self, tool: Tool, sources: tuple[str, ...]) -> bool:
        if tool.name in self._found:
            return True
        if "path" in sources and (folder := find_on_path(tool, any_version=sources == SOURCES["path"])):
            self._found[tool.name] = (folder,)
            self._from_path.add(tool.name)
        elif "cache" in sources and (downloaded := self._downloads.find_downloaded(tool.name)):
            self._found[tool.name] = (downloaded,)
        elif "build" in sources:
            built = [self._builder.find_built(build) for build in tool.builds]
            folders = tuple(folder for folder in built if folder)
            if len(folders) == len(built):
                self._found[tool.name] = folders
        return tool.name in self._found

    def _commands(self, names: tuple[str, ...]) -> dict[str, Path]:
        return {
            command: next(path for folder in self._found[tool.name] if (path := folder / command).exists())
            for tool in self._select(names)
            for command in tool.commands
        }

    def _select(self, names: tuple[str, ...]) -> list[Tool]:
        return [tool for tool in self._tools.values() if not names or tool.name in names]

    @staticmethod
    def _sources() -> tuple[str, ...]:
        source = os.environ.get(SOURCE_ENV, "")
        if source not in SOURCES:
            allowed = ", ".join(filter(None, SOURCES))
            message = (
                f"{SOURCE_ENV} is {source!r}. Allowed values are {allowed}. "
                "Unset it to try PATH, the cache, a download and a build, in that order."
            )
            raise SandboxError(message)
        return SOURCES[source]


def ensure_writable(cache: Path) -> None:
    """Create the cache folder.

    Raises:
        SandboxError: it is not writable.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        message = (
            f"The toolchain's cache {cache} is not writable: {error.strerror}. Set XDG_CACHE_HOME to a writable folder."
        )
        raise SandboxError(message) from error


def _builds(tools: Iterable[Tool]) -> list[Build]:
    return [build for tool in tools for build in tool.builds]


def _unavailable(tools: Iterable[Tool], why: Mapping[str, str]) -> str:
    lines = [f"  {', '.join(tool.commands)}{_versions(tool)}: {why.get(tool.name, 'not on PATH')}" for tool in tools]
    source = os.environ.get(SOURCE_ENV)
    return "\n".join(
        [
            f"{SOURCE_ENV}={source}, but these are not available:",
            *lines,
            f"Unset {SOURCE_ENV} to download or build them.",
        ]
    )


def _versions(tool: Tool) -> str:
    if tool.supported is None:
        return ""
    oldest, below = (".".join(map(str, version)) for version in (tool.supported.oldest, tool.supported.below))
    return f" ({oldest} or newer, below {below})"


def find_on_path(tool: Tool, *, any_version: bool = False) -> Path | None:
    """Return the folder of PATH that has all commands of the tool in a supported version.

    `any_version` also accepts a tool that cannot print its version.
    """
    first, *others = tool.commands
    found = shutil.which(first)
    if found is None or any(not os.access(Path(found).parent / other, os.X_OK) for other in others):
        return None
    supported = _supported(found, tool.supported) if tool.supported else any_version
    return Path(found).parent if supported else None


def _supported(command: str, supported: SupportedVersions) -> bool:
    try:
        result = subprocess.run(
            [command, *supported.arguments],
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(r"(\d+)\.(\d+)", result.stdout.replace(command, ""))
    if result.returncode or version is None:
        return False
    return supported.oldest <= (int(version[1]), int(version[2])) < supported.below
