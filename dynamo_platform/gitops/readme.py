"""The README.md files: the commands that apply the folders, in order."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from dynamo_platform.planning.model import Gate, Plan, Release, Step


def _readme(plan: Plan, words: str, commands: Sequence[str], more: Sequence[str] = ()) -> str:
    platform = plan.releases[-1]
    block = "\n".join(["```sh", *commands, "```"])
    head = f"# {platform.name} {platform.version}\n\nWritten by `dynamo-platform render`: change the stack, not this."
    return "\n\n".join([head, _wrapped(words), block, *more]) + "\n"


def objects_readme(plan: Plan, commands: Sequence[str], left_out: Sequence[str]) -> str:
    """The README.md of a folder of objects.

    Args:
        plan: what was rendered.
        commands: what applies the folders, in order.
        left_out: hooks that are not among the files, each with the reason.
    """
    more = ["## Left out", "\n".join(f"- {hook}" for hook in left_out)] if left_out else []
    return _readme(plan, "Apply folder by folder, in this order, each time:", commands, more)


def values_readme(plan: Plan, commands: Sequence[str], index: str) -> str:
    """The README.md of a folder of values; ``index`` is the file that lists the releases."""
    off = [release.name for release in plan.releases if not release.hooks]
    hooks = (
        f"The hooks of {off[0]} are off: they would delete the queues and make them anew at every upgrade."
        if off
        else ""
    )
    words = f"`{index}` lists the releases for programs. With the helm command line, in this order, each time: "
    return _readme(plan, words, commands, [_wrapped(hooks)] if hooks else [])


def gates_readme(commands: Sequence[str]) -> str:
    """The README.md of a stage that only waits."""
    words = (
        "Nothing to apply here. The next folder needs KAI Scheduler to be ready, which it is when its operator has "
        "made what it runs. Wait for it:"
    )
    return "\n\n".join(["# Gates", _wrapped(words), "\n".join(["```sh", *commands, "```"])]) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, width=120, break_long_words=False, break_on_hyphens=False)


def apply_command(number: int, title: str) -> str:
    """The kubectl command that applies a stage's folder."""
    return f"kubectl apply --server-side --force-conflicts -f {number}-{title}"


def helm_command(release: Release, path: str) -> str:
    """The helm command that installs or upgrades a release with the values at ``path``."""
    source = f"{release.chart} --repo {release.repository}" if release.repository else release.chart
    where = f"--namespace {release.namespace} --create-namespace"
    how = f"--reset-values --wait --timeout {release.timeout}s{'' if release.hooks else ' --no-hooks'}"
    lines = [f"helm upgrade --install {release.name} {source}", f"--version {release.version} {where}", how]
    return " \\\n    ".join([*lines, f"--values {path}"])


def wait_commands(gates: Sequence[Step]) -> list[str]:
    """What waits until gates are open."""
    commands = []
    for gate in gates:
        assert isinstance(gate, Gate)  # noqa: S101  a stage has steps of one kind
        group = gate.api_version.rpartition("/")[0]
        where = f"{gate.kind.lower()}.{group}/{gate.object_name}" + (f" -n {gate.namespace}" if gate.namespace else "")
        commands.append(f"kubectl wait --for=create --timeout={gate.timeout}s {where}")
        ready = f"wait --for=condition={gate.condition}" if gate.condition else "rollout status"
        commands.append(f"kubectl {ready} --timeout={gate.timeout}s {where}")
    return commands
