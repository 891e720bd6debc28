"""YAML text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Block style, without aliases, and with multi-line text as literal blocks."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    return node


_Dumper.add_representer(str, _represent_text)
# Numbers in YAML 1.2, but text in PyYAML, which would write such text without quotes.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9]*)?[eE][-+]?[0-9]+|0o[0-7]+)$"),
    list("-+0123456789"),
)


def dump(documents: Iterable[Any]) -> str:
    """The documents as one YAML text, with sorted keys."""
    text: str = yaml.dump_all(
        documents, Dumper=_Dumper, default_flow_style=False, sort_keys=True, allow_unicode=True, width=1 << 20
    )
    return text
