"""The changes between two sets of rendered objects, and how they are listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .objects import Key, Object, Objects

NOT_SHOWN = "not shown: objects created by operators and hook Jobs"
"""The objects that no rendering can show."""

MAX_CHANGES = 60
"""Changes that a preview or an update lists."""

_PERMISSIONS = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"})


class Change(NamedTuple):
    """An object that is added, changed, moved to another release, or removed.

    Attributes:
        key: identifies the object.
        before: its release and the object before the change; None if it is added.
        after: its release and the object after the change; None if it is removed.
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
        """The position in a list of changes: what a reviewer should see first has the lowest rank."""
        if self.lost_version:
            return 0
        if self._images(self.before) != self._images(self.after):
            return 1
        return 3 if self.key.kind in _PERMISSIONS else 2

    @property
    def release(self) -> str:
        """The release that the object belongs to, or belonged to."""
        return (self.after or self.before or ("",))[0]

    @property
    def lost_version(self) -> str | None:
        """The storage version of a CustomResourceDefinition, if the change removes it."""
        if not self.before or not self.after or not self.after[1].versions:
            return None
        stored = self.before[1].stored
        return stored if stored and stored not in {version.rstrip("*") for version in self.after[1].versions} else None

    @property
    def text(self) -> str:
        """The change in one line."""
        return " ".join([self.sign, self.key.title, *(f"({note})" for note in self._notes()), *self._details()])

    @staticmethod
    def _images(side: tuple[str, Object] | None) -> tuple[str, ...]:
        return side[1].images if side else ()

    def _details(self) -> Iterator[str]:
        before, after = self._images(self.before), self._images(self.after)
        removed, added = [i for i in before if i not in after], [i for i in after if i not in before]
        if self.before is None or self.after is None:
            if removed or added:
                yield f"image {', '.join(removed or added)}"
        elif removed or added:
            yield f"image {', '.join(removed) or 'none'} → {', '.join(added) or 'none'}"

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
            yield f"removes storage version {self.lost_version}"


def find_changes(before: Objects, after: Objects) -> list[Change]:
    """The changes from ``before`` to ``after``, sorted by rank, kind, namespace and name."""
    old = {key: (release, item) for release, items in before.items() for key, item in items.items()}
    new = {key: (release, item) for release, items in after.items() for key, item in items.items()}
    found = [Change(key, old.get(key), new.get(key)) for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
    return sorted(found, key=lambda change: (change.rank, change.key.order))


def count_changes(changes: Iterable[Change]) -> str:
    """``1 added, 2 changed, 0 removed``."""
    signs = [change.sign for change in changes]
    return f"{signs.count('+')} added, {signs.count('~')} changed, {signs.count('-')} removed"


def summarize_changes(before: Objects, after: Objects) -> str:
    """The changes as text for a preview; a first installation is only counted by release."""
    if not before:
        counts = ", ".join(f"{name} {len(items)}" for name, items in after.items())
        return f"objects   {sum(map(len, after.values()))} new: {counts}"
    changes = find_changes(before, after)
    if not changes:
        return f"objects   {sum(map(len, after.values()))} unchanged"
    lines = [f"objects   {count_changes(changes)}", *(f"  {change.text}" for change in changes[:MAX_CHANGES])]
    if len(changes) > MAX_CHANGES:
        lines.append(f"  … and {len(changes) - MAX_CHANGES} more; `dynamo-platform diff` lists all")
    return "\n".join(lines)
