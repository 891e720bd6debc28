"""Rules about credentials: a configuration has none, because everything that it says is printed and stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from dynamo_platform.config.model import to_camel
from dynamo_platform.credentials import HIDDEN, redacted, secret_entries
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices

from .base import Verdict, rule

_PRIVATE = "docs/configuration.md#credentials"
_CHARTS = {"chart", "repository"}
"""The settings that say where a chart is."""


@rule("SEC001")
def addresses_have_no_credentials(c: Choices) -> Iterator[Verdict]:
    """Every address is printed, and stored in the state and in the cluster."""
    for path, text in _texts(c.config):
        if redacted(text) != text:
            is_chart = "values" not in path and path.rpartition(".")[2] in _CHARTS
            yield Verdict(
                path,
                quote_value(text),
                "the address without user and password. For charts Helm has its own login: `helm registry login`, or "
                '`helm repo add NAME` with repository "@NAME"'
                if is_chart
                else "the address without user and password; credentials belong in a Secret, which the chart names "
                "or the workloads mount",
                "Addresses are printed by previews, commands and comments of pull requests, and stored in the stack's "
                "state and in the cluster.",
                _PRIVATE if is_chart else None,
            )


@rule("SEC002")
def values_have_no_secrets(c: Choices) -> Iterator[Verdict]:
    """Every chart value is printed, and stored in the state and in the cluster."""
    for path, mapping in _mappings(c.config):
        for key in secret_entries(mapping):
            yield Verdict(
                f"{path}.{key}",
                HIDDEN,
                "no value; the name of a Secret that exists in the cluster, where the chart takes one",
                "Chart values are printed by previews, commands and comments of pull requests, and stored in the "
                "stack's state and in the cluster. This module holds no secrets, so it cannot leak any.",
            )


def _texts(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Each text in a part of the configuration, keys included, with its path."""
    if isinstance(value, str):
        yield at, value
    for path, key, entry in _entries(value, at):
        if isinstance(key, str):
            yield path, key
        yield from _texts(entry, path)


def _mappings(value: Any, at: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each mapping of chart values in a part of the configuration, with its path."""
    if isinstance(value, Mapping):
        yield at, value
    for path, _, entry in _entries(value, at):
        yield from _mappings(entry, path)


def _entries(value: Any, at: str) -> Iterator[tuple[str, Any, Any]]:
    """The entries of a model, a mapping or a list, each with its path and its key."""
    if isinstance(value, BaseModel):
        entries = ((to_camel(name), getattr(value, name)) for name in value.model_fields_set)
        yield from ((f"{at}.{name}".removeprefix("."), None, entry) for name, entry in entries)
    elif isinstance(value, Mapping):
        yield from ((f"{at}.{key}", key, entry) for key, entry in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"{at}[{i}]", None, entry) for i, entry in enumerate(value))
