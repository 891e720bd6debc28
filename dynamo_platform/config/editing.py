"""Changes settings in the text of a stack file; its comments and everything else stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from .model import NAMESPACE


class _Entry(NamedTuple):
    key: Node
    value: Node


def with_settings(text: str, settings: Mapping[str, Any]) -> str:
    """A stack file with other settings.

    Args:
        text: the stack file, or a plain mapping of settings.
        settings: values by path, such as ``grove.version``; None removes a setting.

    Raises:
        ValueError: the text has no mapping where a setting belongs. A setting that an alias or a merge defines changes
            where it is defined: read the result to find out.
    """
    for path, value in settings.items():
        root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
        config = _value(root, "config") or root
        if not isinstance(config, MappingNode) or not config.value:
            raise ValueError(f"no settings to change for {path}")
        first, *rest = path.split(".")
        full = first if config is root or _entry(config, first) else f"{NAMESPACE}:{first}"
        parts = [full, *rest]
        text = _without(text, config, parts) if value is None else _with(text, config, parts, value)
    return text


def _entry(node: MappingNode, name: str) -> _Entry | None:
    return next((_Entry(key, value) for key, value in node.value if key.value == name), None)


def _value(node: Any, name: str) -> Node | None:
    entry = _entry(node, name) if isinstance(node, MappingNode) else None
    return entry.value if entry else None


def _with(text: str, node: MappingNode, parts: list[str], value: Any) -> str:
    name, *below = parts
    entry = _entry(node, name)
    if entry is None:
        return _inserted(text, node, f"{name}: {_flow(below, value)}")
    if below and isinstance(entry.value, MappingNode) and entry.value.value:
        return _with(text, entry.value, below, value)
    if below and not (isinstance(entry.value, MappingNode) or entry.value.tag.endswith(":null")):
        raise ValueError(f"{name} is not a mapping")
    start, end = text.index(":", entry.key.end_mark.index) + 1, _end(entry.value)
    return f"{text[:start]} {_flow(below, value)}{text[end:]}"


def _flow(below: list[str], value: Any) -> str:
    """A value in YAML's flow style, below these keys."""
    text = json.dumps(value, ensure_ascii=False)
    for name in reversed(below):
        text = f"{{{name}: {text}}}"
    return text


def _inserted(text: str, node: MappingNode, entry: str) -> str:
    if node.flow_style:
        at = node.start_mark.index + 1
        return f"{text[:at]}{entry}, {text[at:].lstrip(' ')}"
    at = _line_end(text, _end(node))
    return f"{text[:at]}\n{' ' * node.value[0][0].start_mark.column}{entry}{text[at:]}"


def _without(text: str, node: MappingNode, parts: list[str]) -> str:
    name, *below = parts
    entry = _entry(node, name)
    if entry is None:
        return text
    if below:
        return _without(text, entry.value, below) if isinstance(entry.value, MappingNode) else text
    start = entry.key.start_mark.index
    if node.flow_style:
        rest = text[_end(entry.value) :].lstrip(" ")
        if rest.startswith(","):
            return text[:start] + rest[1:].lstrip(" ")
        return text[:start].rstrip(" ").removesuffix(",") + rest
    return text[: text.rfind("\n", 0, start) + 1] + text[_line_end(text, _end(entry.value)) + 1 :]


def _end(node: Node) -> int:
    """The end of a node's own text. A block collection's mark is at the token after it."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, MappingNode) else last)
    index: int = node.end_mark.index
    block = isinstance(node, ScalarNode) and node.style in {"|", ">"}
    return index - 1 if block else index


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found
