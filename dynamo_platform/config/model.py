"""The user's page: what the platform should be, in words that no chart key shows through.

Python spells the names in snake_case, stack configuration in camelCase. Everything may be left out here; what must not
be left out, and what fits together, is for the rules to say (``rules.py``), so that one run reports everything.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

Mode = Literal["separate", "bundled", "external", "disabled"]
Profile = Literal["production", "development"]
BackendMode = Literal["bundled", "external", "disabled"]
CertificateMode = Literal["automatic", "cert-manager", "own"]

NAMESPACE = "dynamo-platform"
"""The namespace of the stack configuration's keys: ``dynamo-platform:version``."""

DOCS = "docs/configuration.md#settings"

MAX_LEVELS = 50
"""Levels of mappings and lists in chart values; upstream's charts have fewer than twenty."""

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
OBJECT_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
REPOSITORY = r"^(https?|oci)://[^ /]"
KUBERNETES = r"^v?1\.[0-9][0-9](\.[0-9]+)?$"
MIRROR = r"^[a-z0-9][-a-z0-9.]*(:[0-9]+)?(/[a-z0-9][-a-z0-9._]*)*$"
DURATION = r"^-?([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$"
BASE64 = r"^[A-Za-z0-9+/]+=*$"


def _auto_is_null(value: object) -> object:
    # `pulumi config set --path` stores null, and any other word, as text: https://github.com/pulumi/pulumi/issues/5442
    return None if value == "auto" else value


def _bounded(values: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [values]
    for _ in range(MAX_LEVELS + 1):
        entries = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [entry for each in entries for entry in each]
    if level:
        raise PydanticCustomError("too_deep", f"at most {MAX_LEVELS} levels of mappings and lists")
    return values


def _counted(amount: float) -> float:
    if amount < 0 and amount != -1:
        raise PydanticCustomError("amount", "-1 for unlimited, or a number from 0 on")
    return amount


Values = Annotated[dict[str, Any], AfterValidator(_bounded)]
TriState = Annotated[bool | None, BeforeValidator(_auto_is_null), WithJsonSchema({"enum": [True, False, None, "auto"]})]
Text = Annotated[str, StringConstraints(min_length=1)]
DnsLabel = Annotated[str, StringConstraints(pattern=DNS_LABEL, max_length=63)]
ObjectName = Annotated[str, StringConstraints(pattern=OBJECT_NAME, max_length=253)]
Amount = Annotated[
    float,
    Field(allow_inf_nan=False),
    AfterValidator(_counted),
    WithJsonSchema({"type": "number", "anyOf": [{"const": -1}, {"minimum": 0}]}),
]


def to_camel(name: str) -> str:
    """``kai_scheduler`` as ``kaiScheduler``: what pydantic's function does, in a tenth of its time for each field."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=False,
        defer_build=True,
    )


class ReleaseConfig(_Part):
    """What every Helm release takes.

    Attributes:
        version: the chart's exact version, with the leading ``v`` where upstream's tag has one.
        namespace: the release's namespace, created by Helm when it is missing.
        values: chart values, merged last over what the module writes.
        timeout: seconds that Helm, and the gates after the release, may wait; default 600.
        chart: a local chart (folder or ``.tgz``, relative to the project), a full ``oci://`` reference, or the chart's
            name in ``repository``; default upstream's chart.
        repository: an ``https://`` or ``oci://`` chart repository to use instead of upstream's.
    """

    version: Text | None = None
    namespace: DnsLabel | None = None
    values: Values | None = None
    timeout: Annotated[int, Field(ge=1)] | None = None
    chart: Text | None = None
    repository: Annotated[str, StringConstraints(pattern=REPOSITORY)] | None = None


class DependencyConfig(ReleaseConfig):
    """KAI Scheduler or Grove.

    Attributes:
        mode: ``separate`` (a release of its own), ``bundled`` (the platform's subchart), ``external`` (someone else
            installed it) or ``disabled``; default by profile. With ``external``, ``version`` and ``namespace`` say what
            is there; with ``bundled``, ``values`` go below the subchart's key.
    """

    mode: Mode | None = None


class KaiSchedulerConfig(DependencyConfig):
    """KAI Scheduler, installed by this stack.

    Attributes:
        staleness_grace_period: how long a gang may be below its minimum before it is evicted, as a duration with its
            unit, ``-1s`` for ever; default ``-1s`` with a Grove that builds gangs itself, else KAI's own ``60s``.
        topology_migration: whether the hook runs that moves topologies of an old KAI Scheduler; default the chart's,
            true. It fails where the cluster holds a Topology of Kueue's.
        gpu_runtime_class: the RuntimeClass of GPU pods (from 0.16 of those with a fraction), ``""`` for none; default
            the chart's, ``nvidia``.
        post_cleanup: whether the chart cleans up after an uninstall; default false where its version would delete other
            Deployments too, else the chart's, true.
    """

    staleness_grace_period: Annotated[str, StringConstraints(pattern=DURATION)] | None = None
    topology_migration: bool | None = None
    gpu_runtime_class: str | None = None
    post_cleanup: bool | None = None


class GroveConfig(DependencyConfig):
    """Grove, installed by this stack.

    Attributes:
        webhook_secret: whether the chart makes the Secret of the webhooks' certificate; default false: the operator
            fills it, and the chart's is empty.
        health_probes: whether the operator is probed, which its readiness needs to mean anything; default true.
        crd_installer: whether an init container applies the CRDs at every upgrade; default true.
    """

    webhook_secret: bool | None = None
    health_probes: bool | None = None
    crd_installer: bool | None = None


class MonitoringConfig(_Part):
    """Prometheus operator objects, each ``true``, ``false`` or ``null`` (``auto``: the chart looks when it installs).

    Attributes:
        pod_monitors: PodMonitors of the workloads that the platform runs.
        metrics_service: the operator's metrics Service and ServiceMonitor.
        labels: labels of the monitors, by which your Prometheus selects them; default the chart's.
        prometheus_endpoint: the address of the Prometheus that the planner asks; default none.
    """

    pod_monitors: TriState = None
    metrics_service: TriState = None
    labels: dict[str, str] | None = None
    prometheus_endpoint: Text | None = None


class WebhookCertificatesConfig(_Part):
    """Where the certificate of the platform's webhooks comes from.

    Attributes:
        mode: ``automatic`` (the operator makes and renews it), ``cert-manager`` or ``own``; default ``automatic``.
        secret: with ``own``, the name of the Secret in the platform's namespace with ``tls.crt``, ``tls.key`` and
            ``ca.crt``; default the chart's, ``webhook-server-cert``.
        ca_bundle: with ``own``, the certificate authority in base64, on one line.
    """

    mode: CertificateMode | None = None
    secret: ObjectName | None = None
    ca_bundle: Annotated[str, StringConstraints(pattern=BASE64)] | None = None


class RegistryConfig(_Part):
    """One mirror for charts and images, also those of the charts' hooks. Tags stay upstream's.

    Attributes:
        mirror: the registry, with a path where it has one: what upstream has at ``ghcr.io/a/b`` is at ``MIRROR/a/b``;
            default upstream's registries.
        pull_secrets: names of the Secrets, in each release's namespace, to pull images with; default none.
    """

    mirror: Annotated[str, StringConstraints(pattern=MIRROR)] | None = None
    pull_secrets: Annotated[tuple[ObjectName, ...], Field(strict=False)] | None = None


class TolerationConfig(_Part):
    """A toleration as pods have it.

    Attributes:
        key: the taint's key; default every key.
        operator: ``Equal`` or ``Exists``; default ``Equal``.
        value: the taint's value.
        effect: the taint's effect; default every effect.
        toleration_seconds: seconds that a ``NoExecute`` taint is tolerated; default for ever.
    """

    key: Text | None = None
    operator: Literal["Equal", "Exists"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None


class PlacementConfig(_Part):
    """Which nodes run what this stack installs: operators, schedulers, hooks, NATS and etcd, not the workloads.

    Attributes:
        tolerations: taints that the pods tolerate; default none.
        node_selector: labels that a node must have; default none.
    """

    tolerations: Annotated[tuple[TolerationConfig, ...], Field(strict=False)] | None = None
    node_selector: dict[str, str] | None = None


class QueueResource(_Part):
    """A queue's share of one resource; -1 is unlimited, 0 is nothing.

    Attributes:
        quota: what the queue is owed: GPUs, CPU millicores or megabytes (10^6) of memory.
        limit: what it may reach by borrowing, in the same unit.
        over_quota_weight: its weight when idle capacity is shared; default 1.
    """

    quota: Amount
    limit: Amount
    over_quota_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1


class QueueConfig(_Part):
    """A KAI queue. A resource that is left out is unlimited.

    Attributes:
        name: the object's name.
        parent: the parent queue; without one the queue is a top-level queue, which takes no workloads itself.
        cpu: millicores.
        gpu: whole GPUs.
        memory: megabytes (10^6 bytes).
    """

    name: ObjectName
    parent: ObjectName | None = None
    cpu: QueueResource | None = None
    gpu: QueueResource | None = None
    memory: QueueResource | None = None


class BackendConfig(_Part):
    """NATS or etcd.

    Attributes:
        mode: ``bundled`` (the platform's subchart), ``external`` (at ``address``) or ``disabled``; default: what the
            chart of that version does about NATS, and ``disabled`` for etcd.
        address: where the external one listens.
    """

    mode: BackendMode | None = None
    address: Text | None = None


class ClusterConfig(_Part):
    """Which cluster.

    Attributes:
        context: a context of the kubeconfig that the environment names.
    """

    context: Text | None = None


class PlatformConfig(ReleaseConfig):
    """The whole page; its release fields are those of the platform's own release.

    Attributes:
        profile: ``production`` or ``development``; it decides the defaults and has none itself.
        kai_scheduler: KAI Scheduler.
        grove: Grove.
        monitoring: Prometheus operator objects.
        queues: further KAI queues, or other numbers for ``dynamo-default`` and ``dynamo``.
        nats: NATS.
        etcd: etcd.
        discovery_backend: where the platform registers its workers; default ``kubernetes``.
        cluster: which cluster; default the kubeconfig's current context.
        kubernetes_version: the cluster's version, for example ``1.33``; default not checked.
        api_versions: the optional APIs that the cluster serves (``monitoring.coreos.com/v1``); default not checked.
        webhook_certificates: where the certificate of the platform's webhooks comes from.
        registry: one mirror for charts and images.
        placement: which nodes run what this stack installs.
        replicas: pods of each operator and of KAI Scheduler's services; default 2 in production, else the chart's 1.
        protect: Pulumi's ``protect`` on queues and releases; default true in production.
        preview_objects: whether previews render the charts and list the objects that change; default true.
        accept: codes of findings that the team has accepted.
    """

    profile: Profile | None = None
    kai_scheduler: KaiSchedulerConfig | None = None
    grove: GroveConfig | None = None
    monitoring: MonitoringConfig | None = None
    queues: Annotated[tuple[QueueConfig, ...], Field(strict=False)] | None = None
    nats: BackendConfig | None = None
    etcd: BackendConfig | None = None
    discovery_backend: Literal["kubernetes", "etcd"] | None = None
    cluster: ClusterConfig | None = None
    kubernetes_version: Annotated[str, StringConstraints(pattern=KUBERNETES)] | None = None
    api_versions: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    webhook_certificates: WebhookCertificatesConfig | None = None
    registry: RegistryConfig | None = None
    placement: PlacementConfig | None = None
    replicas: Annotated[int, Field(ge=1)] | None = None
    protect: bool | None = None
    preview_objects: bool | None = None
    accept: Annotated[tuple[Text, ...], Field(strict=False)] | None = None

    def to_stack(self) -> dict[str, Any]:
        """The page as stack configuration: camelCase keys without the ``dynamo-platform:`` prefix."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
