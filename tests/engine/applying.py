"""Runs the commands in the README of rendered files.

The toolchain has no kubectl: its commands are translated to API calls. Helm's commands are run unchanged.
"""

import re
import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import yaml
from httpx2 import HTTPStatusError
from lightkube import ApiError, Client
from lightkube.codecs import from_dict, resource_registry
from lightkube.core.resource import NamespacedResource
from lightkube.generic_resource import load_in_cluster_generic_resources
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.batch_v1 import Job

from dynamo_platform.rendering.objects import Key, key_of
from sandbox.cluster import CONTEXT, client
from tests.engine.engine import CONFIG, SHARD, Engine

TIMEOUT_SECONDS = 60
WAITED_FOR: dict[str, Any] = {
    "config.kai.scheduler": CONFIG,
    "schedulingshard.kai.scheduler": SHARD,
    "deployment.apps": Deployment,
    "job.batch": Job,
}
OTHERS = ("helm.sh/hook", "meta.helm.sh/", "pulumi.com/", "dynamo-platform/", "deployment.kubernetes.io/")
"""Prefixes of annotations that tools and controllers write for their own bookkeeping."""
OF_ONE_CLUSTER = {"caBundle", "clusterIP", "clusterIPs", "status", "url"}
"""Fields that differ between clusters."""


def follow(engine: Engine, folder: Path) -> None:
    """Run the commands of the folder's README."""
    api = client(engine.sandbox.paths.kubeconfig)
    (block,) = re.findall(r"```sh\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    for line in block.replace("\\\n", "").splitlines():
        words = shlex.split(line)
        if words[:2] == ["kubectl", "--context"]:
            assert words[2] == CONTEXT
            words[1:3] = []
        match words:
            case ["kubectl", "apply", "--server-side", "--force-conflicts", "-f", stage]:
                apply(api, folder / stage)
            case ["kubectl", "wait", "--for=condition=Established", _, "crd", "--all"]:
                _eventually(lambda: all(_has(crd, "Established") for crd in api.list(CustomResourceDefinition)))
            case ["kubectl", *arguments]:
                _wait(api, arguments)
            case ["helm", *arguments]:
                engine.run("sh", "-c", f'cd "$0" && helm {shlex.join(arguments)}', str(folder))
            case other:
                raise AssertionError(other)


def apply(api: Client, stage: Path) -> None:
    """`kubectl apply --server-side --force-conflicts -f stage`, retried while a webhook does not listen."""
    load_in_cluster_generic_resources(api)
    for file in sorted(stage.glob("*.yaml")):
        for manifest in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader):
            _eventually(lambda each=manifest: _applied(api, each))  # type: ignore[misc]


def _applied(api: Client, manifest: dict[str, Any]) -> bool:
    try:
        cast("Any", api).apply(from_dict(manifest), field_manager="kubectl", force=True)
    except ApiError as error:
        if "failed calling webhook" not in str(error):
            raise
        return False
    return True


def _wait(api: Client, arguments: list[str]) -> None:
    (where,) = (each for each in arguments if "/" in each)
    kind, name = where.split("/")
    scope = {"namespace": arguments[arguments.index("-n") + 1]} if "-n" in arguments else {}
    condition = "".join(re.findall(r"--for=condition=(\w+)", " ".join(arguments)))
    waited_for = condition or ("Available" if "rollout" in arguments else "")

    def open_() -> bool:
        try:
            found = cast("Any", api).get(WAITED_FOR[kind], name, **scope)
        except HTTPStatusError:
            return False
        return not waited_for or _has(found, waited_for)

    _eventually(open_)


def _has(found: Any, condition: str) -> bool:
    status = found.to_dict().get("status") or {}
    return any(each["type"] == condition and each["status"] == "True" for each in status.get("conditions") or ())


def _eventually(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not look():
        assert time.monotonic() < deadline, f"not done after {TIMEOUT_SECONDS} s"
        time.sleep(0.2)


def live(engine: Engine, kinds: Iterable[tuple[str, str]]) -> dict[Key, Any]:
    """Return every object of these kinds (API version and kind) once they have stopped changing."""
    kinds = list(kinds)
    found: dict[Key, Any] = {}
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while identities(found) != identities(found := _objects(engine, kinds)):
        assert time.monotonic() < deadline, f"objects still change after {TIMEOUT_SECONDS} s"
        time.sleep(1.5)
    return found


def identities(objects: dict[Key, Any]) -> dict[Key, tuple[str, int]]:
    """Return the UID and generation of each object."""
    return {key: (each["metadata"]["uid"], each["metadata"].get("generation", 0)) for key, each in objects.items()}


def _objects(engine: Engine, kinds: Iterable[tuple[str, str]]) -> dict[Key, Any]:
    """Return the objects in the cluster, except those of the control plane and Helm's release Secrets."""
    api = client(engine.sandbox.paths.kubeconfig)
    load_in_cluster_generic_resources(api)
    found: dict[Key, Any] = {}
    for api_version, kind in kinds:
        resource = cast("Any", resource_registry.load(api_version, kind))
        for item in (
            api.list(resource, namespace="*") if issubclass(resource, NamespacedResource) else api.list(resource)
        ):
            manifest = item.to_dict() | {"apiVersion": api_version, "kind": kind}
            key = key_of(manifest, "")
            of_the_cluster = key.namespace in {"default", "kube-system"} or key.name == "kube-root-ca.crt"
            if not of_the_cluster and not key.name.startswith("sh.helm.release."):
                found[key] = manifest
    return found


def content(manifest: Any) -> Any:
    """Return the desired state of a live object, without fields of the cluster, Helm and Pulumi."""
    metadata = manifest["metadata"]
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if v != "Helm"}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if not k.startswith(OTHERS)}
    return _settled(manifest | {"metadata": {"labels": labels, "annotations": annotations}})


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items() if key not in OF_ONE_CLUSTER}
    return [_settled(item) for item in value] if isinstance(value, list) else value
