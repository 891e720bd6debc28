"""The small objects whose creation is tried out, so that the webhooks of KAI Scheduler, Grove and Dynamo are called."""

from __future__ import annotations

from typing import Any

from dynamo_platform.planning.model import QUEUE_API_VERSION, Plan

TEST_NAME = "dynamo-platform-verify"
"""The name of every object that is tried out."""

_POD = {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}


def dry_run_objects(plan: Plan) -> list[dict[str, Any]]:
    """A queue, a PodCliqueSet and a DynamoGraphDeployment, of those that the plan needs."""
    namespace = plan.platform.namespace
    found = [
        _object(
            "nvidia.com/v1alpha1",
            "DynamoGraphDeployment",
            {"services": {"Frontend": {"componentType": "frontend", "replicas": 1}}},
            namespace,
        )
    ]
    if plan.modes["grove"] != "disabled":
        clique = {"name": "main", "spec": {"roleName": "main", "replicas": 1, "minAvailable": 1, "podSpec": _POD}}
        spec = {"replicas": 1, "template": {"cliques": [clique]}}
        found.insert(0, _object("grove.io/v1alpha1", "PodCliqueSet", spec, namespace))
    if plan.modes["kai-scheduler"] != "disabled":
        share = {"quota": 0, "limit": 0, "overQuotaWeight": 1}
        resources = dict.fromkeys(("cpu", "gpu", "memory"), share)
        found.insert(0, _object(QUEUE_API_VERSION, "Queue", {"resources": resources}))
    return found


def _object(api_version: str, kind: str, spec: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": TEST_NAME} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
