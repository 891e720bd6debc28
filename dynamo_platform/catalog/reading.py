"""Reads JSON as rows, checked against their annotations.

Defining a named tuple or a dataclass takes a millisecond, and building a pydantic schema takes longer: every program
that imports the package would pay that for each type of row.
"""

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, ClassVar, NoReturn, get_args, get_origin

from dynamo_platform.versions import Version

_version = cache(Version.parse)
"""The catalog repeats many versions."""


class Row:
    """A row of the catalog. Its fields are what its class and its bases annotate; an assigned value is a default.

    Attributes:
        fields: the annotation of each field.
        required: the fields without a default.
    """

    fields: ClassVar[Mapping[str, Any]] = {}
    required: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        own = cls.__annotations__
        cls.fields = {**cls.fields, **own}
        # A field that a row annotates again, without a default, is required there.
        cls.required = cls.required.union(own) - (own.keys() & vars(cls).keys())

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{name}: a row does not change")


def read(kind: Any, value: Any, where: str) -> Any:
    """The value as its annotation says.

    Args:
        kind: a row, ``tuple[X, ...]``, ``dict[str, X]``, ``Literal``, ``X | None``, ``Version``, ``Any`` or a
            plain type.
        value: the JSON value.
        where: its path, for the error.

    Raises:
        ValueError: the value does not fit.
    """
    result: Any
    if type(value) is kind:
        result = value
    elif kind is Version and isinstance(value, str):
        result = _version(value)
    elif isinstance(kind, type) and issubclass(kind, Row) and isinstance(value, dict):
        result = _row(kind, value, where)
    else:
        result = _composed(kind, value, where)
    return result


def _composed(kind: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    result: Any
    if origin is UnionType:
        result = None if value is None else read(args[0], value, where)
    elif origin is tuple and isinstance(value, list):
        result = tuple(read(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    elif origin is dict and isinstance(value, dict):
        result = {key: read(args[1], item, f"{where}.{key}") for key, item in value.items()}
    elif kind is Any or value in args or (isinstance(kind, type) and isinstance(value, kind)):
        result = value
    else:
        raise ValueError(f"{where}: {value!r} is not {kind}")
    return result


def _row(kind: Any, value: dict[str, Any], where: str) -> Row:
    fields = kind.fields
    wrong = [key for key in value if key not in fields]
    wrong += [key for key in fields if key in kind.required and key not in value]
    if wrong:
        raise ValueError(f"{where}: {', '.join(wrong)} missing or unknown; {kind.__name__} has {', '.join(fields)}")
    row: Row = kind(**{key: read(fields[key], item, f"{where}.{key}") for key, item in value.items()})
    return row
