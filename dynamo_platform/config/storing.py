"""The ``pulumi config`` command that stores a value with the right type, if a plain ``pulumi config set`` does not.

With ``--path`` it recognizes true, false and whole numbers, and stores anything else as text:
https://github.com/pulumi/pulumi/issues/5442. A number that replaces text becomes text too, even with ``--type``, so the
text has to be removed first.
"""

import json
import re

from dynamo_platform.trees import Location

_TYPES = {"float_type": "float", "int_type": "int", "bool_type": "bool"}
_PLAIN = re.compile(r"[A-Za-z_][\w-]*")


def command(namespace: str, location: Location, kind: str, given: object) -> str | None:
    """The command for a value of the wrong type; None if the value does not show what was meant.

    Args:
        namespace: the namespace of the stack configuration's keys.
        location: the location of the setting.
        kind: pydantic's type of the error.
        given: the value that is stored now.
    """
    if given == "null":
        return removal(namespace, location)
    key = _key(namespace, location)
    if kind == "string_type" and type(given) in {int, bool}:
        return f"pulumi config set --path --type string {key} {json.dumps(given)}"
    if kind in _TYPES and isinstance(given, str) and _has_type(given, _TYPES[kind]):
        return f"{removal(namespace, location)} && pulumi config set --path --type {_TYPES[kind]} {key} {given}"
    return None


def removal(namespace: str, location: Location) -> str:
    """The command that removes a setting."""
    return f"pulumi config rm --path {_key(namespace, location)}"


def _has_type(text: str, wanted: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return type(value).__name__ in {wanted, "int" if wanted == "float" else wanted}


def _key(namespace: str, location: Location) -> str:
    steps = (
        f".{step}" if isinstance(step, str) and _PLAIN.fullmatch(step) else f"[{json.dumps(step)}]" for step in location
    )
    return f"'{namespace}:{''.join(steps).removeprefix('.')}'"
