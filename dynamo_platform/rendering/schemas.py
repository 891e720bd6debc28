"""Custom resources of a release, checked against the CRDs that its chart brings, as the API server checks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from dynamo_platform.findings import Finding, listed, quote_value
from dynamo_platform.planning.model import Release
from dynamo_platform.trees import Location, dotted, escaped, parents, value_at, walk

from .objects import CRD, Manifest, flatten, key_of
from .refusals import refused_field

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


def check_schemas(release: Release, manifests: Iterable[Manifest]) -> list[Finding]:
    """The findings about fields that the API server would refuse.

    Rules in CEL are not evaluated, and unknown fields are not found: the API server drops them.

    Args:
        release: the release that was rendered.
        manifests: its manifests, with its CRDs.
    """
    every = [item for manifest in manifests for item in flatten(manifest)]
    schemas = {api: schema for each in every if each["kind"] == CRD for api, schema in _schemas(each)}
    found = (
        _finding(release, each, error)
        for each in every
        if (schema := schemas.get((each["apiVersion"], each["kind"]))) is not None
        for error in sorted(_validator()(schema).iter_errors(each), key=lambda error: error.json_path)
    )
    return list(dict.fromkeys(found))


def _schemas(crd: Manifest) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """The schema of each version of a CRD, by API version and kind."""
    spec = crd["spec"]
    for version in spec.get("versions") or ():
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema:
            yield (f"{spec['group']}/{version['name']}", spec["names"]["kind"]), schema


@cache
def _validator() -> Callable[[Any], Validator]:
    """A validator of Kubernetes' structural schemas: those of draft 4, where null is no value, and with defaults."""
    from jsonschema import Draft4Validator, Draft202012Validator, validators  # noqa: PLC0415  costs 0.1 s

    draft4 = Draft4Validator.VALIDATORS

    def unless_null(keyword: str) -> Any:
        def check(validator: Any, wanted: Any, given: Any, schema: Any) -> Any:
            # The API server drops a null before it validates.
            return () if given is None else draft4[keyword](validator, wanted, given, schema)

        return check

    def required(validator: Any, names: Any, given: Any, schema: Any) -> Any:
        wanted = [each for each in names if "default" not in schema.get("properties", {}).get(each, {})]
        return draft4["required"](validator, wanted, given, schema)

    def pattern(validator: Any, wanted: Any, given: Any, schema: Any) -> Any:
        try:
            re.compile(wanted)
        except re.error:  # Go's syntax, which is not that of Python
            return ()
        return draft4["pattern"](validator, wanted, given, schema)

    replaced = {"required": required, "pattern": pattern, "type": unless_null("type"), "enum": unless_null("enum")}
    # Draft 4 takes 4.0 for no integer, and the provider returns every number as a float.
    types = Draft202012Validator.TYPE_CHECKER
    extended: Callable[[Any], Validator] = validators.extend(Draft4Validator, replaced, type_checker=types)  # type: ignore[no-untyped-call]
    return extended


def _finding(release: Release, manifest: Manifest, error: ValidationError) -> Finding:
    location, given = tuple(error.absolute_path), error.instance
    wanted: Any = error.validator_value
    if error.validator == "required":
        location += (next(each for each in wanted if error.message.startswith(repr(each))),)
        given = None
    return refused_field(
        release,
        key_of(manifest, release.namespace).title,
        dotted(location),
        value=_value_path(release.values, manifest, location),
        given=quote_value(_whole(given)) if given is not None else "nothing",
        allowed=_allowed(error),
    )


def _whole(number: Any) -> Any:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _allowed(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "type":
            return 'text, in quotes: "4"' if wanted == "string" else f"a value of type {wanted}"
        case "required":
            return "a value; the API requires one"
        case "enum":
            return listed([quote_value(each) for each in wanted])
        case "anyOf" | "oneOf" if all(each.get("type") for each in wanted):
            return f"a value of type {' or '.join(each['type'] for each in wanted)}"
    return f"a value with {error.validator} {quote_value(wanted)}"


def _value_path(values: Mapping[str, Any], manifest: Manifest, location: Location) -> str:
    """The path of the chart's value that a field comes from; empty if there is none.

    It is the one whose last keys are those of the field, and that has the same content. In a list, that of the list.
    """
    keys = [str(key) for key in takewhile(lambda key: isinstance(key, str), location)]
    content = value_at(manifest, ".".join(map(escaped, keys)))
    paths = list(dict.fromkeys(path for leaf, _ in walk(values) for path in (*parents(leaf), leaf)))
    for start in range(len(keys)):
        end = ".".join(map(escaped, keys[start:]))
        for path in paths:
            if f".{path}".endswith(f".{end}") and value_at(values, path) == content:
                return path
    return ""
