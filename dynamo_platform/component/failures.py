"""Pulumi error hooks that report the failure of a release, gate or queue and, while its webhook starts, retry a queue.

An error hook runs while the step is failing. It cannot change the provider's error, so its report is logged next to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import pulumi

from dynamo_platform.cluster.observe import (
    ClusterAccess,
    KaiInstallation,
    UnreadableError,
    diagnose,
    kubectl,
    kubectl_commands,
)
from dynamo_platform.cluster.releases import diagnose_release, release_commands
from dynamo_platform.cluster.webhooks import NotAdmitted, classify
from dynamo_platform.credentials import redacted
from dynamo_platform.planning.model import Gate, Release

PAUSES_PER_TIMEOUT = 90
"""The timeout divided by the longest pause between two attempts; the engine gives up after 100 attempts."""

Hook = Callable[[pulumi.ErrorHookArgs], Awaitable[bool]]
"""Takes the failure; returns whether to retry."""


def report_release(releases: Mapping[str, Release], cluster: ClusterAccess, *, bundled: bool) -> Hook:
    """A hook for releases that reports their objects that are not ready.

    It does not retry, because Helm has waited. The exception is a webhook that a bundled KAI Scheduler brings: the same
    release creates queues before it listens (https://github.com/ai-dynamo/dynamo/issues/4625).

    Args:
        releases: the releases by the name of their resource.
        cluster: the cluster.
        bundled: whether KAI Scheduler is in the platform's release.
    """
    first_failures: dict[str, float] = {}

    async def hook(failure: pulumi.ErrorHookArgs) -> bool:
        refused = classify(failure.errors[0]) if bundled and failure.failed_operation != "delete" else None
        if refused and await _waits(failure, refused, releases[failure.name].timeout, first_failures):
            return True
        if failure.failed_operation != "delete" and not pulumi.runtime.is_dry_run():
            report = await release_report(releases[failure.name], cluster, failure.errors[0])
            if report:
                # Not attached to a resource: it would be sent later, possibly after the end of the update.
                pulumi.log.error(report)
        return False

    return hook


async def release_report(release: Release, cluster: ClusterAccess, error: str) -> str:
    """The report on a release that failed; empty if it adds nothing to Helm's error.

    Args:
        release: the release.
        cluster: the cluster.
        error: Helm's error.
    """
    refused = classify(error)
    lines = [f"{refused.webhook} refused one of its objects. {refused.cause.meaning}."] if refused else []
    try:
        waiting = await diagnose_release(release, cluster)
    except UnreadableError as unreadable:
        lines.append(f"The cluster could not be read ({unreadable}). These commands show its state:")
        lines += [f"  {command}" for command in release_commands(release, cluster)]
    else:
        lines += [f"Not ready in namespace {release.namespace}:"] if waiting else []
        lines += [f"  {line}" for line in waiting]
    if not lines:
        return ""
    return redacted("\n".join([f"release {release.name} failed.", *lines, "Fix this, then run `pulumi up` again."]))


def report_gate(gates: Mapping[str, Gate], kai: KaiInstallation) -> Hook:
    """A hook for gates that reports the state of the cluster. It does not retry, because the gate has already waited.

    Args:
        gates: the gates by the name of their resource.
        kai: the location of KAI Scheduler.
    """

    async def hook(failure: pulumi.ErrorHookArgs) -> bool:
        if failure.failed_operation != "delete" and not pulumi.runtime.is_dry_run():
            # Not attached to a resource: it would be sent later, possibly after the end of the update.
            pulumi.log.error(await gate_report(gates[failure.name], kai))
        return False

    return hook


async def gate_report(gate: Gate, kai: KaiInstallation) -> str:
    """The report on a gate that did not open."""
    lines = [f"gate {gate.name} did not open: {gate.kind} {gate.object_name} is not {gate.ready}."]
    try:
        lines += [f"  {line}" for line in await diagnose(gate, kai)]
    except UnreadableError as error:
        lines.append(f"The cluster could not be read ({error}). These commands show its state:")
        lines += [f"  {command}" for command in kubectl_commands(gate, kai)]
    lines.append("Fix this, then run `pulumi up` again: it resumes here.")
    # Events may quote the address that an image is pulled from.
    return redacted("\n".join(lines))


def retry_queue(webhook: Gate, kai: KaiInstallation) -> Hook:
    """A hook for queues that retries while a webhook is not reachable yet, and otherwise says what the error means.

    The queue-controller has no readiness probe: its Deployment can be rolled out before the webhook listens
    (https://github.com/ai-dynamo/dynamo/issues/4625).

    Args:
        webhook: the gate of the webhook's Deployment; the hook gives up when its timeout has passed since a queue's
            first failure.
        kai: the location of KAI Scheduler.
    """
    first_failures: dict[str, float] = {}

    async def hook(failure: pulumi.ErrorHookArgs) -> bool:
        refused = classify(failure.errors[0])
        if failure.failed_operation == "delete" or refused is None:
            return False
        if await _waits(failure, refused, webhook.timeout, first_failures):
            return True
        pulumi.log.error(queue_report(failure.name, refused, webhook, kai))
        return False

    return hook


async def _waits(
    failure: pulumi.ErrorHookArgs, refused: NotAdmitted, timeout: int, first_failures: dict[str, float]
) -> bool:
    """Pause, and return true; or return false at once if the webhook's error is final or the timeout has passed.

    Args:
        failure: the failure.
        refused: what it means.
        timeout: seconds from a resource's first failure.
        first_failures: when each resource failed first, by URN.
    """
    waited = time.monotonic() - first_failures.setdefault(failure.urn, time.monotonic())
    if not refused.cause.transient or waited >= timeout:
        return False
    await asyncio.sleep(min(2.0 ** (len(failure.errors) - 1), max(1.0, timeout / PAUSES_PER_TIMEOUT)))
    return True


def queue_report(name: str, refused: NotAdmitted, webhook: Gate, kai: KaiInstallation) -> str:
    """The report on a queue that was not admitted.

    Args:
        name: the name of the queue's resource.
        refused: the reason.
        webhook: the gate of the webhook's Deployment.
        kai: the location of KAI Scheduler.
    """
    _, transient, meaning, next_command, _ = refused.cause
    tried = f"tried for {webhook.timeout} s" if transient else "not tried again, because the same would happen"
    command = next_command.format(namespace=kai.namespace, deployment=webhook.object_name)
    return f"{name}: refused by {refused.webhook}, {tried}. {meaning}. See {kubectl(kai)} {command}"
