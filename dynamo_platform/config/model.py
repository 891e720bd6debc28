"""The settings of a configuration, in words that do not depend on the keys of any chart version.

Names are snake_case in Python, and camelCase in stack configuration. Every setting is optional here: the
rules (``planning/rules/``) check which are required and which are compatible, so that one run reports everything.

The docstrings describe the settings to users too: in `docs/configuration.md`, in the schema of stack files, and in
editors. Each ends with the default.
"""

import re
from binascii import a2b_base64
from collections.abc import Callable
from copy import copy
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

Mode = Literal["separate", "bundled", "external", "disabled"]
Profile = Literal["production", "development"]
BackendMode = Literal["bundled", "external", "disabled"]
CertificateMode = Literal["automatic", "cert-manager", "own"]

NAMESPACE = "dynamo-platform"
"""The namespace of the stack configuration's keys: ``dynamo-platform:version``."""

DOCS = "docs/configuration.md#settings"

MAX_LEVELS = 50
"""Levels of mappings and lists in chart values; upstream's charts have fewer than twenty."""


class Checked:
    """What a setting accepts, as pydantic's own schema.

    Pydantic would make the same from `StringConstraints`, `AfterValidator` and the like, but for each setting again,
    which takes twice as long.

    Attributes:
        schema: the check.
        json_schema: the JSON Schema, if it cannot be derived from the check.
    """

    def __init__(self, schema: CoreSchema, json_schema: dict[str, Any] | None = None) -> None:
        self.schema, self.json_schema = schema, json_schema

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return copy(self.schema)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.json_schema or handler(schema)


class Format(Checked):
    """What a text setting accepts, also in words. Its pattern is compiled when a value is first checked.

    Attributes:
        name: the name of the format, in the singular.
        rule: the text that it allows.
        why: why other text is refused.
    """

    def __init__(
        self,
        name: str,
        rule: str,
        why: str,
        pattern: str,
        *,
        min_length: int | None = None,
        max_length: int | None = None,
        check: Callable[[str], object] | None = None,
        json_schema: dict[str, Any] | None = None,
    ) -> None:
        self.name, self.rule, self.why = name, rule, why
        self._pattern, self._check = pattern, check
        lengths = core_schema.str_schema(min_length=min_length, max_length=max_length)
        known = {"maxLength": max_length, "minLength": min_length, "pattern": pattern}
        derived = {"type": "string", **{key: value for key, value in known.items() if value is not None}}
        super().__init__(core_schema.no_info_after_validator_function(self._match, lengths), json_schema or derived)

    def _match(self, text: str) -> str:
        _compiled(self._pattern).validate_python(text)
        if self._check:
            self._check(text)
        return text


def _mapping(key: Checked, value: Checked) -> Checked:
    return Checked(
        core_schema.dict_schema(key.schema, value.schema),
        {"type": "object", "propertyNames": key.json_schema, "additionalProperties": value.json_schema},
    )


@cache
def _compiled(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern))


def _auto_is_null(value: object) -> object:
    # `pulumi config set --path` stores null, and any other word, as text: https://github.com/pulumi/pulumi/issues/5442
    return None if value == "auto" else value


def _check_depth(values: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [values]
    for _ in range(MAX_LEVELS + 1):
        entries = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [entry for each in entries for entry in each]
    if level:
        raise PydanticCustomError("too_deep", f"at most {MAX_LEVELS} levels of mappings and lists")
    return values


def _check_amount(amount: float) -> float:
    if amount < 0 and amount != -1:
        raise PydanticCustomError("amount", "-1 for unlimited, or a number from 0 on")
    return amount


def _check_label_key(key: str) -> None:
    if len(key.rpartition("/")[0]) > _LONGEST_NAME:
        raise _wrong_format()


def _check_certificates(text: str) -> None:
    try:
        blocks = re.findall(
            r"-----BEGIN ([^-]+)-----(.*?)-----END \1-----", a2b_base64(text).decode("latin-1"), re.DOTALL
        )
        # The encoding of a certificate is a sequence, which starts with 0x30.
        if blocks and all(kind == "CERTIFICATE" and a2b_base64(body).startswith(b"0") for kind, body in blocks):
            return
    except ValueError:
        pass
    raise _wrong_format()


def _check_duration(text: str) -> None:
    amounts = re.findall(r"([0-9.]+)([a-z]+)", text)
    if sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in amounts) > MAX_INT64:
        raise _wrong_format()


def _wrong_format() -> PydanticCustomError:
    return PydanticCustomError("format", "not in the format of this setting")


MAX_INT32, MAX_INT64 = 2**31 - 1, 2**63 - 1

_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}

MAX_TIMEOUT_SECONDS = MAX_INT64 // _NANOSECONDS["s"]
"""Helm counts a timeout in nanoseconds: https://pkg.go.dev/time#Duration"""

# Names, as Kubernetes checks them: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LONGEST_NAME = 253
_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_NAME = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PORT = (
    r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9][0-9]|6[0-4][0-9][0-9][0-9]|[1-5][0-9][0-9][0-9][0-9]"
    r"|[1-9][0-9]?[0-9]?[0-9]?)"
)
_TEXT = r"^[^\x00-\x1f\x7f-\x9f]*$"
_IN_ADDRESS = r"[^\x00-\x20\x7f-\xa0]"
_HOST = r"([^\x00-\x20\x7f-\xa0/?#:@,]+|\[[0-9A-Fa-f:.]+\])"
# A user before the host is for the rules to refuse.
_ADDRESS = rf"([a-z][-+.a-z0-9]*://)?({_IN_ADDRESS}*@)?{_HOST}(:{_PORT})?([/?#][^\x00-\x20\x7f-\xa0,]*)?"
_ADDRESSES = rf"^{_ADDRESS}(,{_ADDRESS})*$"
_REPOSITORY = (
    rf"^((https?|oci)://({_IN_ADDRESS}*@)?{_HOST}(:{_PORT})?([/?#]{_IN_ADDRESS}*)?|@[A-Za-z0-9][-A-Za-z0-9_.]*)$"
)

Values = Annotated[
    dict[str, Any],
    Checked(
        core_schema.no_info_after_validator_function(_check_depth, core_schema.dict_schema(core_schema.str_schema()))
    ),
]
TriState = Annotated[
    bool | None,
    Checked(
        core_schema.no_info_before_validator_function(
            _auto_is_null, core_schema.nullable_schema(core_schema.bool_schema())
        ),
        {"enum": [True, False, None, "auto"]},
    ),
]
Text = Annotated[
    str,
    Format(
        "text",
        "no line breaks and no other control characters",
        "Nothing that this setting names has them.",
        _TEXT,
        min_length=1,
    ),
]
DnsLabel = Annotated[
    str,
    Format(
        "DNS label",
        "lower-case letters, digits and -, at most 63 characters",
        "Kubernetes accepts no other name for a namespace.",
        rf"^{_DNS_LABEL}$",
        max_length=63,
    ),
]
ObjectName = Annotated[
    str,
    Format(
        "object name",
        "lower-case letters, digits and -, in parts separated by single dots, at most 253 characters",
        "Kubernetes accepts no other name for this object.",
        rf"^{_DNS_NAME}$",
        max_length=_LONGEST_NAME,
    ),
]
RuntimeClass = Annotated[
    str,
    Format(
        "name of a RuntimeClass",
        'lower-case letters, digits and -, in parts separated by single dots, or "" for none',
        "Kubernetes accepts no other name for a RuntimeClass.",
        rf"^({_DNS_NAME})?$",
        max_length=_LONGEST_NAME,
    ),
]
_LABEL_KEY = Format(
    "key of a label",
    "up to 63 letters, digits, -, _ and ., with a letter or a digit at both ends, after an optional domain and /",
    "Kubernetes accepts no other key.",
    rf"^({_DNS_NAME}/)?{_LABEL}$",
    max_length=_LONGEST_NAME + 64,
    check=_check_label_key,
    json_schema={
        "type": "string",
        "allOf": [
            {"pattern": rf"^({_DNS_NAME}/)?{_LABEL}$"},
            {"pattern": f"^([^/]{{1,{_LONGEST_NAME}}}/)?[^/]*$"},
        ],
    },
)
_LABEL_VALUE = Format(
    "value of a label",
    "up to 63 letters, digits, -, _ and ., with a letter or a digit at both ends, or empty text",
    "Kubernetes accepts no other value.",
    rf"^({_LABEL})?$",
)
LabelKey = Annotated[str, _LABEL_KEY]
LabelValue = Annotated[str, _LABEL_VALUE]
Labels = Annotated[dict[LabelKey, LabelValue], _mapping(_LABEL_KEY, _LABEL_VALUE)]
Annotations = Annotated[
    dict[LabelKey, str], _mapping(_LABEL_KEY, Checked(core_schema.str_schema(), {"type": "string"}))
]
Address = Annotated[
    str,
    Format(
        "address",
        "a host, with scheme, port from 1 to 65535 and path if needed; several are separated by commas",
        "Nothing can connect to anything else.",
        _ADDRESSES,
        min_length=1,
    ),
]
RepositoryUrl = Annotated[
    str,
    Format(
        "URL",
        'https://…, oci://… or "@NAME"',
        "A chart repository is a URL, or a name that `helm repo add` gave one; a local chart goes into `chart`.",
        _REPOSITORY,
    ),
]
KubernetesVersion = Annotated[
    str,
    Format(
        "Kubernetes version",
        'MAJOR.MINOR or MAJOR.MINOR.PATCH in quotes, such as "1.33"',
        "A vendor's suffix, such as -gke.100, is not part of it. Without quotes YAML reads 1.30 as the number 1.3.",
        r"^v?1\.[0-9][0-9](\.[0-9]+)?$",
    ),
]
Registry = Annotated[
    str,
    Format(
        "registry",
        "a host with an optional port and path, such as registry.example.com/upstream",
        "Charts are pulled from it with oci://, images without a scheme: the scheme is not part of it.",
        rf"^[a-z0-9][-a-z0-9.]*(:{_PORT})?(/[a-z0-9][-a-z0-9._]*)*$",
    ),
]
Duration = Annotated[
    str,
    Format(
        "duration",
        'with its unit, such as "60s", or "-1s" for no limit; at most 292 years',
        "A number without a unit stops the scheduler from starting.",
        r"^-?([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$",
        check=_check_duration,
    ),
]
Runtime = Annotated[
    str,
    Format(
        "duration",
        'with its unit, such as "10m"; at most 292 years',
        "KAI Scheduler reads nothing else.",
        r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$",
        check=_check_duration,
    ),
]
CertificateBundle = Annotated[
    str,
    Format(
        "certificate in base64",
        "certificates in PEM and nothing else, on one line, as `base64 -w0 ca.crt` prints them",
        "It is written unchanged into the webhook configurations, by which the API server trusts the webhooks.",
        # "BEGIN CERTIFICATE", at each of its three places in groups of three bytes
        r"^[A-Za-z0-9+/]*(QkVHSU4gQ0VSVElGSUNBVE|JFR0lOIENFUlRJRklDQVRF|CRUdJTiBDRVJUSUZJQ0FUR)[A-Za-z0-9+/]*={0,2}$",
        check=_check_certificates,
    ),
]
Timeout = Annotated[int, Checked(core_schema.int_schema(ge=1, le=MAX_TIMEOUT_SECONDS))]
Int64 = Annotated[int, Checked(core_schema.int_schema(ge=-MAX_INT64 - 1, le=MAX_INT64))]
Amount = Annotated[
    float,
    Checked(
        core_schema.no_info_after_validator_function(_check_amount, core_schema.float_schema(allow_inf_nan=False)),
        {"type": "number", "anyOf": [{"const": -1}, {"minimum": 0}]},
    ),
]


def to_camel(name: str) -> str:
    """``kai_scheduler`` as ``kaiScheduler``. Pydantic's own function takes ten times as long for each field."""
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
        hide_input_in_errors=True,
        defer_build=True,
    )


class ReleaseConfig(_Part):
    """A Helm release.

    Attributes:
        version: the chart's exact version. Required.
        namespace: the release's namespace, which Helm creates. Default: ``dynamo-system``, ``kai-scheduler`` or
            ``grove-system``.
        namespace_labels: labels of that namespace, such as ``pod-security.kubernetes.io/enforce``. Default: none.
        namespace_annotations: annotations of that namespace. Default: none.
        values: chart values, merged last over the module's own. It is an error to override another setting with them.
            Default: none.
        timeout: timeout in seconds of the release, and of each gate after it. Default: ``600``.
        chart: a local chart (a folder or ``.tgz``, relative to the project), a full ``oci://`` reference, or the name
            of a chart in ``repository``. Default: upstream's chart.
        repository: a chart repository to use instead of upstream's: its URL, or ``"@NAME"`` if ``helm repo add NAME``
            added it, with its login if it needs one. Default: upstream's repository of that version.
    """

    version: Text | None = None
    namespace: DnsLabel | None = None
    namespace_labels: Labels | None = None
    namespace_annotations: Annotations | None = None
    values: Values | None = None
    timeout: Timeout | None = None
    chart: Text | None = None
    repository: RepositoryUrl | None = None


class DependencyConfig(ReleaseConfig):
    """KAI Scheduler or Grove.

    Attributes:
        mode: ``separate`` (a release of its own), ``bundled`` (the platform's subchart), ``external`` (already
            installed by someone else) or ``disabled``. With ``external``, ``version`` and ``namespace`` describe what
            is installed; with ``bundled``, ``values`` are written below the subchart's key. Default: ``separate`` in
            production, ``bundled`` in development.
        version: the chart's exact version, with its leading ``v``. Default: with ``separate``, the version that the
            catalog picks; required in production.
    """

    mode: Mode | None = None


class KaiSchedulerConfig(DependencyConfig):
    """KAI Scheduler.

    Attributes:
        staleness_grace_period: how long a gang may stay below its minimum size before it is evicted; ``-1s`` is no
            limit. Default: ``-1s`` with a Grove that builds gangs itself (from ``v0.1.0-alpha.13`` on), else KAI
            Scheduler's own, ``60s``.
        topology_migration: whether the chart runs the hook that migrates the topologies of an older KAI Scheduler. The
            hook fails if the cluster has a Kueue Topology. Default: the chart's, ``true``.
        gpu_runtime_class: the RuntimeClass of GPU pods; from KAI Scheduler 0.16 on, only of pods that request a
            fraction of a GPU. ``""`` sets none. Default: the chart's, ``nvidia``.
        post_cleanup: whether the chart's cleanup Job runs after an uninstall. Default: ``false`` if the Job of that
            version would delete other Deployments too, else the chart's, ``true``.
    """

    staleness_grace_period: Duration | None = None
    topology_migration: bool | None = None
    gpu_runtime_class: RuntimeClass | None = None
    post_cleanup: bool | None = None


class GroveConfig(DependencyConfig):
    """Grove.

    Attributes:
        webhook_secret: whether the chart creates the Secret for the webhooks' certificate. The chart's
            Secret is empty; the operator fills it. Default: ``false``.
        health_probes: whether the operator has health probes; without them, its readiness proves nothing. Default:
            ``true``.
        crd_installer: whether an init container applies the CRDs at every upgrade. Default: ``true``.
    """

    webhook_secret: bool | None = None
    health_probes: bool | None = None
    crd_installer: bool | None = None


class MonitoringConfig(_Part):
    """Prometheus operator objects.

    Each is created (``true``), not created (``false``), or left to the chart (``auto`` or ``null``), which checks at
    every install and upgrade whether the cluster serves the API.

    Attributes:
        pod_monitors: PodMonitors for the workloads that the platform runs. Default: ``auto``.
        metrics_service: the operator's metrics Service and its ServiceMonitor. Default: ``auto``.
        grove_service_monitor: the ServiceMonitor of Grove's operator, from Grove ``v0.1.0-alpha.13`` on. Default: the
            chart's, ``false``.
        labels: labels of the monitors, by which your Prometheus selects them: on the ServiceMonitor from
            platform version 1.5, on the PodMonitors from 1.6, and on Grove's. Default: the charts'.
        prometheus_endpoint: the address of the Prometheus that the planner queries. Default: none.
    """

    pod_monitors: TriState = None
    metrics_service: TriState = None
    grove_service_monitor: bool | None = None
    labels: Labels | None = None
    prometheus_endpoint: Address | None = None


class WebhookCertificatesConfig(_Part):
    """The certificate of the platform's webhooks.

    Attributes:
        mode: ``automatic`` (the operator creates and renews it), ``cert-manager``, or ``own`` (a Secret that you
            provide). Default: ``automatic``.
        secret: with ``own``, the name of the Secret in the platform's namespace, with ``tls.crt``, ``tls.key`` and
            ``ca.crt``. Default: the chart's, ``webhook-server-cert``.
        ca_bundle: with ``own``, the certificate of the authority that issued it. Default: none; required with ``own``.
    """

    mode: CertificateMode | None = None
    secret: ObjectName | None = None
    ca_bundle: CertificateBundle | None = None


class RegistryConfig(_Part):
    """Mirrors for charts and images, including the images of the charts' hooks. Tags stay upstream's.

    Attributes:
        mirror: a registry that mirrors upstream's charts and images: what upstream has at ``ghcr.io/a/b`` is at
            ``MIRROR/a/b``. Default: upstream's registries.
        mirrors: mirrors of single upstream registries, by their host (``ghcr.io``, ``nvcr.io``, ``docker.io``,
            ``helm.ngc.nvidia.com``); they come before ``mirror``. Default: none.
        mirror_charts: whether charts come from the mirrors too. Default: ``true``.
        pull_secrets: names of the image pull secrets in each release's namespace. Default: none.
    """

    mirror: Registry | None = None
    mirrors: dict[str, Registry] | None = None
    mirror_charts: bool | None = None
    pull_secrets: Annotated[tuple[ObjectName, ...], Field(strict=False)] | None = None


class TolerationConfig(_Part):
    """A toleration, as in a pod's spec.

    Attributes:
        key: the taint's key. Default: every key.
        operator: whether the taint's value must be equal (``Equal``) or may be any (``Exists``). Default: ``Equal``.
        value: the taint's value. Default: none.
        effect: the taint's effect. Default: every effect.
        toleration_seconds: seconds that a ``NoExecute`` taint is tolerated. Default: no limit.
    """

    key: LabelKey | None = None
    operator: Literal["Equal", "Exists"] | None = None
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Int64 | None = None


class PlacementConfig(_Part):
    """The nodes for everything that this stack installs: operators, schedulers, hooks, NATS and etcd, not workloads.

    Attributes:
        tolerations: taints that everything installed tolerates, but workloads do not. Default: none.
        node_selector: labels that a node must have to run anything installed, but not to run workloads. Default: none.
    """

    tolerations: Annotated[tuple[TolerationConfig, ...], Field(strict=False)] | None = None
    node_selector: Labels | None = None


class QueueResource(_Part):
    """A queue's share of one resource; -1 is unlimited, 0 is nothing.

    Attributes:
        quota: the amount that the queue is entitled to, in GPUs, CPU millicores or megabytes (10^6 bytes) of memory.
            Required.
        limit: the most that it may use, including what it borrows, in the same unit. Required.
        over_quota_weight: its weight when idle capacity is shared. Default: ``1``.
    """

    quota: Amount
    limit: Amount
    over_quota_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1


class QueueConfig(_Part):
    """A KAI queue.

    Attributes:
        name: the object's name. Required.
        parent: the parent queue. Default: none; the queue is then a top-level queue, which accepts no workloads itself.
        display_name: the name that KAI Scheduler's tools show. Default: none.
        priority: which queues get idle capacity first, and lose it last: those with the higher number. Default: KAI
            Scheduler's, ``100``.
        preempt_min_runtime: how long its workloads run before others of the queue may preempt them. Default: KAI
            Scheduler's.
        reclaim_min_runtime: how long its workloads run before another queue may reclaim their resources. Default: KAI
            Scheduler's.
        labels: labels of the object. Default: none.
        cpu: the share of CPU, in millicores. Default: unlimited.
        gpu: the share of GPUs; one GPU is 1. Default: unlimited.
        memory: the share of memory, in megabytes (10^6 bytes). Default: unlimited.
    """

    name: ObjectName
    parent: ObjectName | None = None
    display_name: Text | None = None
    priority: Int64 | None = None
    preempt_min_runtime: Runtime | None = None
    reclaim_min_runtime: Runtime | None = None
    labels: Labels | None = None
    cpu: QueueResource | None = None
    gpu: QueueResource | None = None
    memory: QueueResource | None = None


class BackendConfig(_Part):
    """NATS or etcd.

    Attributes:
        mode: ``bundled`` (the platform's subchart), ``external`` (at ``address``) or ``disabled``. Default: for NATS
            the chart's, ``bundled`` before platform version 1.4 and ``disabled`` from 1.4 on; for etcd ``disabled``.
        address: the address of the external NATS or etcd. Default: none; required with ``external``.
    """

    mode: BackendMode | None = None
    address: Address | None = None


class ClusterConfig(_Part):
    """The cluster.

    Attributes:
        context: the context to use, from the kubeconfig in the environment. Default: the kubeconfig's current context;
            required in production, unless the program passes a provider.
    """

    context: Text | None = None


class PlatformConfig(ReleaseConfig):
    """The whole configuration; its release settings are those of the platform's own release.

    Attributes:
        version: the platform's exact version, such as ``1.6.2``, in quotes; ``dynamo-platform versions`` lists those
            that are supported. Required.
        profile: decides the other defaults. Required.
        kai_scheduler: KAI Scheduler. Default: by profile.
        grove: Grove. Default: by profile.
        monitoring: Prometheus operator objects. Default: left to the chart.
        queues: additional KAI queues, or other shares for ``dynamo-default`` and ``dynamo``. Default:
            ``dynamo-default`` and ``dynamo``.
        default_queues: whether this stack owns ``dynamo-default`` and ``dynamo``. With ``false`` someone else does,
            such as another team, or another stack on the same cluster, and no chart creates them. Default: ``true``;
            with KAI Scheduler ``bundled``, the platform's chart owns them.
        nats: NATS. Default: the chart's.
        etcd: etcd. Default: not used.
        discovery_backend: where the platform registers its workers. Default: ``kubernetes``.
        cluster: the cluster. Default: the kubeconfig's current context.
        kubernetes_version: the cluster's version, which is checked against the minimum that the charts need, and used
            to render them. Default: not checked; charts are rendered for 1.33.
        api_versions: the optional APIs that the cluster serves, such as ``monitoring.coreos.com/v1``. Monitors
            that are ``true`` are checked against them, and in previews they decide what ``auto`` means. Default: not
            checked; the cluster decides what ``auto`` means.
        webhook_certificates: the certificate of the platform's webhooks. Default: the operator's.
        registry: mirrors for charts and images. Default: upstream's registries.
        placement: the nodes for everything that is installed. Default: any.
        replicas: pods of each operator and of KAI Scheduler's services. Default: 2 in production, else the charts' 1.
        protect: whether releases and queues have Pulumi's ``protect`` option. Default: ``true`` in production, else
            ``false``.
        preview_objects: whether previews render the charts and list the objects that change. Default: ``true``.
        catalog: a file with rows that this package's catalog does not have yet, or has wrong: JSON or YAML, relative to
            the project. ``dynamo-platform catalog add`` writes it from released charts. Default: none.
        accept: codes of findings that your team has accepted; they become notes. Default: none.
    """

    profile: Profile | None = None
    kai_scheduler: KaiSchedulerConfig | None = None
    grove: GroveConfig | None = None
    monitoring: MonitoringConfig | None = None
    queues: Annotated[tuple[QueueConfig, ...], Field(strict=False)] | None = None
    default_queues: bool | None = None
    nats: BackendConfig | None = None
    etcd: BackendConfig | None = None
    discovery_backend: Literal["kubernetes", "etcd"] | None = None
    cluster: ClusterConfig | None = None
    kubernetes_version: KubernetesVersion | None = None
    api_versions: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    webhook_certificates: WebhookCertificatesConfig | None = None
    registry: RegistryConfig | None = None
    placement: PlacementConfig | None = None
    replicas: Annotated[int, Field(ge=1, le=MAX_INT32)] | None = None
    protect: bool | None = None
    preview_objects: bool | None = None
    catalog: Text | None = None
    accept: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
