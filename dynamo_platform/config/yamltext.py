"""YAML as Pulumi reads it.

Pulumi's YAML (``gopkg.in/yaml.v3``) differs from PyYAML's: ``yes`` and ``on`` are text, ``1e3`` is a number, a
duplicate key is an error, and numbers are converted to JSON before a program sees them. Anchors, aliases and merges are
the same. The size of what is read is limited, so that no file takes long.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dynamo_platform.trees import Location

MAX_BYTES = 256 * 1024
"""Bytes of a text. The engine passes the configuration to a program in one variable, which Linux limits to 128 KiB."""

MAX_VALUES = 20_000
"""Values in a file, with aliases expanded."""

MAX_NESTING = 200
"""Levels of mappings and lists in a text. PyYAML recurses for each level, and before 6.0.4 crashes on too many."""

MAX_MANIFEST_BYTES = 10_000_000
"""Bytes of a file of manifests, or of a chart's values."""

MAX_MANIFEST_VALUES = 1_000_000
"""Values in such a file, with aliases expanded."""

_TAG = "tag:yaml.org,2002:"


class YamlTextError(Exception):
    """Text that is not YAML, or that Pulumi does not accept.

    Attributes:
        problem: what is wrong, in a few words.
        line: the line, from 1 on; None if the problem is not in one line.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, line


class DuplicateKeyError(YamlTextError):
    """A duplicate key in a mapping.

    Attributes:
        location: the location of the key.
        first: the line of its first occurrence.
    """

    def __init__(self, location: Location, first: int, line: int) -> None:
        super().__init__(f"the key {location[-1]} is in line {first} already", line)
        self.location, self.first = location, first


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  the class's own: none of YAML 1.1's


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),  # refused later: JSON has no such number
    ("timestamp", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", list("0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


class ManifestLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Helm and kubectl read it: PyYAML's, but dates, times and ``12:30`` are text."""

    yaml_implicit_resolvers: dict[str, Any] = {  # noqa: RUF012  the class's own
        first: [(tag, pattern) for tag, pattern in found if tag != f"{_TAG}timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def number(self, node: ScalarNode) -> str | int | float:
        """A number; one to the base of 60 is text."""
        if ":" in node.value:
            return str(node.value)
        construct = self.construct_yaml_int if node.tag == f"{_TAG}int" else self.construct_yaml_float
        value: int | float = construct(node)
        return value


for _name in ("int", "float"):
    ManifestLoader.add_constructor(_TAG + _name, ManifestLoader.number)


class Document(NamedTuple):
    """A YAML document.

    Attributes:
        value: its value, as a program would get it from Pulumi; None for an empty text.
        lines: the line of each key and each item, from 1 on.
    """

    value: Any
    lines: Mapping[Location, int]


def load_yaml(data: bytes) -> Document:
    """Read a YAML text.

    Raises:
        YamlTextError: the text is not YAML, or is too large.
        DuplicateKeyError: a mapping has a key twice.
    """
    if len(data) > MAX_BYTES:
        raise YamlTextError(f"longer than {MAX_BYTES:,} bytes")
    try:
        _check_nesting(data)
        node = _Loader(data).get_single_node()
        values = _Values()
        return Document(None if node is None else values.of(node), values.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        tab = any(re.match(rb" *\t", text) for text in data.splitlines()[line : line + 1])
        problem = "a tab, but YAML allows only spaces here" if tab else error.problem or str(error)
        raise YamlTextError(problem, line + 1) from None
    except yaml.YAMLError as error:
        raise YamlTextError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise YamlTextError("nested too deeply") from None


def load_documents(data: bytes) -> Iterator[Any]:
    """The documents of a YAML text as Helm and kubectl read it.

    Raises:
        YamlTextError: the text is not YAML, or is too large.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise YamlTextError(f"longer than {MAX_MANIFEST_BYTES:,} bytes")
    remaining = MAX_MANIFEST_VALUES
    try:
        _check_nesting(data)
        loader = ManifestLoader(data)
        while loader.check_node():
            node = loader.get_node()
            remaining -= _size(node, remaining)
            yield loader.construct_document(node)
    except yaml.YAMLError as error:
        raise YamlTextError(" ".join(str(error).split())) from error


def _size(node: Node, most: int) -> int:
    """The number of values below a node, with aliases expanded."""
    ahead, size = [node], 0
    while ahead:
        each = ahead.pop()
        size += 1
        if size > most:
            raise YamlTextError(f"more than {MAX_MANIFEST_VALUES:,} values, with aliases expanded", _line(each))
        if isinstance(each, MappingNode):
            ahead += (part for pair in each.value for part in pair)
        elif isinstance(each, SequenceNode):
            ahead += each.value
    return size


def _check_nesting(data: bytes) -> None:
    depth = 0
    for event in yaml.parse(data, Loader=_Loader):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_NESTING:
            raise YamlTextError("nested too deeply")


class _Values:
    """The values of YAML nodes, with aliases and merges expanded."""

    def __init__(self) -> None:
        self.remaining = MAX_VALUES
        self.lines: dict[Location, int] = {}

    def of(self, node: Node, *location: int | str) -> Any:
        self._count(node)
        match node:
            case MappingNode():
                return self._mapping(node, location)
            case SequenceNode():
                self.lines |= {(*location, i): _line(item) for i, item in enumerate(node.value)}
                return [self.of(item, *location, i) for i, item in enumerate(node.value)]
            case ScalarNode():
                return _scalar(node)
            case _:
                raise TypeError(node)

    def _count(self, node: Node) -> None:
        self.remaining -= 1
        if self.remaining < 0:
            raise YamlTextError(f"more than {MAX_VALUES:,} values, with aliases expanded", _line(node))

    def _mapping(self, node: MappingNode, location: Location) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = _key(key), _line(key)
            if name in first:
                raise DuplicateKeyError((*location, name), first[name], line)
            first[name] = line
            if key.tag == f"{_TAG}merge":
                for source in reversed(value.value if isinstance(value, SequenceNode) else [value]):
                    if not isinstance(source, MappingNode):
                        raise YamlTextError("<< merges only mappings", line)
                    self._count(source)
                    merged |= self._mapping(source, location)
            else:
                self.lines[*location, name] = line
                own[name] = self.of(value, *location, name)
        return merged | own


def _line(node: Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _key(node: Node) -> str:
    """A key, which is always text for Pulumi."""
    if not isinstance(node, ScalarNode):
        raise YamlTextError("a key that is a list or a mapping", _line(node))
    value = _scalar(node)
    return value if isinstance(value, str) else str(node.value)


def _scalar(node: ScalarNode) -> Any:
    text: str = node.value
    try:
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float" as kind:
                return _number(text.replace("_", ""), kind)
            case "timestamp":
                raise YamlTextError(
                    f"{text}: put it in quotes, else Pulumi turns it into a timestamp in UTC", _line(node)
                )
    except ValueError:
        raise YamlTextError(f"{text} is not a number that JSON can represent", _line(node)) from None
    return text


def _number(text: str, kind: str) -> int | float:
    """A number after its conversion to JSON: 64 bits, and an integer if possible."""
    if kind == "int":
        # A leading zero is octal, as in YAML 1.1.
        number = int(re.sub(r"^([-+]?)0(?=[0-7])", r"\g<1>0o", text), 0)
        if -(1 << 63) <= number < 1 << 63:
            return number
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    # In JSON it has the shortest digits that identify it, followed by zeros.
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < 1e21 else value
