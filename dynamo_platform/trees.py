"""Trees of chart values: nested mappings, addressed by dotted paths.

A dot in a key is escaped in its path, as for Helm's ``--set``: ``labels.example\\.com/a``. So a key that looks like a
path, ``{"a.b": 1}``, is not taken for one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Location = tuple[int | str, ...]
"""The keys and indices that lead to a value."""


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        *parents, last = keys_of(path)
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def value_at(tree: Mapping[str, Any], path: str) -> Any:
    """The value at ``a.b`` of ``{"a": {"b": 1}}``; None if there is none."""
    node: Any = tree
    for step in keys_of(path):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def escaped(key: str) -> str:
    """A key as a part of a path."""
    return key.replace(".", "\\.")


def keys_of(path: str) -> list[str]:
    """The keys of a path."""
    if "\\" not in path:
        return path.split(".")
    return [key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", path)]


def parents(path: str) -> Iterator[str]:
    """The paths above ``a.b.c``: ``a`` and ``a.b``."""
    steps = path.split(".")
    return (".".join(steps[:n]) for n in range(1, len(steps)))


def walk(values: object, opens: Callable[[str], bool] = lambda _: True, *, at: str = "") -> Iterator[tuple[str, Any]]:
    """Each leaf of a tree, as dotted path and value.

    An empty mapping is a leaf, and so is any mapping whose path ``opens`` rejects.
    """
    for key, value in values.items() if isinstance(values, Mapping) else ():
        name = escaped(str(key))
        path = f"{at}.{name}" if at else name
        if isinstance(value, Mapping) and value and opens(path):
            yield from walk(value, opens, at=path)
        else:
            yield path, value


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` merged into ``base`` as Helm merges values: mappings by key, anything else is replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def dotted(location: Location) -> str:
    """``("queues", 0, "name")`` as ``queues[0].name``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).removeprefix(".")


def digest(content: object) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of ``content`` as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]
