"""Monitors: each setting with and without the Prometheus operator's CRDs, and with CRDs that are installed later."""

import time
from typing import Any

import httpx2
import pytest
from lightkube import Client
from lightkube.models.apiextensions_v1 import (
    CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion,
    CustomResourceValidation,
    JSONSchemaProps,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.core_v1 import Service

from sandbox import status
from sandbox.cluster import client
from sandbox.commands import CommandError
from tests.engine.engine import Engine
from tests.engine.stacks import NEW, stack

pytestmark = pytest.mark.slow

GROUP = "monitoring.coreos.com"
POD_MONITORS = {
    f"PodMonitor/dynamo-system/dynamo-{part}" for part in ("epp", "frontend", "planner", "router", "worker")
}
SERVICE_MONITOR = {"ServiceMonitor/dynamo-system/dynamo-platform-dynamo-operator-operator"}
METRICS_SERVICE = "dynamo-system/dynamo-platform-dynamo-operator"


def configure(engine: Engine, pod_monitors: Any, metrics_service: Any) -> None:
    monitoring = {"podMonitors": pod_monitors, "metricsService": metrics_service}
    engine.configure(stack("disabled", "disabled", NEW, monitoring=monitoring))


def serve_monitors(engine: Engine) -> None:
    """Install the CRDs of the Prometheus operator and wait until they are served."""
    api = client(engine.sandbox.paths.kubeconfig)
    for kind in ("PodMonitor", "ServiceMonitor"):
        api.create(definition(kind))
    deadline = time.monotonic() + 20
    while not all(served(api, kind) for kind in status.MONITORS):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def served(api: Client, kind: Any) -> bool:
    try:
        return list(api.list(kind, namespace="*")) == []
    except httpx2.HTTPStatusError as error:
        if error.response.status_code in {404, 429}:
            return False
        raise


def definition(kind: str) -> Any:
    plural = f"{kind.lower()}s"
    anything = CustomResourceValidation(JSONSchemaProps(type="object", x_kubernetes_preserve_unknown_fields=True))
    return CustomResourceDefinition(
        metadata=ObjectMeta(name=f"{plural}.{GROUP}"),
        spec=CustomResourceDefinitionSpec(
            group=GROUP,
            names=CustomResourceDefinitionNames(kind=kind, plural=plural),
            scope="Namespaced",
            versions=[CustomResourceDefinitionVersion(name="v1", served=True, storage=True, schema=anything)],
        ),
    )


def monitors(engine: Engine) -> set[str]:
    return set(engine.status().monitors or ())


@pytest.mark.parametrize(
    ("pod_monitors", "metrics_service", "expected"),
    [
        (True, False, POD_MONITORS),
        (False, True, SERVICE_MONITOR),
        ("auto", None, POD_MONITORS | SERVICE_MONITOR),
    ],
)
def test_with_prometheus_true_and_null_make_monitors(
    fresh: Engine, pod_monitors: Any, metrics_service: Any, expected: set[str]
) -> None:
    serve_monitors(fresh)
    configure(fresh, pod_monitors, metrics_service)
    fresh.up()
    assert monitors(fresh) == expected
    assert (METRICS_SERVICE in fresh.objects(Service)) == (metrics_service is not False)
    fresh.assert_unchanged()


@pytest.mark.parametrize(("pod_monitors", "metrics_service"), [(None, False), (False, None)])
def test_without_prometheus_false_and_null_make_none(fresh: Engine, pod_monitors: Any, metrics_service: Any) -> None:
    configure(fresh, pod_monitors, metrics_service)
    fresh.up()
    assert fresh.status().monitors is None
    assert (METRICS_SERVICE in fresh.objects(Service)) == (metrics_service is not False)
    fresh.assert_unchanged()


@pytest.mark.parametrize(
    ("pod_monitors", "metrics_service", "kind", "expected"),
    [(True, False, "PodMonitor", POD_MONITORS), (False, True, "ServiceMonitor", SERVICE_MONITOR)],
)
def test_true_fails_until_prometheus_is_there(
    fresh: Engine, pod_monitors: bool, metrics_service: bool, kind: str, expected: set[str]
) -> None:
    configure(fresh, pod_monitors, metrics_service)
    with pytest.raises(CommandError, match=f'no matches for kind "{kind}" in version "{GROUP}/v1"'):
        fresh.up()
    assert fresh.releases() == {}
    serve_monitors(fresh)
    fresh.up()
    assert monitors(fresh) == expected
    fresh.assert_unchanged()


def test_null_sees_prometheus_at_the_next_change_of_the_release(fresh: Engine) -> None:
    configure(fresh, None, None)
    fresh.up()
    serve_monitors(fresh)
    fresh.assert_unchanged()
    assert monitors(fresh) == set()

    configure(fresh, pod_monitors=True, metrics_service=None)
    fresh.up()
    assert monitors(fresh) == POD_MONITORS | SERVICE_MONITOR
    fresh.assert_unchanged()
