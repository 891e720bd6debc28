"""Injects faults into the simulated operators (see `sandbox.operators`)."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from lightkube import ApiError, Client
from lightkube.resources.core_v1 import ConfigMap

from sandbox.operators import faults
from tests.engine.engine import STACK, Engine

RETRYING = "due to on-error hook request"
"""What Pulumi prints when a hook of ours has it try again."""


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


def up_repaired_at(engine: Engine, api: Client, sign: str) -> None:
    """Run `up`, which succeeds because the faults are removed when it prints the sign."""
    command = ("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)
    seen = False
    with subprocess.Popen(command, cwd=engine.folder, env=engine.env, stdout=subprocess.PIPE, text=True) as update:
        for line in update.stdout or ():
            if sign in line and not seen:
                seen = True
                repair(api)
    assert seen
    assert update.returncode == 0
