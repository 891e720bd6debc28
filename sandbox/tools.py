"""The toolchain: each command comes from PATH when its version will do, else is built once into the cache."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.golang import Borrowed, Module, build, find_go
from sandbox.paths import CACHE
from sandbox.progress import Progress

TOOLCHAIN = CACHE / "toolchain"
PROBE_SECONDS = 10

PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"


@dataclass(frozen=True)
class Accepted:
    """The versions that will do, from `oldest` up to, but not with, `below`, and the `arguments` that print one."""

    arguments: tuple[str, ...]
    oldest: tuple[int, int]
    below: tuple[int, int]


@dataclass(frozen=True)
class Tool:
    """Commands that belong together: all from one folder of PATH, or all built.

    The first command is asked for its version; where `accepted` is None it cannot say, and the tool is always built.
    """

    commands: tuple[str, ...]
    accepted: Accepted | None
    modules: tuple[Module, ...]


TOOLS = (
    Tool(
        commands=("etcd",),
        accepted=Accepted(("--version",), oldest=(3, 5), below=(4, 0)),
        modules=(Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),),
    ),
    Tool(
        commands=("helm",),
        accepted=Accepted(("version", "--short"), oldest=(3, 14), below=(4, 0)),
        modules=(Module("helm", {"helm": "helm.sh/helm/v3/cmd/helm"}),),
    ),
    Tool(
        commands=("registry",),
        accepted=Accepted(("--version",), oldest=(3, 0), below=(4, 0)),
        modules=(Module("registry", {"registry": "github.com/distribution/distribution/v3/cmd/registry"}),),
    ),
    Tool(
        commands=("kwokctl", "kwok"),
        accepted=Accepted(("--version",), oldest=(0, 7), below=(1, 0)),
        modules=(Module("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok", "kwokctl": "sigs.k8s.io/kwok/cmd/kwokctl"}),),
    ),
    Tool(
        commands=("pulumi", "pulumi-language-python", "pulumi-language-python-exec"),
        accepted=Accepted(("version",), oldest=(3, 244), below=(4, 0)),
        modules=(
            Module(
                "language-python",
                {"pulumi-language-python": f"{PULUMI_SDK}/python/cmd/pulumi-language-python"},
                # The host looks for its executor beside itself; the module holds an older one than the engine's.
                scripts=(Borrowed("pulumi", PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),),
            ),
            Module(
                "pulumi",
                {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
                variables={f"{PULUMI_SDK}/go/common/version.Version": "3.259.0"},
            ),
        ),
    ),
    Tool(
        commands=("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        accepted=Accepted(("--version",), oldest=(1, 33), below=(2, 0)),
        modules=(
            Module(
                "control-plane",
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
        commands=("pulumi-resource-kubernetes",),
        accepted=None,
        modules=(
            Module(
                "kubernetes-provider",
                {"pulumi-resource-kubernetes": "."},
                variables={f"{KUBERNETES_PROVIDER}/pkg/version.Version": "4.25.0"},
                embedded=(
                    Borrowed("kubernetes-provider", KUBERNETES_PROVIDER, "cmd/pulumi-resource-kubernetes/schema.json"),
                    Borrowed(
                        "kubernetes-provider",
                        KUBERNETES_PROVIDER,
                        "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
                    ),
                ),
            ),
        ),
    ),
)
"""In the order of their builds: the quick ones first."""


@dataclass(frozen=True)
class Toolchain:
    """Every command of the sandbox, by its path."""

    commands: dict[str, Path]
    built: tuple[Path, ...]
    """The folders of the cache that go on PATH before the user's own."""

    def __getitem__(self, command: str) -> str:
        return str(self.commands[command])


def provide(progress: Progress, tools: Iterable[Tool] = TOOLS, cache: Path = TOOLCHAIN) -> Toolchain:
    """Find the tools on PATH and build those that are missing or of another version."""
    tools = tuple(tools)
    commands: dict[str, Path] = {}
    modules: list[Module] = []
    for tool in tools:
        if folder := on_path(tool):
            commands |= {command: folder / command for command in tool.commands}
        else:
            modules += tool.modules
    built = []
    if modules:
        cache.mkdir(parents=True, exist_ok=True)
        go = find_go(modules, cache, progress)
        missing = [module for module in modules if not (cache / f"{module.name}-{go.key(module)}").is_dir()]
        progress.expect(*(command for module in missing for command in module.packages))
        built = [build(module, go, cache, progress) for module in modules]
    commands |= {command.name: command for folder in built for command in folder.iterdir()}
    return Toolchain(commands, tuple(built))


def on_path(tool: Tool) -> Path | None:
    """Return the folder of PATH that holds the whole tool in an accepted version."""
    first, *others = tool.commands
    found = shutil.which(first)
    if found is None or any(not os.access(Path(found).parent / other, os.X_OK) for other in others):
        return None
    return Path(found).parent if tool.accepted and _will_do(found, tool.accepted) else None


def _will_do(command: str, accepted: Accepted) -> bool:
    try:
        result = subprocess.run(
            [command, *accepted.arguments],
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
    return accepted.oldest <= (int(version[1]), int(version[2])) < accepted.below
