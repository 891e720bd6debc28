"""The README.md files, with the commands that apply the folders in order."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from dynamo_platform.planning.model import Gate, Plan, Release, Step


def objects_readme(plan: Plan, commands: Sequence[str], omitted: Sequence[str]) -> str:
    """The README.md of a folder of objects.

    Args:
        plan: the plan that was rendered.
        commands: the commands that apply the folders, in order.
        omitted: the hooks that are not written to files, each with the reason.
    """
    omissions = ["## Omitted hooks", "\n".join(f"- {hook}" for hook in omitted)] if omitted else []
    text = "Apply the folders in this order, for the installation and for every upgrade:"
    return _join(*_head(plan), text, _code_block(commands), *omissions)


def values_readme(plan: Plan, commands: Sequence[str], index: str) -> str:
    """The README.md of a folder of values.

    Args:
        plan: the plan.
        commands: the helm and kubectl commands that apply the folders, in order.
        index: the file that lists the releases.
    """
    text = (
        f"`{index}` lists the releases for programs. With helm, run these commands in this order, for the installation "
        "and for every upgrade:"
    )
    hooks = [
        f"The hooks of {release.name} are off: they would delete and recreate the queues at every upgrade."
        for release in plan.releases
        if not release.hooks
    ]
    return _join(*_head(plan), _wrap(text), _code_block(commands), *hooks)


def gates_readme(commands: Sequence[str]) -> str:
    """The README.md of a stage that only waits."""
    text = (
        "There is nothing to apply here. The next folder needs KAI Scheduler, which is ready when its operator has "
        "created its workloads. Wait for it:"
    )
    return _join("# Gates", _wrap(text), _code_block(commands))


def _join(*blocks: str) -> str:
    return "\n\n".join(blocks) + "\n"


def _head(plan: Plan) -> tuple[str, str]:
    title = f"# {plan.platform.name} {plan.platform.version}"
    return title, "Written by `dynamo-platform render`. Change the stack, not these files."


def _code_block(commands: Sequence[str]) -> str:
    return "\n".join(["```sh", *commands, "```"])


def _wrap(text: str) -> str:
    return textwrap.fill(text, width=120, break_long_words=False, break_on_hyphens=False)


def apply_command(number: int, title: str, context: str | None) -> str:
    """The kubectl command that applies a stage's folder, from the folder of the README."""
    return f"{kubectl(context)} apply --server-side --force-conflicts -f {number}-{title}"


def helm_command(release: Release, path: str, context: str | None) -> str:
    """The helm command that installs or upgrades a release with the values at ``path``, in the folder of the README."""
    repository = ["--repo", release.repository] if release.repository else []
    source = shlex.join([release.chart, *repository])
    lines = [
        f"helm upgrade --install {release.name} {source}",
        f"--version {release.version} --namespace {release.namespace} --create-namespace",
        f"--reset-values --wait --timeout {release.timeout}s{'' if release.hooks else ' --no-hooks'}",
        f"--values {path}{f' --kube-context {shlex.quote(context)}' if context else ''}",
    ]
    return " \\\n    ".join(lines)


def wait_commands(gates: Sequence[Step], context: str | None) -> list[str]:
    """The commands that wait until gates are open."""
    commands = []
    for gate in gates:
        assert isinstance(gate, Gate)  # noqa: S101  a stage has steps of one kind
        group = gate.api_version.rpartition("/")[0]
        scope = f" -n {gate.namespace}" if gate.namespace else ""
        target = f"{gate.kind.lower()}.{group}/{gate.object_name}{scope}"
        commands.append(f"{kubectl(context)} wait --for=create --timeout={gate.timeout}s {target}")
        ready = f"wait --for=condition={gate.condition}" if gate.condition else "rollout status"
        commands.append(f"{kubectl(context)} {ready} --timeout={gate.timeout}s {target}")
    return commands


def kubectl(context: str | None) -> str:
    """The kubectl command for a context."""
    return f"kubectl --context {shlex.quote(context)}" if context else "kubectl"
