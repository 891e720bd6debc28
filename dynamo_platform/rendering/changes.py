"""What changes between two sets of rendered objects, and how to list it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .objects import Key, Object, Objects

_PERMISSIONS = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"})


class Change(NamedTuple):
    """One object added, changed, moved or removed.

    Attributes:
        key: which.
        before: as it was, and in which release; None where it is new.
        after: as it will be, and in which release; None where it goes.
    """

    key: Key
    before: tuple[str, Object] | None
    after: tuple[str, Object] | None

    @property
    def sign(self) -> str:
        """``+``, ``-`` or ``~``."""
        return "+" if self.before is None else "-" if self.after is None else "~"

    @property
    def rank(self) -> int:
        """Where it stands among others: lower is what a reviewer wants to see first."""
        if self.lost_version:
            return 0
        if self._images(self.before) != self._images(self.after):
            return 1
        return 3 if self.key.kind in _PERMISSIONS else 2

    @property
    def release(self) -> str:
        """The release that has it, or had it."""
        return (self.after or self.before or ("",))[0]

    @property
    def lost_version(self) -> str | None:
        """The version that a CustomResourceDefinition's objects are stored in now, and that goes."""
        if not self.before or not self.after or not self.after[1].versions:
            return None
        stored = self.before[1].stored
        return stored if stored and stored not in {version.rstrip("*") for version in self.after[1].versions} else None

    @property
    def text(self) -> str:
        """What changes, in a line."""
        return " ".join([self.sign, self.key.title, *(f"({note})" for note in self._notes()), *self._details()])

    @staticmethod
    def _images(side: tuple[str, Object] | None) -> tuple[str, ...]:
        return side[1].images if side else ()

    def _details(self) -> Iterator[str]:
        before, after = self._images(self.before), self._images(self.after)
        gone, new = [i for i in before if i not in after], [i for i in after if i not in before]
        if self.before is None or self.after is None:
            if gone or new:
                yield f"image {', '.join(gone or new)}"
        elif gone or new:
            yield f"image {', '.join(gone) or 'none'} → {', '.join(new) or 'none'}"

    def _notes(self) -> Iterator[str]:
        sides = [side[1] for side in (self.before, self.after) if side]
        if any(side.uncertain for side in sides):
            yield "the cluster decides"
        if sides[-1].hook:
            yield f"hook {sides[-1].hook.partition(':')[0].replace(',', ', ')}"
        if self.after is None and sides[0].kept:
            yield "kept in the cluster"
        if self.before and self.after:
            if self.before[0] != self.after[0]:
                yield f"from release {self.before[0]} to {self.after[0]}"
            if sides[0].versions != sides[1].versions:
                yield f"versions {', '.join(sides[0].versions)} → {', '.join(sides[1].versions)}"
        if self.lost_version:
            yield f"stored version {self.lost_version} disappears"


def changes(before: Objects, after: Objects) -> list[Change]:
    """What is added, changed, moved or removed: what matters most first, then by kind, namespace and name."""
    old = {key: (release, item) for release, items in before.items() for key, item in items.items()}
    new = {key: (release, item) for release, items in after.items() for key, item in items.items()}
    found = [Change(key, old.get(key), new.get(key)) for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
    return sorted(found, key=lambda change: (change.rank, change.key.order))


OUT_OF_SIGHT = "out of sight: what operators and the Jobs of hooks make by themselves"
"""What no rendering shows."""

MOST_LINES = 60
"""Changes that a preview and an update list."""


def difference(before: Objects, after: Objects) -> str:
    """What changes, in people's words; of a first installation only how much there is."""
    if not before:
        counted = ", ".join(f"{name} {len(items)}" for name, items in after.items())
        return f"objects   {sum(map(len, after.values()))} new: {counted}"
    found = changes(before, after)
    if not found:
        return f"objects   none of {sum(map(len, after.values()))} changes"
    signs = [change.sign for change in found]
    lines = [f"objects   {signs.count('+')} added, {signs.count('~')} changed, {signs.count('-')} removed"]
    lines += [f"  {change.text}" for change in found[:MOST_LINES]]
    return "\n".join(
        [*lines, f"  … and {len(found) - MOST_LINES} more; `dynamo-platform diff` lists all"]
        if len(found) > MOST_LINES
        else lines
    )
