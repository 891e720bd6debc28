"""Chart values: what each release is given, from the choices, for every band.

What the module writes is flat here, one entry for each leaf (``global.grove.install``), so that rules can compare it
with what the user's ``values`` say. ``nested`` and ``merged`` make Helm's tree of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .choices import Choices, Dependency

Leaves = dict[str, Any]


def platform_leaves(c: Choices) -> Leaves:
    """What the module writes for the platform's release."""
    if c.band is None:
        return {}
    leaves: Leaves = {}
    for dependency in c.dependencies:
        # Both flags, always: install alone implies enabled today, and an omitted flag is a default that may move.
        leaves[f"global.{dependency.name}.install"] = dependency.mode == "bundled"
        leaves[f"global.{dependency.name}.enabled"] = dependency.on
    leaves |= dict.fromkeys(c.band.nats, c.nats.mode == "bundled")
    leaves |= dict.fromkeys(c.band.etcd, c.etcd.mode == "bundled")
    for backend in (c.nats, c.etcd):
        if backend.mode == "external":
            leaves[f"dynamo-operator.{backend.key}Addr"] = backend.address
    leaves["dynamo-operator.discoveryBackend"] = c.config.discovery_backend or "kubernetes"
    monitoring = c.config.monitoring
    # Auto is an absent key: null for its parent breaks the chart's templates.
    if monitoring and monitoring.pod_monitors is not None:
        leaves["dynamo-operator.dynamo.metrics.podMonitors.enabled"] = monitoring.pod_monitors
    if monitoring and monitoring.metrics_service is not None:
        leaves["dynamo-operator.metricsService.enabled"] = monitoring.metrics_service
    for dependency in c.dependencies:
        if dependency.mode == "bundled":
            leaves |= {f"{dependency.name}.{leaf}": value for leaf, value in dependency_leaves(c, dependency).items()}
    return leaves


def dependency_leaves(c: Choices, dependency: Dependency) -> Leaves:
    """What the module writes for KAI Scheduler or Grove, in a release of its own or below the subchart's key."""
    return _kai_leaves(c) if dependency is c.kai else _grove_leaves(c)


def _kai_leaves(c: Choices) -> Leaves:
    staleness = c.catalog.kai_and_grove.staleness
    kai, grove = c.kai.version, c.grove.version
    if kai and grove and c.grove.on and grove >= staleness.grove_from and c.kai.chart.has("scheduler.args", kai):
        return {"scheduler.args.default-staleness-grace-period": staleness.value}
    return {}


def _grove_leaves(c: Choices) -> Leaves:
    wanted = {
        # Without probes "Ready" says nothing, and the first workload meets a webhook that does not listen yet:
        # https://github.com/ai-dynamo/grove/issues/742
        "config.server.healthProbes.enable": True,
        # An empty Secret in the release overwrites the operator's certificate at every upgrade:
        # https://github.com/ai-dynamo/grove/issues/453
        "webhookServerSecret.enabled": False,
        # Helm never upgrades a chart's crds/: https://github.com/ai-dynamo/grove/issues/436
        "crdInstaller.enabled": True,
    }
    version = c.grove.version
    return {leaf: value for leaf, value in wanted.items() if version and c.grove.chart.has(leaf, version)}


def platform_values(c: Choices) -> dict[str, Any]:
    """The platform release's complete values: the module's, then each bundled one's, then the user's."""
    values = nested(platform_leaves(c))
    for dependency in c.dependencies:
        if dependency.mode == "bundled" and dependency.values:
            values = merged(values, {dependency.name: dependency.values})
    return merged(values, c.config.values or {})


def dependency_values(c: Choices, dependency: Dependency) -> dict[str, Any]:
    """A separate release's complete values: the module's, then the user's."""
    return merged(nested(dependency_leaves(c, dependency)), dependency.values)


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        *parents, last = path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def value_at(tree: Mapping[str, Any], path: str) -> Any:
    """What stands at ``a.b`` of ``{"a": {"b": 1}}``; None where nothing does."""
    node: Any = tree
    for step in path.split("."):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` merged into ``base`` as Helm merges values: maps by key, everything else replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result
