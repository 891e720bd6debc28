"""The faults that a test injects into the simulated operators (see `sandbox.operators`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from lightkube import ApiError, Client
from lightkube.resources.core_v1 import ConfigMap

from sandbox.operators import faults


@contextmanager
def injected(api: Client, data: Mapping[str, str]) -> Iterator[None]:
    """These faults and no others, until the block ends or `repair` is called."""
    metadata = {"name": faults.NAME, "namespace": faults.NAMESPACE}
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
    api.apply(cast("Any", ConfigMap).from_dict(content), field_manager="test")
    try:
        yield
    finally:
        repair(api)


def repair(api: Client) -> None:
    """Take all faults away."""
    try:
        api.delete(ConfigMap, faults.NAME, namespace=faults.NAMESPACE)
    except ApiError as error:
        if error.status.code != 404:
            raise
