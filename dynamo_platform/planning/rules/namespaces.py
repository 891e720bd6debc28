"""Rules about the labels and annotations of the releases' namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from dynamo_platform.catalog.model import PodSecurity, PodSecurityLevel
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices, Part, ReleaseName

from .base import Verdict, rule
from .reading import value_read

ENFORCE = "pod-security.kubernetes.io/enforce"
"""The label of a namespace that makes the API server refuse pods of a lower level."""

_LEVELS: tuple[PodSecurityLevel, ...] = get_args(PodSecurityLevel)


@rule("SET011")
def releases_agree_on_their_namespace(c: Choices) -> Iterator[Verdict]:
    """A label or an annotation has one value, also if several releases share the namespace."""
    seen: dict[tuple[str, str, str], str] = {}
    for path, namespace, config in c.releases:
        given = {"namespaceLabels": config.namespace_labels, "namespaceAnnotations": config.namespace_annotations}
        for setting, entries in given.items():
            for key, text in (entries or {}).items():
                other = seen.setdefault((namespace, setting, key), text)
                if other != text:
                    yield Verdict(
                        f"{path}{setting}.{key}",
                        quote_value(text),
                        f"{quote_value(other)}, or another namespace",
                        f"Another release in {namespace} gives it another value.",
                    )


@rule("SET012", acceptable=True)
def pods_are_admitted(c: Choices) -> Iterator[Verdict]:
    """A namespace that enforces a stricter level of the Pod Security Standards than its pods have refuses them."""
    for path, namespace, config in c.releases:
        level = (config.namespace_labels or {}).get(ENFORCE)
        if level is None:
            continue
        needs = [(row, part) for part in c.parts if _namespace_of(c, part) == namespace for row in _rows(c, part)]
        admitting = _LEVELS[: 1 + min((_LEVELS.index(row.level) for row, _ in needs), default=len(_LEVELS))]
        if level not in admitting:
            row, part = min(needs, key=lambda need: _LEVELS.index(need[0].level))
            yield Verdict(
                f"{path}namespaceLabels.{ENFORCE}",
                quote_value(level),
                " or ".join(reversed(admitting)),
                f"The API server would refuse pods of {part.name} {part.version}, which need {row.level}"
                + (f" with {row.given}." if row.given else "."),
                row.source,
            )


def _namespace_of(c: Choices, part: Part) -> str:
    return next((d.namespace for d in c.dependencies if d.name == part.name and not part.below), c.namespace)


def _rows(c: Choices, part: Part) -> Iterator[PodSecurity]:
    """The rows that hold for a chart and its values."""
    own: list[ReleaseName] = [name for name in c.values if name == part.name]
    for row in c.catalog.chart(part.name).pod_security:
        given = row.given is None or any(value_read(c, name, row.given) is True for name in own)
        if row.holds(part.version) and given:
            yield row
