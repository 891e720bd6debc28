"""A configuration read as far as it can be read, and a finding for each entry that cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dynamo_platform.findings import Finding, shown

from .model import (
    BASE64,
    DNS_LABEL,
    DOCS,
    DURATION,
    KUBERNETES,
    MAX_LEVELS,
    MIRROR,
    NAMESPACE,
    OBJECT_NAME,
    REPOSITORY,
    BackendConfig,
    ClusterConfig,
    GroveConfig,
    KaiSchedulerConfig,
    MonitoringConfig,
    PlacementConfig,
    PlatformConfig,
    QueueConfig,
    QueueResource,
    RegistryConfig,
    TolerationConfig,
    WebhookCertificatesConfig,
    to_camel,
)

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
    rest = _copy(dict(data), MAX_LEVELS + 2)
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
    DNS_LABEL: (
        "a DNS label: lower-case letters, digits and -, at most 63 characters",
        "Kubernetes takes no other namespace name.",
    ),
    OBJECT_NAME: (
        "lower-case letters, digits, - and ., at most 253 characters",
        "Kubernetes takes no other object name.",
    ),
    REPOSITORY: (
        "https://… or oci://…",
        "A chart repository is an address; a local chart goes into `chart`.",
    ),
    KUBERNETES: (
        'a Kubernetes version in quotes, such as "1.33"',
        "Without quotes YAML reads 1.30 as the number 1.3.",
    ),
    MIRROR: (
        "a registry with an optional port and path, such as registry.example.com/upstream",
        "Charts are pulled from it with oci://, images without a scheme: the scheme is not part of it.",
    ),
    DURATION: (
        'a duration with its unit, such as "60s", or "-1s" for ever',
        "A number without a unit stops the scheduler from starting.",
    ),
    BASE64: (
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
