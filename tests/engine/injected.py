"""Injects faults into the simulated operators (see `sandbox.operators`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from lightkube import ApiError, Client
from lightkube.resources.core_v1 import ConfigMap

from sandbox.operators import faults


@contextmanager
def inject_faults(api: Client, data: Mapping[str, str]) -> Iterator[None]:
    """Inject exactly these faults, until the block ends or `repair` is called."""
    metadata = {"name": faults.NAME, "namespace": faults.NAMESPACE}
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
    api.apply(cast("Any", ConfigMap).from_dict(content), field_manager="test")
    try:
        yield
    finally:
        repair(api)


def repair(api: Client) -> None:
    """Remove all faults."""
    try:
        api.delete(ConfigMap, faults.NAME, namespace=faults.NAMESPACE)
    except ApiError as error:
        if error.status.code != 404:
            raise
