"""The operators' view of the API server: watched kinds in memory, and changes by server-side apply."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast

from httpx2 import HTTPError, HTTPStatusError
from lightkube import ApiError, AsyncClient
from lightkube.core.resource import GlobalResource, NamespacedResource, api_info
from lightkube.resources.apiregistration_v1 import APIService
from lightkube.types import PatchType

RETRY_SECONDS = 0.2
"""The delay before a failed list or reconciliation is retried."""

Manifest = dict[str, Any]
Kind = TypeVar("Kind", bound=NamespacedResource | GlobalResource)

log = logging.getLogger(__name__)


class Store(Generic[Kind]):
    """All objects of one kind, updated by list and watch; empty while the API server does not serve the kind."""

    def __init__(self, cluster: "Cluster", kind: type[Kind], fields: Mapping[str, str] | None) -> None:
        self.kind = kind
        self._cluster = cluster
        self._fields = fields
        self._objects: dict[tuple[str | None, str], Kind] = {}
        self.synced = asyncio.Event()
        self.changed = asyncio.Event()

    def __iter__(self) -> Iterator[Kind]:
        return iter(list(self._objects.values()))

    def get(self, name: str, namespace: str | None = None) -> Kind | None:
        """Return the object with that name, or None. Cluster-scoped objects have no namespace."""
        return self._objects.get((namespace, name))

    async def follow(self) -> None:
        """Update the store until cancelled. A missing CRD or a restart of the API server does not end it."""
        resource = api_info(self.kind).resource
        while True:
            try:
                await self._list_and_watch()
            except HTTPError as error:
                if _status(error) == HTTPStatus.NOT_FOUND:
                    self._replace({})
                    await self._cluster.wait_until_served(resource.group, resource.version)
                elif _status(error) != HTTPStatus.GONE:
                    log.warning("%s: %s", resource.kind, str(error).partition("\n")[0] or repr(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _list_and_watch(self) -> None:
        client, scope = cast("Any", self._cluster.client), {}
        if issubclass(self.kind, NamespacedResource):
            scope = {"namespace": "*"}
        listed = client.list(self.kind, fields=self._fields, **scope)
        self._replace({_key(item): item async for item in listed})
        events = client.watch(self.kind, fields=self._fields, resource_version=listed.resourceVersion, **scope)
        async for event, item in events:
            if event == "DELETED":
                self._objects.pop(_key(item), None)
            else:
                self._objects[_key(item)] = item
            self._notify()

    def _replace(self, objects: dict[tuple[str | None, str], Kind]) -> None:
        self._objects = objects
        self.synced.set()
        self._notify()

    def _notify(self) -> None:
        self.changed.set()
        self.changed.clear()
        for wake in self._cluster.wake_events:
            wake.set()


class Cluster:
    """What the operators share: a client, the stores, the events that wake the operators, and the delay of pods."""

    def __init__(self, client: AsyncClient, pod_delay: float = 0) -> None:
        self.client = client
        self.pod_delay = pod_delay
        self.wake_events: list[asyncio.Event] = []
        self._stores: dict[tuple[type, str], Store[Any]] = {}
        self._applied: dict[tuple[str, str | None, str], tuple[Manifest, int | None]] = {}
        self._patched: dict[str, str] = {}
        self._services = self.store(APIService)

    def store(self, kind: type[Kind], fields: Mapping[str, str] | None = None) -> Store[Kind]:
        """Return the shared store of a kind; `fields` is a field selector."""
        return self._stores.setdefault((kind, str(fields)), Store(self, kind, fields))

    async def follow(self) -> None:
        """Update all stores until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for store in self._stores.values():
                tasks.create_task(store.follow())

    async def wait_until_synced(self) -> None:
        """Wait until every store has been listed once."""
        for store in self._stores.values():
            await store.synced.wait()

    def serves(self, group: str) -> bool:
        """Return whether the API server serves any version of the group."""
        return any(service.spec is not None and service.spec.group == group for service in self._services)

    async def wait_until_served(self, group: str, version: str) -> None:
        """Wait until the API server serves the group's version."""
        while self._services.get(f"{version}.{group}") is None:
            await self._services.changed.wait()

    async def apply(self, kind: type, manifest: Manifest, manager: str) -> Any:
        """Server-side apply the manifest, forcing conflicts; return the object."""
        how = {"patch_type": PatchType.APPLY, "field_manager": manager, "force": True}
        return await self._patch(kind, manifest["metadata"], manifest, **how)

    async def ensure(self, store: Store[Any], manifest: Manifest, manager: str) -> None:
        """Apply the manifest unless it was applied before and the object's spec has not changed since."""
        name, namespace = manifest["metadata"]["name"], manifest["metadata"].get("namespace")
        key, live = (manifest["kind"], namespace, name), store.get(name, namespace)
        if live is None or self._applied.get(key) != (manifest, live.metadata.generation):
            applied = await self.apply(store.kind, manifest, manager)
            self._applied[key] = (manifest, applied.metadata.generation)

    async def patch_status(self, live: Any, status: Manifest) -> bool:
        """Merge `status` into the object's status: conditions by type for built-in kinds, whole lists for custom ones.

        Return False if this version of the object was already patched and the store has not seen the result yet.
        """
        if self._patched.get(live.metadata.uid) == live.metadata.resourceVersion:
            return False
        patch_type = PatchType.MERGE if isinstance(live, dict) else PatchType.STRATEGIC
        await self._patch(type(live).Status, live.metadata.to_dict(), {"status": status}, patch_type=patch_type)
        self._patched[live.metadata.uid] = live.metadata.resourceVersion
        return True

    async def delete(self, kind: Any, name: str, namespace: str | None = None) -> None:
        """Delete the object if it exists."""
        scope = {"namespace": namespace} if namespace else {}
        try:
            await cast("Any", self.client).delete(kind, name, **scope)
        except ApiError as error:
            if _status(error) != HTTPStatus.NOT_FOUND:
                raise

    async def _patch(self, kind: Any, metadata: Manifest, patch: Manifest, **how: Any) -> Any:
        scope = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
        return await self.client.patch(kind, metadata["name"], patch, **scope, **how)


def _key(item: Any) -> tuple[str | None, str]:
    return item.metadata.namespace, item.metadata.name


def _status(error: HTTPError) -> int | None:
    if isinstance(error, ApiError):
        return error.status.code
    return error.response.status_code if isinstance(error, HTTPStatusError) else None
