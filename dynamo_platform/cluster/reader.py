"""Reads objects of any kind as JSON, and asks the API server whether it would create one.

It never changes the cluster: the only request that is not a GET is a server-side dry run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

from .observe import LiveObject, UnreadableError, kubeconfig_for

PARALLEL_REQUESTS = 20
"""Requests at a time."""

TIMEOUT_SECONDS = 10.0
"""The time limit for one request, in seconds."""

PAGE_SIZE = 500
"""Objects that one answer lists at most."""

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class Unread(NamedTuple):
    """Something that could not be read.

    Attributes:
        why: the reason, such as ``cannot list resource "secrets" in API group "" in the namespace "grove"``.
    """

    why: str


class Answer(NamedTuple):
    """The API server's answer to a dry run.

    Attributes:
        error: why it would not create the object; empty if it would.
    """

    error: str


class _RefusedError(Exception):
    """The API server answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Resource(NamedTuple):
    plural: str
    namespaced: bool


class Reader:
    """The API server, read with a kubeconfig's rights.

    Attributes:
        version: the cluster's version, such as ``1.34``.
        apis: the API versions that it serves beside ``v1``, such as ``apps/v1``.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._requests = asyncio.Semaphore(PARALLEL_REQUESTS)
        self._resources: dict[str, asyncio.Task[Mapping[str, _Resource]]] = {}
        self.version = ""
        self.apis: tuple[str, ...] = ()

    async def discover(self) -> None:
        """Read the cluster's version and the APIs that it serves.

        Raises:
            UnreadableError: the cluster does not answer, or does not accept the user.
        """
        try:
            version, groups = await asyncio.gather(self._request("version"), self._request("apis"))
        except _RefusedError as error:
            raise UnreadableError(str(error)) from error
        except Exception as error:
            # Other messages than the API server's may quote the output of a credential plugin.
            raise UnreadableError(f"it does not answer ({type(error).__name__})") from error
        self.version = f"{version['major']}.{re.sub('[^0-9]', '', version['minor'])}"
        self.apis = tuple(each["groupVersion"] for group in groups["groups"] for each in group["versions"])

    async def find(self, api_version: str, kind: str, namespace: str | None, name: str) -> LiveObject | Unread | None:
        """An object; None if it, or its kind, does not exist."""
        try:
            path = await self._path(api_version, kind, namespace)
            found: LiveObject | None = await self._request(f"{path}/{name}") if path else None
        except _RefusedError as error:
            return None if error.code == HTTPStatus.NOT_FOUND else _unread(error)
        except Exception as error:  # noqa: BLE001  one object that cannot be read does not hide the others
            return _unread(error)
        return found

    async def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Sequence[LiveObject] | Unread | None:
        """The objects of a kind; None if the cluster does not serve the kind.

        Args:
            api_version: its API version.
            kind: the kind.
            namespace: a namespace; None for all of them.
            labels: a label selector.
            fields: a field selector.
            metadata_only: whether to read no more than the objects' metadata.
        """
        params = {"labelSelector": labels, "fieldSelector": fields, "limit": str(PAGE_SIZE), "continue": ""}
        headers = {"Accept": _METADATA_ONLY} if metadata_only else {}
        found: list[LiveObject] = []
        try:
            path = await self._path(api_version, kind, namespace)
            while path:
                page = await self._request(
                    path, params={key: value for key, value in params.items() if value}, headers=headers
                )
                found += page["items"]
                params["continue"] = page["metadata"].get("continue", "")
                if not params["continue"]:
                    return found
        except Exception as error:  # noqa: BLE001  one kind that cannot be listed does not hide the others
            return _unread(error)
        return None

    async def dry_run(self, manifest: LiveObject) -> Answer | Unread | None:
        """Ask the API server whether it would create an object; None if it does not serve its kind.

        All admission webhooks are called. Nothing is created.
        """
        metadata = manifest["metadata"]
        try:
            path = await self._path(manifest["apiVersion"], manifest["kind"], metadata.get("namespace"))
            if path is None:
                return None
            await self._request(path, method="POST", json=manifest, params={"dryRun": "All"})
        except _RefusedError as error:
            # Without the right to create objects, no webhook is called.
            if error.code == HTTPStatus.FORBIDDEN and " cannot create resource " in str(error):
                return _unread(error)
            return Answer(str(error))
        except Exception as error:  # noqa: BLE001  as above
            return _unread(error)
        return Answer("")

    async def _path(self, api_version: str, kind: str, namespace: str | None) -> str | None:
        """The path of a kind's objects; None if the cluster does not serve it."""
        root = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        task = self._resources.setdefault(api_version, asyncio.ensure_future(self._served(root)))
        resource = (await task).get(kind)
        if resource is None:
            return None
        scope = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
        return f"{root}{scope}/{resource.plural}"

    async def _served(self, root: str) -> Mapping[str, _Resource]:
        try:
            answer = await self._request(root)
        except _RefusedError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return {}
            raise
        return {
            each["kind"]: _Resource(each["name"], each["namespaced"])
            for each in answer["resources"]
            if "/" not in each["name"]
        }

    async def _request(self, path: str, method: str = "GET", **options: Any) -> Any:
        async with self._requests:
            response = await self._client.request(method, path, **options)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            is_json = "json" in response.headers.get("Content-Type", "")
            message = response.json().get("message") if is_json else None
            raise _RefusedError(response.status_code, message or f"HTTP {response.status_code}")
        return response.json()


def _unread(error: Exception) -> Unread:
    """The reason, without the user's name. Other texts than the API server's may quote a credential plugin."""
    if not isinstance(error, _RefusedError):
        return Unread(type(error).__name__)
    right = re.search(r"cannot \w+ resource .*", str(error), re.DOTALL)
    return Unread(right[0] if right else str(error))


@asynccontextmanager
async def connected(context: str | None) -> AsyncIterator[Reader]:
    """The API server of a kubeconfig context.

    Args:
        context: the context; None for the current one.

    Raises:
        UnreadableError: there is no such context, or the cluster does not answer.
    """
    from lightkube import KubeConfig  # noqa: PLC0415  imported only where a cluster is read
    from lightkube.config.client_adapter import AsyncClient, ConnectionParams  # noqa: PLC0415

    try:
        config = KubeConfig.from_file(kubeconfig_for(context)).get(context)
        assert config  # noqa: S101  the file has the context
        client = AsyncClient(config, ConnectionParams())
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(f"the kubeconfig cannot be used ({type(error).__name__})") from error
    client.timeout = TIMEOUT_SECONDS
    async with client:
        reader = Reader(client)
        await reader.discover()
        yield reader
