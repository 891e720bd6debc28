"""Upgrades of the platform that upstream supports, as edges between minor versions, and which of them were tested."""

import json
from functools import cache
from pathlib import Path
from typing import Literal

from dynamo_platform.versions import Version

from .reading import MinorVersion, Row, read

VERIFIED = Path(__file__).parent / "data" / "verified.json"
"""The records of tested edges. Tests write them: ``make record``."""


def minor_before(minor: str) -> str | None:
    """The minor version before one, such as ``1.4`` before ``1.5``; None for the first of a major version."""
    major, number = map(int, minor.split("."))
    return f"{major}.{number - 1}" if number else None


class Edge(Row):
    """A supported upgrade from one minor version of the platform to another.

    What an upgrade does to a cluster is derived from the charts' ``changes`` and ``upgrade_faults``; an edge only has
    what no version causes on its own.

    Attributes:
        from_minor: such as ``1.4``.
        to_minor: such as ``1.5``.
        reversible: whether upstream supports the way back.
        sources: the pages that state it.
        disturbs: what the upgrade disturbs, in sentences.
    """

    identity = ("from_minor", "to_minor")

    from_minor: MinorVersion
    to_minor: MinorVersion
    reversible: bool
    sources: tuple[str, ...]
    disturbs: tuple[str, ...] = ()

    @property
    def skips(self) -> bool:
        """Whether it skips minor versions, as far as they are known: the last one of a major version is not."""
        if before := minor_before(self.to_minor):
            return self.from_minor != before
        return int(self.from_minor.split(".")[0]) + 1 != int(self.to_minor.split(".")[0])

    def __str__(self) -> str:
        return f"{self.from_minor} → {self.to_minor}"


class Edges(Row):
    """All supported upgrades.

    Attributes:
        source: the page with upstream's policy.
        checked: the date on which this table was last compared with upstream, as YYYY-MM-DD.
        rows: the edges, oldest first.
    """

    source: str
    checked: str
    rows: tuple[Edge, ...]

    def between(self, minor: str, other: str) -> Edge | None:
        """The edge between two minor versions, in either direction; None if there is none."""
        ends = {(minor, other), (other, minor)}
        return next((edge for edge in self.rows if (edge.from_minor, edge.to_minor) in ends), None)

    def path(self, minor: str, other: str) -> tuple[str, ...] | None:
        """The minor versions from one to another, both included; None if no edges connect them."""
        return self._up(minor, other) or (tuple(reversed(back)) if (back := self._up(other, minor)) else None)

    def _up(self, low: str, high: str) -> tuple[str, ...] | None:
        if low == high:
            return (low,)
        following = (self._up(edge.to_minor, high) for edge in self.rows if edge.from_minor == low)
        return next(((low, *path) for path in following if path), None)


class Verification(Row):
    """An edge that a test took on a live API server.

    Attributes:
        from_minor: the edge's lower minor version.
        to_minor: its higher minor version.
        mode: the mode of KAI Scheduler and Grove.
        charts: whether they were upstream's charts (``real``), or the stand-ins of the sandbox (``contract``).
        before: the version of each chart before, by name.
        after: the version of each chart after, by name.
        digests: the SHA-256 of each chart's archive after the upgrade, by name; empty for contract charts, which are
            built from this repository.
        seconds: the duration of the upgrade.
    """

    from_minor: MinorVersion
    to_minor: MinorVersion
    mode: Literal["separate", "bundled"]
    charts: Literal["real", "contract"]
    before: dict[str, Version]
    after: dict[str, Version]
    digests: dict[str, str]
    seconds: int

    def of(self, edge: Edge) -> bool:
        """Whether it went over an edge, upwards."""
        return (self.from_minor, self.to_minor) == (edge.from_minor, edge.to_minor)

    def __str__(self) -> str:
        charts = " (contract charts)" if self.charts == "contract" else ""
        return f"{self.before['dynamo-platform']} → {self.after['dynamo-platform']} {self.mode}{charts}"


@cache
def verified() -> tuple[Verification, ...]:
    """All tested edges, oldest first.

    Raises:
        ValueError: the data file does not fit its schema.
    """
    rows: tuple[Verification, ...] = read(
        tuple[Verification, ...], json.loads(VERIFIED.read_text(encoding="utf-8")), VERIFIED.name
    )
    return rows
