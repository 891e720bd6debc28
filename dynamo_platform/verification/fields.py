"""The fields of a live object that differ from what was rendered.

Every rendered field must have its value in the cluster. What the API server or a controller added to the object is no
difference, and neither is what a chart generates at random.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any, NamedTuple

from dynamo_platform.credentials import names_secret, secret_entries
from dynamo_platform.findings import quote_value
from dynamo_platform.rendering.objects import GENERATED, Manifest
from dynamo_platform.trees import Location, digest, dotted

ABSENT: Any = object()
"""The value of a field that an object does not have."""

_QUANTITIES = {"requests", "limits", "capacity", "hard", "allocatable"}
"""Mappings of resource quantities, which the API server rewrites: ``1000m`` becomes ``1``."""

_QUANTITY = re.compile(r"([+-]?[0-9.]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]+)?")
_FACTORS = {
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


class Difference(NamedTuple):
    """A field that differs.

    Attributes:
        path: where it is in the live object.
        expected: the rendered value; ``ABSENT`` for an element that the list should not have.
        seen: the live value; ``ABSENT`` for a field that the object lacks.
        secret: whether the values must not be shown.
    """

    path: Location
    expected: Any
    seen: Any
    secret: bool = False

    @property
    def texts(self) -> tuple[str, str]:
        """The two values as they are shown: of a secret the digests, of long texts the first line that differs."""
        if isinstance(self.expected, str) and isinstance(self.seen, str) and "\n" in self.expected + self.seen:
            return self._first_lines(self.expected, self.seen)
        return self._text(self.expected), self._text(self.seen)

    def _first_lines(self, expected: str, seen: str) -> tuple[str, str]:
        if self.secret:
            return self._text(expected), self._text(seen)
        pairs = enumerate(zip_longest(expected.splitlines(), seen.splitlines()), 1)
        number, lines = next(((n, pair) for n, pair in pairs if pair[0] != pair[1]), (0, ("", "")))
        one, other = (ABSENT if line is None else line.strip() for line in lines)
        hidden = any(isinstance(line, str) and names_secret(line.partition(":")[0].strip()) for line in (one, other))
        first = Difference(self.path, one, other, hidden).texts
        return f"line {number}: {first[0]}", f"line {number}: {first[1]}"

    def _text(self, value: Any) -> str:
        if value is ABSENT:
            return "nothing"
        return f"a secret with digest {digest(value)}" if self.secret else quote_value(value)


def differences(manifest: Manifest, live: Manifest) -> list[Difference]:
    """The fields of a live object that differ from a rendered one.

    Args:
        manifest: the rendered object, with ``GENERATED`` for what the chart generates.
        live: the object in the cluster.
    """
    found: list[Difference] = []
    wanted = dict(manifest)
    if manifest["kind"] == "Secret":
        given = {key: _encoded(text) for key, text in (wanted.pop("stringData", None) or {}).items()}
        # A controller fills in what is empty.
        data = {key: text for key, text in ((wanted.get("data") or {}) | given).items() if text}
        wanted["data"] = data
    for key, value in wanted.items():
        if key == "metadata":
            found += _metadata(value or {}, live["metadata"])
        elif key not in {"apiVersion", "kind", "status"}:
            found += _compare((key,), value, live.get(key, ABSENT))
    if manifest["kind"] == "Secret":
        found = [each._replace(secret=each.path[0] == "data") for each in found]
    return found


def _encoded(text: str) -> str:
    return text if text == GENERATED else base64.b64encode(text.encode()).decode()


def _metadata(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    for field in ("labels", "annotations"):
        for key, value in (wanted.get(field) or {}).items():
            if not key.startswith("helm.sh/"):
                yield from _compare(("metadata", field, key), value, (live.get(field) or {}).get(key, ABSENT))


def _compare(path: Location, wanted: Any, seen: Any) -> Iterator[Difference]:
    if wanted is None or wanted == GENERATED or (wanted == "" and path[-1] == "caBundle"):
        return
    if seen is ABSENT or seen is None:
        if not _is_empty(wanted):
            yield Difference(path, wanted, ABSENT)
    elif isinstance(wanted, Mapping) and isinstance(seen, Mapping):
        hidden = secret_entries(wanted)
        for key, value in wanted.items():
            for each in _compare((*path, key), value, seen.get(key, ABSENT)):
                yield each._replace(secret=each.secret or key in hidden)
    elif isinstance(wanted, Sequence) and isinstance(seen, Sequence) and not isinstance(wanted, str):
        yield from _compare_lists(path, wanted, seen)
    elif not _is_same(path, wanted, seen):
        yield Difference(path, wanted, seen)


def _compare_lists(path: Location, wanted: Sequence[Any], seen: Sequence[Any]) -> Iterator[Difference]:
    """Compare elements with a name by their names, others by their place."""
    places = _places(seen)
    if _places(wanted) is None or places is None:
        if len(wanted) != len(seen):
            yield Difference(path, wanted, seen)
            return
        for place, (one, other) in enumerate(zip(wanted, seen, strict=True)):
            yield from _compare((*path, place), one, other)
        return
    for element in wanted:
        place = places.pop(element["name"], len(seen))
        yield from _compare((*path, place), element, seen[place] if place < len(seen) else ABSENT)
    for place in places.values():
        yield Difference((*path, place), ABSENT, seen[place])


def _places(elements: Sequence[Any]) -> dict[str, int] | None:
    """The place of each element by its name; None unless all have different names."""
    names = [each.get("name") for each in elements if isinstance(each, Mapping)]
    places = {name: place for place, name in enumerate(names) if isinstance(name, str)}
    return places if len(places) == len(elements) else None


def _is_empty(value: Any) -> bool:
    """Whether the API server leaves out a field with this value."""
    if isinstance(value, Mapping):
        return all(map(_is_empty, value.values()))
    return not value


def _is_same(path: Location, wanted: Any, seen: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(seen, bool):
        return wanted is seen
    if wanted == seen:
        return True
    if _QUANTITIES.isdisjoint(path) and path[-1] not in {"storage", "sizeLimit", "divisor"}:
        return False
    amounts = amount(wanted), amount(seen)
    return None not in amounts and amounts[0] == amounts[1]


def amount(value: Any) -> Decimal | None:
    """A quantity as a number: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    number, unit = match.groups()
    if unit and unit.startswith("e"):
        return Decimal(number + unit)
    return Decimal(number) * _FACTORS.get(unit or "", Decimal(1))


def title(path: Location) -> str:
    """``spec.template.spec.containers[0].image``."""
    return dotted(path)
