"""Makes all checks of a stack on its cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dynamo_platform.cluster.reader import Reader, connected
from dynamo_platform.findings import PlatformError
from dynamo_platform.planning.model import Plan
from dynamo_platform.rendering import helm
from dynamo_platform.rendering.helm import HelmError
from dynamo_platform.rendering.objects import Key

from .commands import Commands
from .installed import check_gates, check_operator, check_releases, check_webhooks, check_workloads
from .model import Check, Snapshot
from .objects import check_objects
from .planned import Planned, own_objects, release_objects
from .reading import read_snapshot


class Verification(NamedTuple):
    """The result.

    Attributes:
        checks: all checks, those of a kind together.
        snapshot: what was read.
        plan: what was planned.
    """

    checks: tuple[Check, ...]
    snapshot: Snapshot
    plan: Plan

    @property
    def differs(self) -> bool:
        """Whether anything differs from the plan."""
        return any(check.status == "differs" for check in self.checks)


class Rendered(NamedTuple):
    """What the charts render to on this cluster.

    Attributes:
        planned: the planned objects of the releases; None if they are not known.
        why_not: why they are not known.
    """

    planned: tuple[Planned, ...] | None
    why_not: str = ""


async def verify(plan: Plan, *, stack: str, project: Path, context: str | None) -> Verification:
    """Compare a cluster with a plan.

    Args:
        plan: the plan.
        stack: the stack's name, for commands.
        project: the folder of its project, which local charts are relative to.
        context: the kubeconfig context; None for the current one.

    Raises:
        UnreadableError: the cluster cannot be read at all.
    """
    async with connected(context) as reader:
        rendering = asyncio.create_task(asyncio.to_thread(render, plan, reader, project))

        async def planned_keys() -> list[Key]:
            return [each.key for each in _planned(plan, await rendering)]

        snapshot = await read_snapshot(reader, plan, planned_keys(), context=context)
        rendered = await rendering
    commands = Commands(plan, stack, context)
    return Verification(tuple(check_all(plan, rendered, snapshot, commands)), snapshot, plan)


def render(plan: Plan, reader: Reader, project: Path) -> Rendered:
    """Render the plan's charts for the cluster as it is, like Helm does when it installs them."""
    rendering = plan.rendering._replace(
        kubernetes_version=reader.version,
        api_versions=tuple(dict.fromkeys(["v1", *reader.apis])),
        open_apis=(),
        groups=(),
    )
    try:
        rendered, unknown = helm.render_releases(plan.releases, rendering, project=project)
    except HelmError as error:
        return Rendered(None, str(error))
    except PlatformError as error:
        return Rendered(None, error.findings[0].why)
    why = unknown[0].why if unknown else ""
    return Rendered(tuple(release_objects(plan, rendered)), why)


def check_all(plan: Plan, rendered: Rendered, snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    """Every check, in the order of the report."""
    yield from check_releases(plan, snapshot, commands)
    yield from check_gates(plan, snapshot, commands)
    yield from check_operator(plan, snapshot, commands)
    yield from check_webhooks(snapshot, commands)
    yield from check_workloads(rendered.planned, snapshot, commands)
    yield from check_objects(_planned(plan, rendered), snapshot, commands)
    if rendered.why_not:
        yield Check("objects", "", "not checked", seen=rendered.why_not)


def _planned(plan: Plan, rendered: Rendered) -> list[Planned]:
    return [*own_objects(plan), *(rendered.planned or ())]
