"""The findings about entries of a configuration that cannot be read."""

from __future__ import annotations

from typing import Any, get_args

from pydantic_core import ErrorDetails

from dynamo_platform.findings import Finding, quote_value
from dynamo_platform.trees import Location, dotted

from . import storing
from .fields import core, declared_type, declared_types, format_of, is_tri_state
from .model import DOCS, NAMESPACE, to_camel

TITLES = {
    "CFG001": "There is no setting of this name.",
    "CFG002": "A value has the wrong type for its setting.",
    "CFG003": "A string is given instead of a boolean.",
    "CFG004": "A value is encrypted.",
}
"""The titles of the findings, by code."""

_ALLOWED = {
    "bool_type": "true or false",
    "string_type": "text; put it in quotes, else YAML reads a version such as 1.10 as the number 1.1",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "float_type": "a number",
    "model_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
}


def encrypted_finding(path: str) -> Finding:
    """The finding about an encrypted value, which is not read any further."""
    return Finding(
        code="CFG004",
        severity="error",
        path=path,
        given="an encrypted value",
        allowed="plain values; for a chart that needs a Secret, the name of one that exists in the cluster",
        why="Helm stores chart values in the cluster as they are. This module holds no secrets, so it cannot leak any.",
        docs=DOCS,
    )


def null_finding(location: Location) -> Finding:
    """The finding about a null that has no meaning."""
    return Finding(
        code="CFG002",
        severity="error",
        path=dotted(location),
        given="null",
        allowed="a value, or the key left out; as a command: " + storing.removal(NAMESPACE, location),
        why="null has no meaning for this setting.",
        docs=DOCS,
    )


def finding_of(details: ErrorDetails, location: Location, *, stack: bool) -> Finding:
    """The finding about one of pydantic's errors.

    Args:
        details: the error.
        location: the entry that the user wrote; for a missing setting, the mapping that lacks it.
        stack: whether names are camelCase, as in stack configuration (else Python's snake_case).
    """
    kind, given = details["type"], details["input"]
    missing = kind == "missing"
    code, allowed, why = _verdict(details, location, stack=stack)
    if stack and not missing and (command := storing.command(NAMESPACE, location, kind, given)):
        allowed = f"{allowed}; as a command: {command}"
    return Finding(
        code=code,
        severity="error",
        path=dotted(details["loc"] if missing else location),
        given="nothing" if missing else quote_value(given),
        allowed=allowed,
        why=why,
        docs=DOCS,
    )


def _verdict(details: ErrorDetails, location: Location, *, stack: bool) -> tuple[str, str, str]:
    """The code of the finding, what is allowed, and why."""
    kind, given = details["type"], details["input"]
    if kind == "extra_forbidden":
        names = sorted(to_camel(name) if stack else name for name in declared_types(core(declared_type(location[:-1]))))
        return "CFG001", ", ".join(names), "There is no such setting, so the value would have no effect."
    annotation = declared_type(details["loc"] if kind == "missing" else location)
    if details["loc"][-1:] == ("[key]",):
        annotation = get_args(core(declared_type(location[:-1])))[0]
    allowed, why = _ALLOWED.get(kind, details["msg"]), "The value has the wrong type for this setting."
    match kind:
        case "missing":
            is_amount = core(annotation) is float
            allowed = "a value; a queue without it would be allowed nothing" if is_amount else "a value"
            why = "KAI Scheduler reads a missing number as 0." if is_amount else "It is required."
        case "dict_type":
            allowed = f"a mapping of {'chart values' if core(annotation) == dict[str, Any] else 'names to text'}"
        case "too_deep":
            why = "No chart has values that deep."
        case "amount":
            why = "-1 is the only negative number with a meaning."
        case "literal_error":
            allowed, why = details["ctx"]["expected"].replace("'", ""), "The setting has no other values."
        case "string_pattern_mismatch" | "format" if text := format_of(annotation):
            allowed, why = f"{text.name}: {text.rule}", text.why
        case "greater_than_equal" | "less_than_equal" | "string_too_long":
            allowed, why = _beyond(kind, details["ctx"])
        case _ if isinstance(given, str) and given in {"true", "false", "null"}:
            return "CFG003", *_boolean_as_text(given, annotation, allowed)
        case "bool_type" if isinstance(given, str):
            allowed = "true, false or auto" if is_tri_state(annotation) else allowed
            why = "It is text. For Pulumi, yes, no, on and off are text too."
    return "CFG002", allowed, why


def _beyond(kind: str, limits: dict[str, Any]) -> tuple[str, str]:
    """The limit that a number or a text exceeds, and the reason for it."""
    match kind:
        case "greater_than_equal":
            return f"at least {limits['ge']:g}", "Nothing below it has a meaning."
        case "less_than_equal":
            return f"at most {limits['le']}", "A larger number cannot be stored."
        case _:
            return f"at most {limits['max_length']} characters", "Kubernetes accepts no longer name."


def _boolean_as_text(given: str, annotation: Any, allowed: str) -> tuple[str, str]:
    """What is allowed instead of ``"true"``, ``"false"`` or ``"null"``, and why."""
    if is_tri_state(annotation):
        allowed = "true, false, or auto (which is YAML's null); a boolean without quotes"
    elif given == "null":
        allowed = f"{allowed}; to leave it unset, remove the key"
    return allowed, (
        "This is text, not a boolean: because of YAML quotes, or because `pulumi config set --path` stores null as "
        '"null" (write auto instead). Chart templates treat any non-empty string as true.'
    )
