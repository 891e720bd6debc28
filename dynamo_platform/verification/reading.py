"""Reads what a verification needs from the cluster."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Awaitable, Iterable, Sequence
from datetime import UTC, datetime

from dynamo_platform.cluster.observe import LiveObject
from dynamo_platform.cluster.reader import Reader, Unread
from dynamo_platform.planning.model import Gate, Plan, Release
from dynamo_platform.rendering.objects import Key

from .dry_runs import dry_run_objects
from .model import HelmRelease, Snapshot

_NAMESPACED = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Pod"),
    ("v1", "ConfigMap"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
)
"""Kinds of which the objects in the releases' namespaces are read."""

_EVERYWHERE = (
    ("scheduling.run.ai/v2", "Queue"),
    ("scheduling.run.ai/v2alpha2", "PodGroup"),
    ("nvidia.com/v1alpha1", "DynamoGraphDeployment"),
)
"""Kinds of which all objects are read."""


async def read_snapshot(
    reader: Reader, plan: Plan, planned: Awaitable[Sequence[Key]], *, context: str | None
) -> Snapshot:
    """Read the cluster.

    Args:
        reader: the cluster.
        plan: the plan.
        planned: the planned objects, as soon as they are known.
        context: the kubeconfig context; None for the current one.
    """
    tests = dry_run_objects(plan)
    objects, releases, lists, answers = await asyncio.gather(
        _read_objects(reader, plan, planned),
        asyncio.gather(*(_read_release(reader, release) for release in plan.releases)),
        _read_lists(reader, plan),
        asyncio.gather(*(reader.dry_run(manifest) for manifest in tests)),
    )
    return Snapshot(
        context=context,
        now=datetime.now(UTC),
        objects=objects,
        releases={release.name: found for release, found in zip(plan.releases, releases, strict=True)},
        lists=lists,
        answers={manifest["kind"]: answer for manifest, answer in zip(tests, answers, strict=True)},
    )


async def _read_objects(
    reader: Reader, plan: Plan, planned: Awaitable[Sequence[Key]]
) -> dict[Key, LiveObject | Unread | None]:
    gates = [key_of_gate(step) for step in plan.steps if isinstance(step, Gate)]
    keys = list(dict.fromkeys([*gates, *await planned]))
    found = await asyncio.gather(*(reader.find(*key) for key in keys))
    return dict(zip(keys, found, strict=True))


def key_of_gate(gate: Gate) -> Key:
    """The object that a gate waits for."""
    return Key(gate.api_version, gate.kind, gate.namespace, gate.object_name)


async def _read_release(reader: Reader, release: Release) -> HelmRelease | Unread | None:
    """The newest revision of a release: https://helm.sh/docs/topics/advanced/#storage-backends."""
    labels = f"owner=helm,name={release.name}"
    secrets = await reader.list("v1", "Secret", release.namespace, labels=labels, metadata_only=True)
    if isinstance(secrets, Unread) or not secrets:
        return secrets if isinstance(secrets, Unread) else None
    newest = max(secrets, key=lambda secret: int(secret["metadata"]["labels"]["version"]))
    secret = await reader.find("v1", "Secret", release.namespace, newest["metadata"]["name"])
    if secret is None or isinstance(secret, Unread):
        return secret  # None: Helm removed it meanwhile
    content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    return HelmRelease(
        version=content["chart"]["metadata"]["version"],
        revision=content["version"],
        status=content["info"]["status"],
        values=content.get("config") or {},
    )


async def _read_lists(reader: Reader, plan: Plan) -> dict[str, Sequence[LiveObject] | Unread | None]:
    namespaces = dict.fromkeys(release.namespace for release in plan.releases)
    places: list[tuple[str, str, Iterable[str | None]]] = [
        *((*kind, namespaces) for kind in _NAMESPACED),
        *((*kind, (None,)) for kind in _EVERYWHERE),
    ]
    found = await asyncio.gather(*(_read_list(reader, *place) for place in places))
    return {kind: items for (_, kind, _), items in zip(places, found, strict=True)}


async def _read_list(
    reader: Reader, api_version: str, kind: str, namespaces: Iterable[str | None]
) -> Sequence[LiveObject] | Unread | None:
    """The objects of a kind in several namespaces; if one of them cannot be read, the reason for it."""
    pages = await asyncio.gather(*(reader.list(api_version, kind, namespace) for namespace in namespaces))
    items: list[LiveObject] = []
    for page in pages:
        if page is None or isinstance(page, Unread):
            return page
        items += page
    return items
