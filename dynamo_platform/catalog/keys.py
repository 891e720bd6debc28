"""The keys that a chart's version reads, and the one that was probably meant by a key that it does not read.

The recordings are data files of the catalog (``data/keys/``): each version lists the keys that it adds and removes.
They are loaded only if a configuration passes chart values through.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dynamo_platform.trees import escaped, keys_of, parents, walk
from dynamo_platform.versions import Version

from .model import Kind
from .reading import Row, read

RECORDINGS = Path(__file__).parent / "data" / "keys"

_WITHOUT_KEYS: frozenset[Kind] = frozenset({"boolean", "auto", "number", "text", "list"})


class Recording(Row):
    """The keys that a version of a chart adds to the recorded version before it, and those that it removes.

    Attributes:
        source: the page that states it.
        came: what each key takes that is new, or that takes something else now.
        went: the keys that nothing reads any more.
    """

    source: str
    came: dict[str, Kind]
    went: tuple[str, ...]


def recordings(chart: str) -> dict[str, Recording]:
    """A chart's recordings by version, oldest first."""
    file = RECORDINGS / f"{chart}.json"
    rows: dict[str, Recording] = read(dict[str, Recording], json.loads(file.read_text(encoding="utf-8")), file.name)
    return rows


@cache
def recorded(chart: str) -> dict[Version, dict[str, Kind]]:
    """The keys that each recorded version of a chart reads and what they take, oldest version first.

    Raises:
        FileNotFoundError: no version of this chart is recorded.
        ValueError: the data file does not fit its schema.
    """
    kinds: dict[str, Kind] = {}
    versions = {}
    for version, row in recordings(chart).items():
        if row.went or row.came:
            kinds = {path: kind for path, kind in kinds.items() if path not in row.went} | row.came
        versions[Version.parse(version)] = kinds
    return versions


def with_recordings(
    versions: dict[Version, dict[str, Kind]], added: Mapping[str, Recording]
) -> dict[Version, dict[str, Kind]]:
    """A chart's recorded versions with further ones, oldest first.

    Args:
        versions: the recorded versions.
        added: the further ones by version, each relative to the recorded version before it.
    """
    for version, row in sorted((Version.parse(text), row) for text, row in added.items()) if added else ():
        kinds = versions[nearest_recording(version, [other for other in versions if other != version])]
        kinds = {path: kind for path, kind in kinds.items() if path not in row.went} | row.came
        versions = dict(sorted({**versions, version: kinds}.items()))
    return versions


def nearest_recording(version: Version, among: Collection[Version]) -> Version:
    """The newest of the versions that is not newer than ``version``, else the oldest of them."""
    return max((other for other in among if other <= version), default=min(among))


def other_recording(version: Version, recording: Version, among: Collection[Version]) -> Version | None:
    """The recorded version next to ``version`` on the other side than ``recording``.

    Returns:
        That version. None if there is none, or if ``version`` is recorded itself.
    """
    if recording < version:
        return min((other for other in among if other > version), default=None)
    return max((other for other in among if other < version), default=None) if version < recording else None


class Unread(NamedTuple):
    """A key in given values that the chart does not read.

    Attributes:
        path: the key, by dotted path.
        value: its value, with everything below it.
    """

    path: str
    value: Any


class Keys:
    """The keys that a chart reads.

    Attributes:
        kinds: what each key takes, by dotted path; a ``chart`` may have keys below it.
        maps: the paths with keys below them.
    """

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds
        self.maps: set[str] = set()
        for path in kinds:
            parent = path.rpartition(".")[0]
            while parent and parent not in self.maps:
                self.maps.add(parent)
                parent = parent.rpartition(".")[0]

    @cached_property
    def _all(self) -> list[str]:
        return sorted(self.maps.union(self.kinds))

    def unread(self, values: Mapping[str, Any]) -> Iterator[Unread]:
        """The topmost keys of ``values`` that the chart does not read."""
        for path, value in walk(values, lambda path: path in self.maps):
            kind = self.kinds.get(path)
            below_a_leaf = kind in _WITHOUT_KEYS and isinstance(value, Mapping) and value
            unknown = kind is None and path not in self.maps
            if below_a_leaf or (unknown and not self._is_read_by_subchart(path, value)):
                yield Unread(path, value)

    def nested(self, path: str) -> str | None:
        """The path that was meant by one whose last key is itself a path, as for Helm's ``--set``."""
        *above, name = keys_of(path)
        steps = name.split(".")
        at = ".".join((*above, steps[0]))
        of_subchart = len(above) == 1 and self.kinds.get(above[0]) == "chart"
        if len(steps) == 1 or not (at in self.maps or at in self.kinds or of_subchart):
            return None
        for number, step in enumerate(steps[1:], 1):
            if self.kinds.get(at, "chart") != "chart" and at not in self.maps:
                return f"{at}.{escaped('.'.join(steps[number:]))}"
            at = f"{at}.{step}"
        return at

    def _is_read_by_subchart(self, path: str, value: object) -> bool:
        """Whether a subchart may read it whose keys are not recorded: it is not a misspelt recorded key of it."""
        chart = path.partition(".")[0]
        if self.kinds.get(chart) != "chart" or self.nested(path):
            return False
        moved = self._elsewhere(path, value) if path.rpartition(".")[0] == chart else None
        return not (self._in_another_case(path) or (moved and moved.startswith(f"{chart}.")))

    def nearest(self, path: str, value: object) -> str | None:
        """The key that was probably meant by one that the chart does not read."""
        return (
            self._in_another_case(path)
            or self._elsewhere(path, value)
            or self._misspelt(path)
            or self._only_one_named(path.rpartition(".")[2])
        )

    def siblings(self, path: str) -> list[str]:
        """The names of the keys that are read below the parent of ``path``."""
        parent = path.rpartition(".")[0]
        return [name for above, _, name in (known.rpartition(".") for known in self._all) if above == parent]

    def _in_another_case(self, path: str) -> str | None:
        return next((known for known in self._all if known.casefold() == path.casefold()), None)

    def _elsewhere(self, path: str, value: object) -> str | None:
        """The likeliest key of that name below another parent."""
        parent, _, name = path.rpartition(".")
        named = [known for known in self._all if known.endswith(f".{name}")]
        keys_below = tuple(f".{name}.{leaf}" for leaf, _ in walk(value))
        candidates = (
            [known[: known.rindex(f".{name}.") + 1] + name for known in self._all if known.endswith(keys_below)]
            or [known for known in named if parent and known.startswith(f"{parent}.")]
            or [known for known in named if parent and known.endswith(f".{parent.rpartition('.')[2]}.{name}")]
        )
        return max(
            candidates,
            key=lambda known: (_in_common(known, path), self.kinds.get(known.partition(".")[0]) != "chart"),
            default=None,
        )

    def _misspelt(self, path: str) -> str | None:
        from difflib import get_close_matches  # noqa: PLC0415  needed for a wrong key only

        parent, _, name = path.rpartition(".")
        close = get_close_matches(name, self.siblings(path), n=1, cutoff=0.7)
        return f"{parent}.{close[0]}".removeprefix(".") if close else None

    def _only_one_named(self, name: str) -> str | None:
        named = [known for known in self._all if known.endswith(f".{name}")]
        return named[0] if len(named) == 1 else None


def _in_common(path: str, other: str) -> int:
    """The number of leading steps that two paths share."""
    return sum(a == b for a, b in zip(parents(path), parents(other), strict=False))
