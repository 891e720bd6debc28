"""The ``pulumi config`` command that stores a value as it is meant, where a plain ``pulumi config set`` does not.

With ``--path`` it types true, false and whole numbers by themselves, and takes all else for text:
https://github.com/pulumi/pulumi/issues/5442. Over a text, a number of any type stays text, so that one goes first.
"""

import json
import re

Where = tuple[int | str, ...]

_TYPES = {"float_type": "float", "int_type": "int", "bool_type": "bool"}
_PLAIN = re.compile(r"[A-Za-z_][\w-]*")


def command(namespace: str, where: Where, kind: str, given: object) -> str | None:
    """The command, for a value that has the wrong type but says what is meant.

    Args:
        namespace: of the stack configuration's keys.
        where: the setting, as steps into the configuration.
        kind: pydantic's type of the error.
        given: what is stored now.
    """
    if given == "null":
        return removal(namespace, where)
    key = _key(namespace, where)
    if kind == "string_type" and type(given) in {int, bool}:
        return f"pulumi config set --path --type string {key} {json.dumps(given)}"
    if kind in _TYPES and isinstance(given, str) and _means(given, _TYPES[kind]):
        return f"{removal(namespace, where)} && pulumi config set --path --type {_TYPES[kind]} {key} {given}"
    return None


def removal(namespace: str, where: Where) -> str:
    """The command that leaves a setting out."""
    return f"pulumi config rm --path {_key(namespace, where)}"


def _means(text: str, wanted: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return type(value).__name__ in {wanted, "int" if wanted == "float" else wanted}


def _key(namespace: str, where: Where) -> str:
    steps = (
        f".{step}" if isinstance(step, str) and _PLAIN.fullmatch(step) else f"[{json.dumps(step)}]" for step in where
    )
    return f"'{namespace}:{''.join(steps).removeprefix('.')}'"
