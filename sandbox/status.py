"""The state of the cluster: releases, queues, the operator's flags, monitors."""

import base64
import gzip
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube import Client
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.core_v1 import ConfigMap, Secret
from rich import box
from rich.console import Console
from rich.table import Table

from sandbox.cluster import client
from sandbox.errors import SandboxError

QUEUES = create_global_resource("scheduling.run.ai", "v2", "Queue", "queues")
MONITORS = (
    create_namespaced_resource("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
    create_namespaced_resource("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
)
OPERATOR_CONFIGURATION = "OperatorConfiguration"
"""The kind of the document in the ConfigMap that Dynamo's operator reads when it starts."""


@dataclass(frozen=True)
class Release:
    """A Helm release."""

    name: str
    namespace: str
    chart: str
    version: str
    revision: int
    state: str


@dataclass(frozen=True)
class Queue:
    """A KAI queue. GPU values are those of its spec: -1 is unlimited; None is unset, which KAI treats as 0."""

    name: str
    parent: str | None
    gpu_quota: float | None
    gpu_limit: float | None
    uid: str


@dataclass(frozen=True)
class Status:
    """The state of the cluster.

    Attributes:
        releases: the newest revision of each Helm release.
        queues: all KAI queues.
        operator_flags: whether each orchestrator is enabled in the configuration of Dynamo's operator.
        monitors: `kind/namespace/name`; None if the cluster has no Prometheus CRDs.
    """

    releases: list[Release]
    queues: list[Queue]
    operator_flags: dict[str, bool]
    monitors: list[str] | None

    def json(self) -> str:
        """Return the status as JSON."""
        return json.dumps(asdict(self), indent=2)


def read(kubeconfig: Path) -> Status:
    """Read the state of the cluster.

    Raises:
        SandboxError: the cluster does not answer.
    """
    api = client(kubeconfig)
    try:
        queues, monitors = _queues(api), _monitors(api)
        return Status(_releases(api), queues, _operator_flags(api), monitors)
    except httpx2.HTTPError as error:
        message = f"The cluster does not answer ({error}). Run `make up` to start a new one."
        raise SandboxError(message) from error


def show(status: Status, console: Console) -> None:
    """Print the status as tables; without colours if the console is not a terminal."""
    releases = _table("release", "namespace", "version", "revision", "state")
    for release in status.releases:
        colour = "green" if release.state == "deployed" else "red"
        state = f"[{colour}]{release.state}[/]"
        releases.add_row(release.name, release.namespace, release.version, str(release.revision), state)
    queues = _table("queue", "parent", "GPU quota", "GPU limit", "UID")
    for queue in status.queues:
        queues.add_row(
            queue.name, queue.parent or "-", _amount(queue.gpu_quota), _amount(queue.gpu_limit), queue.uid[:8]
        )
    for table in (releases, queues):
        console.print(table)
        console.print()
    flags = "  ".join(f"{name}: {str(on).lower()}" for name, on in status.operator_flags.items())
    console.print(f"[bold]operator[/]  {flags or 'none'}")
    monitors = "none (no Prometheus CRDs)" if status.monitors is None else "  ".join(status.monitors) or "none"
    console.print(f"[bold]monitors[/]  {monitors}", soft_wrap=True)


def _releases(api: Client) -> list[Release]:
    """Read the newest revision of each release from Helm's storage: https://helm.sh/docs/topics/advanced/#storage-backends."""
    newest: dict[tuple[str, str], Release] = {}
    for secret in api.list(Secret, namespace="*", labels={"owner": "helm"}):
        stored = (secret.data or {}).get("release", "")
        content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(stored))))
        chart = content["chart"]["metadata"]
        release = Release(
            name=content["name"],
            namespace=content["namespace"],
            chart=chart["name"],
            version=chart["version"],
            revision=content["version"],
            state=content["info"]["status"],
        )
        before = newest.get((release.namespace, release.name))
        if before is None or release.revision > before.revision:
            newest[release.namespace, release.name] = release
    return sorted(newest.values(), key=lambda release: (release.name, release.namespace))


def _queues(api: Client) -> list[Queue]:
    queues = []
    for item in _list(api, QUEUES) or []:
        spec = item.get("spec") or {}
        gpu = (spec.get("resources") or {}).get("gpu") or {}
        name, uid = item["metadata"]["name"], item["metadata"]["uid"]
        queues.append(Queue(name, spec.get("parentQueue"), gpu.get("quota"), gpu.get("limit"), uid))
    return queues


def _operator_flags(api: Client) -> dict[str, bool]:
    for item in api.list(ConfigMap, namespace="*"):
        for text in (item.data or {}).values():
            if OPERATOR_CONFIGURATION in text:
                orchestrators = yaml.safe_load(text).get("orchestrators") or {}
                return {name: bool(settings.get("enabled")) for name, settings in orchestrators.items()}
    return {}


def _monitors(api: Client) -> list[str] | None:
    found = [_list(api, kind) for kind in MONITORS]
    if None in found:
        return None
    return [
        f"{item['kind']}/{item['metadata']['namespace']}/{item['metadata']['name']}"
        for items in found
        for item in items or []
    ]


def _list(api: Client, kind: Any) -> list[Any] | None:
    """Return all objects of a custom kind, or None if the cluster does not serve it."""
    try:
        return list(api.list(kind, namespace="*") if kind in MONITORS else api.list(kind))
    except httpx2.HTTPStatusError as error:
        if error.response.status_code == 404:
            return None
        raise


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _amount(value: float | None) -> str:
    if value is None:
        return "-"
    return "unlimited" if value == -1 else f"{value:g}"
