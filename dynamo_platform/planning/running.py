"""The current installation of this stack, against which an upgrade is checked.

It is read from the stack's own state, without a cluster. If only a version is given, it is what the same configuration
would have installed with that version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynamo_platform.catalog import Catalog
from dynamo_platform.catalog.model import Chart
from dynamo_platform.config.model import BackendMode, PlatformConfig, ReleaseConfig
from dynamo_platform.trees import value_at
from dynamo_platform.versions import Version

from .choices import BackendKey, Choices, Dependency, DependencyKey, parse_version
from .choosing import choose
from .model import QUEUE_API_VERSION, Installed, Plan, Running
from .sources import reference

COMPONENT = "dynamo-platform:index:DynamoPlatform"
"""Pulumi's type of the component."""

_RELEASE = f"{COMPONENT}$kubernetes:helm.sh/v3:Release"
_PROVIDER = f"{COMPONENT}$pulumi:providers:kubernetes"
_QUEUE = f"{COMPONENT}$kubernetes:{QUEUE_API_VERSION}:Queue"


def from_state(state: Mapping[str, Any], component: str, catalog: Catalog) -> Running | None:
    """What a component has installed, according to the stack's state; None if nothing yet.

    Args:
        state: type and outputs of the stack's resources by URN, as ``pulumi:pulumi:readStackResourceOutputs`` returns
            them.
        component: the component's name.
        catalog: the facts about upstream's charts.
    """
    releases = {outputs["name"]: outputs for outputs in _outputs(state, _RELEASE, component, "name")}
    queues = {
        outputs["metadata"]["name"]: outputs["spec"] for outputs in _outputs(state, _QUEUE, component, "metadata.name")
    }
    if not releases and not queues:
        return None
    provider = _provider(state, component)
    running = _running(releases, queues, catalog)
    return running._replace(context=provider.get("context"), cluster=provider.get("clusterIdentifier"))


def from_plan(plan: Plan) -> Running:
    """The installation after a plan is applied."""
    releases = {
        release.name: {**release._asdict(), "repositoryOpts": {"repo": release.repository}} for release in plan.releases
    }
    running = _running(releases, {queue.name: queue.spec for queue in plan.queues}, plan.catalog)
    return running._replace(context=plan.cluster)


def _running(
    releases: Mapping[str, Mapping[str, Any]], queues: Mapping[str, Mapping[str, Any]], catalog: Catalog
) -> Running:
    outputs = releases.get(catalog.platform.chart)
    platform = _installed_release(outputs) if outputs else None
    values = outputs.get("values") or {} if outputs else {}
    minor = catalog.minor(platform.version) if platform and platform.version else None

    def setting(path: str) -> Any:
        version = platform.version if platform else None
        return catalog.setting("dynamo-platform", path, version, values) if version else None

    def dependency(key: DependencyKey, chart: Chart, bundled: Version | None) -> Installed:
        if chart_release := releases.get("grove" if key == "grove" else "kai-scheduler"):
            return _installed_release(chart_release)
        if platform and setting(f"{key}.install") is True:
            return _installed_subchart(chart, bundled, platform.namespace)
        return Installed("external" if setting(f"{key}.enabled") is True else "disabled")

    def backend(key: BackendKey) -> BackendMode | None:
        if platform is None:
            return None
        if setting(f"{key}.install") is True:
            return "bundled"
        return "external" if setting(f"{key}.address") else "disabled"

    return Running(
        platform=platform,
        kai=dependency("kaiScheduler", catalog.kai_scheduler, minor.kai_scheduler.bundled if minor else None),
        grove=dependency("grove", catalog.grove, minor.grove.bundled if minor else None),
        nats=backend("nats"),
        etcd=backend("etcd"),
        queues=queues,
    )


def from_version(version: str, config: PlatformConfig, catalog: Catalog) -> Running:
    """What the same configuration would have installed with another version of the platform."""
    return from_config(config.model_copy(update={"version": version}), catalog)


def from_config(config: PlatformConfig, catalog: Catalog) -> Running:
    """What a configuration would have installed."""
    c = choose(config, catalog, provider_given=False)
    repository = catalog.platform.repository(c.version or catalog.platform.versions[-1])
    past = next((row for row in catalog.platform.past if c.version and row.minor == c.version.minor_line), None)
    return Running(
        platform=Installed(
            "separate",
            c.version,
            c.namespace,
            reference(config, catalog.platform.chart, repository, config.registry),
        ),
        kai=_assumed(c, c.kai, past.kai_scheduler if past else c.kai.version),
        grove=_assumed(c, c.grove, past.grove if past else c.grove.version),
        nats=c.nats.mode or _default(catalog, "nats.mode", c.version if past else None),
        etcd=c.etcd.mode or _default(catalog, "etcd.mode", c.version if past else None),
        queues={},
    )


def _default(catalog: Catalog, setting: str, version: Version | None) -> BackendMode | None:
    return catalog.platform.default(setting, version).value if version else None


def _outputs(state: Mapping[str, Any], kind: str, component: str, name: str) -> Iterator[Mapping[str, Any]]:
    """Outputs of a component's resources of a kind, whose names start with the component's name."""
    for urn, resource in state.items():
        own, _, resource_name = urn.rpartition("::")
        outputs = resource["outputs"]
        object_name = value_at(outputs, name)
        named = component if component == object_name else f"{component}-{object_name}"
        if own.endswith(kind) and object_name and resource_name == named:
            yield outputs


def _provider(state: Mapping[str, Any], component: str) -> Mapping[str, Any]:
    """Outputs of the provider that the component registered for a context; empty if there is none."""
    end = f"{_PROVIDER}::{component}-cluster"
    return next((each["outputs"] for urn, each in state.items() if urn.endswith(end)), {})


def _installed_release(outputs: Mapping[str, Any]) -> Installed:
    repository = value_at(outputs, "repositoryOpts.repo")
    chart = f"{repository.rstrip('/')}/{outputs['chart']}" if repository else outputs["chart"]
    return Installed("separate", parse_version(outputs["version"]), outputs["namespace"], chart)


def _installed_subchart(chart: Chart, version: Version | None, namespace: str | None) -> Installed:
    return Installed(
        "bundled",
        version,
        namespace,
        reference(ReleaseConfig(), chart.chart, chart.repository(version), None) if version else None,
    )


def _assumed(c: Choices, d: Dependency, version: Version | None) -> Installed:
    if d.mode == "bundled":
        return _installed_subchart(d.chart, version, d.namespace)
    if d.mode == "separate" and d.version:
        chart = reference(d.config, d.chart.chart, d.chart.repository(d.version), c.config.registry)
        return Installed("separate", d.version, d.namespace, chart)
    return Installed(d.mode or "disabled")
