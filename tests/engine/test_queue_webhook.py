"""The webhook of KAI's queues in every state that the API server reports: tried again, or given up with the reason."""

from typing import Any, cast

import pytest
from lightkube import Client
from lightkube.resources.core_v1 import Service

from sandbox.cluster import client
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.engine.engine import QUEUE, Engine
from tests.engine.injected import RETRYING, inject_faults, up_repaired_at
from tests.engine.stacks import KAI_QUEUES, NEW, stack

NAMESPACE = "kai-scheduler"
STARTING = {"name": "not-ready", "namespace": NAMESPACE}
"""A Service without pods."""
FINAL = {
    "queue-webhook.trusted": ("false", "x509: certificate signed by unknown authority", "(caBundle)"),
    "queue-webhook.service": ("nowhere", 'service "nowhere" not found', "names a Service that does not exist"),
    "queue-webhook.status": ("404", "the server could not find the requested resource", "has no such path"),
}
"""A fault, the API server's error, and what it means."""
TRANSIENT = {"queue-webhook.service": "not-ready", "queue-webhook.status": "502"}


@pytest.fixture
def api(sandbox: Sandbox, engine: Engine) -> Client:
    """A cluster with KAI and a Service without pods."""
    engine.install("kai-scheduler", "kai-scheduler", NEW["kai"], NAMESPACE)
    api = client(sandbox.paths.kubeconfig)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": STARTING, "spec": {"ports": [{"port": 443}]}}
    api.apply(cast("Any", Service).from_dict(service), field_manager="test")
    return api


def configure(engine: Engine, quota: int) -> None:
    """Configure a quota: each is a change of a queue, which the webhook reviews."""
    config = stack("external", "disabled", NEW)
    config["kaiScheduler"] |= {"namespace": NAMESPACE, "timeout": 60}
    config["queues"] = [{"name": "dynamo", "parent": "dynamo-default", "gpu": {"quota": quota, "limit": -1}}]
    engine.configure(config)


def test_starting_webhook_is_waited_for_and_broken_one_given_up_at_once(engine: Engine, api: Client) -> None:
    configure(engine, 1)
    for fault, (value, error, meaning) in FINAL.items():
        with inject_faults(api, {fault: value}), pytest.raises(CommandError) as failed:
            engine.up()
        assert error in failed.value.output
        assert meaning in failed.value.output
        assert RETRYING not in failed.value.output
        assert engine.uids(QUEUE).keys() == KAI_QUEUES
    for quota, (fault, value) in enumerate(TRANSIENT.items()):
        configure(engine, quota)
        with inject_faults(api, {fault: value}):
            up_repaired_at(engine, api, RETRYING)
        assert engine.specs(QUEUE)["dynamo"]["resources"]["gpu"]["quota"] == quota
    engine.destroy()
