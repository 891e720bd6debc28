"""A release that fails says which of its objects are not ready, and why."""

from collections.abc import Iterator

import pytest
from lightkube import Client
from lightkube.resources.storage_v1 import StorageClass

from sandbox.cluster import client
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.engine.engine import Engine
from tests.engine.injected import inject_faults
from tests.engine.stacks import NEW, separate, stack


@pytest.fixture
def api(sandbox: Sandbox) -> Client:
    return client(sandbox.paths.kubeconfig)


@pytest.fixture
def no_default_class(api: Client) -> Iterator[None]:
    """No StorageClass in the cluster."""
    classes = list(api.list(StorageClass))
    for each in classes:
        api.delete(StorageClass, str(each.metadata and each.metadata.name))
    yield
    for each in classes:
        assert each.metadata
        each.metadata.resourceVersion = None
        api.create(each)


def fails(engine: Engine) -> str:
    """Return the output of an `up` that fails."""
    with pytest.raises(CommandError) as failed:
        engine.up()
    return failed.value.output


@pytest.mark.usefixtures("no_default_class")
def test_claim_without_a_storage_class_is_named(engine: Engine) -> None:
    engine.configure(stack("disabled", "disabled", NEW, nats={"mode": "bundled"}, timeout=8))
    said = fails(engine)
    assert "release dynamo-platform failed." in said
    assert "Not ready in namespace dynamo-system:" in said
    assert "StatefulSet dynamo-platform-nats: 0 of 1 pods available" in said
    assert (
        "PersistentVolumeClaim dynamo-platform-nats-js-dynamo-platform-nats-0: Pending, StorageClass not set, and the "
        "cluster has no default one" in said
    )
    assert "FailedBinding: no persistent volumes available for this claim and no storage class is set" in said
    assert "Deployment dynamo-platform-dynamo-operator" not in said
    engine.destroy()


def test_failing_hook_is_reported_with_its_events(engine: Engine, api: Client) -> None:
    config = separate(NEW)
    config["kaiScheduler"]["timeout"] = 8
    engine.configure(config)
    with inject_faults(api, {"crd-upgrader.ready": "false"}):
        said = fails(engine)
    assert "release kai-scheduler failed." in said
    assert "Not ready in namespace kai-scheduler:" in said
    assert "Job crd-upgrader (hook pre-install,pre-upgrade): 0 of 1 completed" in said
    assert "container upgrader terminated with exit code 1: Error: held back by the fault that was injected" in said
    assert "Normal Job crd-upgrader: SuccessfulCreate: Created pod: crd-upgrader-" in said
    # Helm tries the release again.
    engine.up()
    assert engine.releases()["kai-scheduler"] == (NEW["kai"], "deployed")
    engine.destroy()
