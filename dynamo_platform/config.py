"""The user's page: what the platform should be, in words that no chart key shows through.

Python spells the names in snake_case, stack configuration in camelCase. Everything may be left out here; what must not
be left out, and what fits together, is for the rules to say (``rules.py``), so that one run reports everything.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from .findings import Finding, shown

Mode = Literal["separate", "bundled", "external", "disabled"]
Profile = Literal["production", "development"]
BackendMode = Literal["bundled", "external", "disabled"]
CertificateMode = Literal["automatic", "cert-manager", "own"]

NAMESPACE = "dynamo-platform"
"""The namespace of the stack configuration's keys: ``dynamo-platform:version``."""

DOCS = "docs/configuration.md#settings"

MAX_DEPTH = 50
"""Levels of mappings and lists in chart values; upstream's charts have fewer than twenty."""

_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_OBJECT_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_REPOSITORY = r"^(https?|oci)://[^ /]"
_KUBERNETES = r"^v?1\.[0-9][0-9](\.[0-9]+)?$"
_MIRROR = r"^[a-z0-9][-a-z0-9.]*(:[0-9]+)?(/[a-z0-9][-a-z0-9._]*)*$"
_DURATION = r"^-?([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$"
_BASE64 = r"^[A-Za-z0-9+/]+=*$"


def _auto_is_null(value: object) -> object:
    # `pulumi config set --path` stores null, and any other word, as text: https://github.com/pulumi/pulumi/issues/5442
    return None if value == "auto" else value


def _bounded(values: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [values]
    for _ in range(MAX_DEPTH + 1):
        entries = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [entry for each in entries for entry in each]
    if level:
        raise PydanticCustomError("too_deep", f"at most {MAX_DEPTH} levels of mappings and lists")
    return values


def _counted(amount: float) -> float:
    if amount < 0 and amount != -1:
        raise PydanticCustomError("amount", "-1 for unlimited, or a number from 0 on")
    return amount


Values = Annotated[dict[str, Any], AfterValidator(_bounded)]
TriState = Annotated[bool | None, BeforeValidator(_auto_is_null), WithJsonSchema({"enum": [True, False, None, "auto"]})]
Text = Annotated[str, StringConstraints(min_length=1)]
DnsLabel = Annotated[str, StringConstraints(pattern=_DNS_LABEL, max_length=63)]
ObjectName = Annotated[str, StringConstraints(pattern=_OBJECT_NAME, max_length=253)]
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
    repository: Annotated[str, StringConstraints(pattern=_REPOSITORY)] | None = None


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

    staleness_grace_period: Annotated[str, StringConstraints(pattern=_DURATION)] | None = None
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
    ca_bundle: Annotated[str, StringConstraints(pattern=_BASE64)] | None = None


class RegistryConfig(_Part):
    """One mirror for charts and images, also those of the charts' hooks. Tags stay upstream's.

    Attributes:
        mirror: the registry, with a path where it has one: what upstream has at ``ghcr.io/a/b`` is at ``MIRROR/a/b``;
            default upstream's registries.
        pull_secrets: names of the Secrets, in each release's namespace, to pull images with; default none.
    """

    mirror: Annotated[str, StringConstraints(pattern=_MIRROR)] | None = None
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
    kubernetes_version: Annotated[str, StringConstraints(pattern=_KUBERNETES)] | None = None
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


_TEXT_KEYS = frozenset(
    to_camel(name)
    for name in ("version", "namespace", "chart", "repository", "profile", "discovery_backend", "kubernetes_version")
)


def decode_stack(raw: Mapping[str, str]) -> dict[str, Any]:
    """Type what the engine hands over: top-level values are text there, whatever the stack file says.

    Args:
        raw: values by key, without the ``dynamo-platform:`` prefix; objects, lists, numbers and booleans as JSON.
    """
    return {key: text if key in _TEXT_KEYS else _decode(text) for key, text in raw.items()}


def _decode(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def encrypted(path: str) -> Finding:
    """What is said about an encrypted value, which is not read any further."""
    return Finding(
        code="CFG004",
        severity="error",
        path=path,
        given="an encrypted value",
        allowed="plain values; the name of a Secret that exists in the cluster where a chart asks for one",
        why="Chart values end up in the release's record in the cluster; what this module never holds it cannot leak.",
        docs=DOCS,
    )


def parse(data: Mapping[str, Any], *, stack: bool) -> tuple[PlatformConfig, tuple[Finding, ...]]:
    """Read a configuration as far as it can be read.

    Args:
        data: the page as a mapping.
        stack: whether its names are stack configuration's camelCase (else Python's snake_case).

    Returns:
        The configuration without the entries that cannot be read, and one finding (``CFG…``) for each of those.
    """
    rest = _copy(dict(data), MAX_DEPTH + 2)
    findings: dict[str, Finding] = {}
    while True:
        try:
            config = PlatformConfig.model_validate(rest, by_alias=stack, by_name=not stack)
        except ValidationError as error:
            problems = [(details, _existing(rest, details["loc"])) for details in error.errors(include_url=False)]
            for details, where in problems:
                finding = _finding(details, where, stack=stack)
                findings.setdefault(finding.path, finding)
                _remove(rest, where)
        else:
            # In Python None is how a caller leaves something out; in YAML a null is a value that somebody wrote.
            nulls = [_null(where) for where in _nulls(rest)] if stack else []
            return config, (*findings.values(), *nulls)


_TRI_STATES = frozenset({"podMonitors", "metricsService"})


def _copy(value: Any, depth: int) -> Any:
    """Mappings and lists as JSON has them, as far down as anything is read, so that no tree is too deep to look at."""
    if depth and isinstance(value, Mapping):
        return {str(key): _copy(item, depth - 1) for key, item in value.items()}
    return [_copy(item, depth - 1) for item in value] if depth and isinstance(value, list | tuple) else value


def _nulls(data: Any, *where: int | str) -> Iterator[tuple[int | str, ...]]:
    """Where a null stands that means nothing: anywhere but at a tri-state of ``monitoring`` and in chart values."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        if value is None and not (where == ("monitoring",) and key in _TRI_STATES):
            yield (*where, key)
        elif key != "values":
            yield from _nulls(value, *where, key)


def _null(where: tuple[int | str, ...]) -> Finding:
    from . import storing  # noqa: PLC0415  needed for a wrong value only

    return Finding(
        code="CFG002",
        severity="error",
        path=path_of(where),
        given="null",
        allowed="a value, or the key left out; as a command: " + storing.removal(NAMESPACE, where),
        why="null has no meaning for this setting.",
        docs=DOCS,
    )


def _existing(data: Any, loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The part of pydantic's location that the user wrote: without the names of union members."""
    where: list[int | str] = []
    for step in loc:
        in_list = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if in_list or (isinstance(data, dict) and step in data):
            data = data[step]
        else:
            break
        where.append(step)
    return tuple(where)


def _remove(data: dict[str, Any], where: tuple[int | str, ...]) -> None:
    """Take out what stands there; inside a list, the whole list."""
    names = [step for step in where[: _first_index(where)] if isinstance(step, str)]
    for name in names[:-1]:
        data = data.get(name, {})
    data.pop(names[-1], None)


def _first_index(where: tuple[int | str, ...]) -> int | None:
    return next((i for i, step in enumerate(where) if isinstance(step, int)), None)


def path_of(where: tuple[int | str, ...]) -> str:
    """``("queues", 0, "name")`` as ``queues[0].name``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).removeprefix(".")


_ALLOWED = {
    "bool_type": "true or false, without quotes",
    "string_type": "text; put a version such as 1.5 in quotes, else YAML makes it a number",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "float_type": "a number",
    "dict_type": "a mapping of chart values",
    "model_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
}


def _finding(details: ErrorDetails, where: tuple[int | str, ...], *, stack: bool) -> Finding:
    from . import storing  # noqa: PLC0415  needed for a wrong value only

    kind, given = details["type"], details["input"]
    missing = where + details["loc"][len(where) :] if kind == "missing" else where
    code, allowed, why = "CFG002", _ALLOWED.get(kind, details["msg"]), "The value is not of the setting's type."
    if kind == "extra_forbidden":
        code = "CFG001"
        allowed = _settings(where[:-1], stack=stack)
        why = "No setting has this name; a key that nothing reads would be a silent mistake."
    elif kind == "missing":
        given = None
        allowed = "a value; a queue without it would be allowed nothing"
        why = "KAI Scheduler reads a missing number as 0."
    elif kind == "dict_type" and where[-1:] != ("values",):
        allowed = "a mapping of names to text"
    elif kind == "too_deep":
        why = "No chart has values that deep."
    elif kind == "amount":
        why = "Only -1 has a meaning below 0."
    elif kind == "literal_error":
        allowed = details["ctx"]["expected"].replace("'", "")
        why = "The setting has these values only."
    elif kind == "string_pattern_mismatch":
        allowed, why = _PATTERNS[details["ctx"]["pattern"]]
    elif kind == "string_too_long":
        allowed, why = f"at most {details['ctx']['max_length']} characters", "Kubernetes takes no longer name."
    elif isinstance(given, str) and given in {"true", "false", "null"}:
        code = "CFG003"
        if where[:1] == ("monitoring",) and to_camel(str(where[-1])) in _TRI_STATES:
            allowed = "true, false, or auto (which is YAML's null); a boolean without quotes"
        elif given == "null":
            allowed = f"{allowed}; to leave it unset, remove the key"
        why = (
            'This is text, not a boolean: YAML quotes make it so, and `pulumi config set --path` writes "null" for '
            "null (write auto instead). Charts take text for true whatever it says."
        )
    if stack and (command := storing.command(NAMESPACE, where, kind, given)):
        allowed = f"{allowed}; as a command: {command}"
    return Finding(
        code=code,
        severity="error",
        path=path_of(missing),
        given="nothing" if kind == "missing" else shown(given),
        allowed=allowed,
        why=why,
        docs=DOCS,
    )


_PATTERNS = {
    _DNS_LABEL: (
        "a DNS label: lower-case letters, digits and -, at most 63 characters",
        "Kubernetes takes no other namespace name.",
    ),
    _OBJECT_NAME: (
        "lower-case letters, digits, - and ., at most 253 characters",
        "Kubernetes takes no other object name.",
    ),
    _REPOSITORY: (
        "https://… or oci://…",
        "A chart repository is an address; a local chart goes into `chart`.",
    ),
    _KUBERNETES: (
        'a Kubernetes version in quotes, such as "1.33"',
        "Without quotes YAML reads 1.30 as the number 1.3.",
    ),
    _MIRROR: (
        "a registry with an optional port and path, such as registry.example.com/upstream",
        "Charts are pulled from it with oci://, images without a scheme: the scheme is not part of it.",
    ),
    _DURATION: (
        'a duration with its unit, such as "60s", or "-1s" for ever',
        "A number without a unit stops the scheduler from starting.",
    ),
    _BASE64: (
        "a certificate in base64, on one line",
        "It is written into the webhooks' configurations as it is.",
    ),
}


_PARTS: dict[str, type[BaseModel]] = {
    "kai_scheduler": KaiSchedulerConfig,
    "grove": GroveConfig,
    "monitoring": MonitoringConfig,
    "queues": QueueConfig,
    "cpu": QueueResource,
    "gpu": QueueResource,
    "memory": QueueResource,
    "nats": BackendConfig,
    "etcd": BackendConfig,
    "cluster": ClusterConfig,
    "webhook_certificates": WebhookCertificatesConfig,
    "registry": RegistryConfig,
    "placement": PlacementConfig,
    "tolerations": TolerationConfig,
}


def _settings(where: tuple[int | str, ...], *, stack: bool) -> str:
    """The names that a part of the page has, in the caller's spelling."""
    parts = {to_camel(name) if stack else name: part for name, part in _PARTS.items()}
    names = [step for step in where if isinstance(step, str)]
    model = parts[names[-1]] if names else PlatformConfig
    return ", ".join(sorted(to_camel(name) if stack else name for name in model.model_fields))
