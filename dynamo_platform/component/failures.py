"""What happens when a gate or a queue fails: Pulumi's error hooks, which report and, for one cause, try again.

An error hook runs while the failing step still stands. It cannot change the provider's error, so what it has to say is
logged beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import pulumi

from dynamo_platform.cluster.observe import KaiScheduler, UnreadableError, diagnose, kubectl_commands
from dynamo_platform.planning.model import Gate

NOT_LISTENING = ("failed calling webhook", "connection refused")
"""Parts of the API server's error where a webhook's pod runs and does not listen yet."""

STEPS = 90
"""Parts of the timeout that lie between two attempts at most; the engine ends at 100 attempts."""

Hook = Callable[[pulumi.ErrorHookArgs], Awaitable[bool]]
"""Takes what failed; returns whether to try again."""


def report(gates: Mapping[str, Gate], around: KaiScheduler) -> Hook:
    """A hook for gates that says what the cluster shows, and does not try again: the wait was the retry.

    Args:
        gates: by the name of the resource.
        around: where to look.
    """

    async def hook(failure: pulumi.ErrorHookArgs) -> bool:
        if failure.failed_operation != "delete" and not pulumi.runtime.is_dry_run():
            # Not attached to a resource: that would be sent later, when the update may have ended.
            pulumi.log.error(await account(gates[failure.name], around))
        return False

    return hook


async def account(gate: Gate, around: KaiScheduler) -> str:
    """What there is to say about a gate that did not open."""
    lines = [f"gate {gate.name} did not open: {gate.kind} {gate.object_name} is not {gate.condition or 'rolled out'}."]
    try:
        lines += [f"  {line}" for line in await diagnose(gate, around)]
    except UnreadableError as error:
        lines.append(f"The cluster was not looked at ({error}). These commands show what is wrong:")
        lines += [f"  {command}" for command in kubectl_commands(gate, around)]
    lines.append("Once that is repaired, the next `pulumi up` goes on from here.")
    return "\n".join(lines)


def retry(timeout: int, around: KaiScheduler) -> Hook:
    """A hook for queues that tries again while KAI Scheduler's webhook refuses connections, and on nothing else.

    Its queue-controller has no readiness probe: the Deployment can be rolled out before the webhook listens
    (https://github.com/ai-dynamo/dynamo/issues/4625).

    Args:
        timeout: seconds after the first failure of a queue until it is given up.
        around: where KAI Scheduler is.
    """
    began: dict[str, float] = {}

    async def hook(failure: pulumi.ErrorHookArgs) -> bool:
        if failure.failed_operation == "delete" or not all(part in failure.errors[0] for part in NOT_LISTENING):
            return False
        if time.monotonic() - began.setdefault(failure.urn, time.monotonic()) >= timeout:
            pulumi.log.error(
                f"{failure.name}: the webhook of KAI Scheduler's queue-controller refused connections for {timeout} s, "
                f"though it is rolled out. See kubectl logs -n {around.namespace} deployment/queue-controller"
            )
            return False
        await asyncio.sleep(min(2.0 ** (len(failure.errors) - 1), max(1.0, timeout / STEPS)))
        return True

    return hook
