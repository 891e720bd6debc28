"""Reads JSON as rows, checked against their annotations.

Defining a named tuple or a dataclass takes a millisecond, and building a pydantic schema takes longer: every program
that imports the package would pay that for each type of row.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Any, ClassVar, NoReturn, get_args, get_origin

from dynamo_platform.versions import Version

_version = cache(Version.parse)
"""The catalog repeats many versions."""


class MinorVersion(str):
    """MAJOR.MINOR, such as ``1.8``. Values are read as plain text."""

    __slots__ = ()


class Row:
    """A row of the catalog. Its fields are what its class and its bases annotate; an assigned value is a default.

    Attributes:
        fields: the annotation of each field.
        required: the fields without a default.
        identity: the fields that tell rows of this kind apart; none if a table has only one of them.
    """

    fields: ClassVar[Mapping[str, Any]] = {}
    required: ClassVar[frozenset[str]] = frozenset()
    identity: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = {
            name: kind
            for name, kind in cls.__annotations__.items()
            if getattr(kind, "__origin__", None) is not ClassVar
        }
        cls.fields = {**cls.fields, **own}
        # A field that a row annotates again, without a default, is required there.
        cls.required = cls.required.union(own) - (own.keys() & vars(cls).keys())

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{name}: a row does not change")


def read(kind: Any, value: Any, where: str, problems: list[str] | None = None) -> Any:
    """The value as its annotation says.

    Args:
        kind: a row, ``tuple[X, ...]``, ``dict[str, X]``, ``Literal``, ``X | None``, ``Version``, ``MinorVersion``,
            ``Any`` or a plain type.
        value: the JSON value.
        where: its path, for the error.
        problems: where to add what does not fit, as path and problem, instead of raising; the result is then of no use.

    Raises:
        ValueError: the value does not fit.
    """
    result: Any
    if type(value) is kind:
        result = value
    elif kind is Version and isinstance(value, str):
        result = _read_version(value, where, problems)
    elif kind is MinorVersion and _is_minor_version(value):
        result = value
    elif isinstance(kind, type) and issubclass(kind, Row) and isinstance(value, dict):
        result = _row(kind, value, where, problems)
    else:
        result = _composed(kind, value, where, problems)
    return result


def _report(problem: str, problems: list[str] | None) -> None:
    if problems is None:
        raise ValueError(problem)
    problems.append(problem)


def _read_version(value: str, where: str, problems: list[str] | None) -> Version | None:
    try:
        return _version(value)
    except ValueError as error:
        _report(f"{where}: {error}", problems)
    return None


def _is_minor_version(value: Any) -> bool:
    try:
        return bool(_version(f"{value}.0").minor_line == value)
    except ValueError:
        return False


def _composed(kind: Any, value: Any, where: str, problems: list[str] | None) -> Any:
    # `typing.get_origin` and `get_args` give the same, but take as long as everything else here.
    origin: Any = getattr(kind, "__origin__", type(kind))
    args: Sequence[Any] = getattr(kind, "__args__", ())
    result: Any = None
    if origin is UnionType:
        result = None if value is None else read(args[0], value, where, problems)
    elif origin is tuple and isinstance(value, list):
        result = tuple(read(args[0], item, f"{where}[{i}]", problems) for i, item in enumerate(value))
    elif origin is dict and isinstance(value, dict):
        result = {key: read(args[1], item, f"{where}.{key}", problems) for key, item in value.items()}
    elif kind is Any or value in args or (isinstance(kind, type) and isinstance(value, kind)):
        result = value
    else:
        _report(f"{where}: {value!r} is not {_describe(kind)}", problems)
    return result


def _describe(kind: Any) -> str:
    """An annotation in words."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        words = _describe(args[0])
    elif origin in _WORDS:
        words = _WORDS[origin]
    elif args:
        words = "one of " + ", ".join(map(str, args))
    else:
        words = "a mapping" if issubclass(kind, Row) else _WORDS[kind]
    return words


_WORDS: dict[Any, str] = {
    tuple: "a list",
    dict: "a mapping",
    Version: "a version",
    MinorVersion: "a minor version in quotes, such as 1.8",
    str: "text",
    int: "a whole number",
    bool: "true or false",
}


def _row(kind: Any, value: dict[str, Any], where: str, problems: list[str] | None) -> Row:
    fields = kind.fields
    missing = [key for key in fields if key in kind.required and key not in value]
    unknown = [key for key in value if key not in fields]
    for keys, what in ((unknown, "unknown"), (missing, "missing")):
        if keys:
            _report(f"{where}: {', '.join(keys)} {what}; {kind.__name__} has {', '.join(fields)}", problems)
    row: Row = kind(
        **{key: read(fields[key], item, f"{where}.{key}", problems) for key, item in value.items() if key in fields}
    )
    return row
