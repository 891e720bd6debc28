"""JSON into named tuples, checked against their annotations.

pydantic would do it, but building its schema for these rows costs more than planning does:
https://docs.pydantic.dev/latest/concepts/performance/
"""

from types import UnionType
from typing import Any, get_args, get_origin

from dynamo_platform.versions import Version


def read(kind: Any, value: Any, where: str) -> Any:
    """The value as its annotation says.

    Args:
        kind: a named tuple, ``tuple[X, ...]``, ``dict[str, X]``, ``Literal``, ``X | None``, ``Version``, ``Any`` or a
            plain type.
        value: what JSON has there.
        where: where that is, for the error.

    Raises:
        ValueError: the value does not fit.
    """
    origin, args = get_origin(kind), get_args(kind)
    result: Any
    if origin is UnionType:
        result = None if value is None else read(args[0], value, where)
    elif origin is tuple and isinstance(value, list):
        result = tuple(read(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    elif origin is dict and isinstance(value, dict):
        result = {key: read(args[1], item, f"{where}.{key}") for key, item in value.items()}
    elif kind is Version and isinstance(value, str):
        result = Version.parse(value)
    elif hasattr(kind, "_fields") and isinstance(value, dict):
        result = _row(kind, value, where)
    elif kind is Any or value in args or (isinstance(kind, type) and isinstance(value, kind)):
        result = value
    else:
        raise ValueError(f"{where}: {value!r} is not {kind}")
    return result


def _row(kind: Any, value: dict[str, Any], where: str) -> Any:
    fields = kind.__annotations__
    wrong = [key for key in value if key not in fields]
    wrong += [key for key in fields if key not in value and key not in kind._field_defaults]
    if wrong:
        raise ValueError(f"{where}: {', '.join(wrong)} missing or unknown; a {kind.__name__} has {', '.join(fields)}")
    return kind(**{key: read(fields[key], item, f"{where}.{key}") for key, item in value.items()})
