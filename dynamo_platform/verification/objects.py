"""The live objects against the planned ones, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from dynamo_platform.cluster.reader import Unread

from .commands import Commands
from .fields import ABSENT, Difference, differences, title
from .model import Check, Snapshot
from .planned import Planned

MAX_FIELDS = 5
"""Fields that are listed of one object; one more check says how many others differ."""

MAX_PATCH_CHARS = 400
"""Characters of a patch in a command."""

_NAMES = {"Queue": "queues", "Namespace": "namespaces", "PodMonitor": "monitors", "ServiceMonitor": "monitors"}
"""The checks of objects that have a group of their own."""


def check_objects(planned: Sequence[Planned], snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    """One check for each object that is as planned or cannot be read, and one for each field that differs."""
    for each in planned:
        yield from _check_object(each, snapshot, commands)


def _check_object(planned: Planned, snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    key = planned.key
    name = _NAMES.get(key.kind, "objects") if planned.release is None or key.kind.endswith("Monitor") else "objects"
    live = snapshot.objects.get(key)
    if isinstance(live, Unread):
        yield Check(name, key.title, "not checked", seen=live.why)
        return
    if live is None:
        repair = planned.if_missing
        todo = commands.rewrite(planned, missing=True)
        yield Check(name, key.title, "differs", expected="exists", seen="does not exist", repair=repair, todo=todo)
        return
    found = differences(planned.manifest, live)
    if not found:
        yield Check(name, key.title, "ok")
        return
    repair = planned.if_edited
    todo = (planned.release and _patch(planned, found, commands)) or commands.rewrite(planned, missing=False)
    for each in found[:MAX_FIELDS]:
        expected, seen = each.texts
        yield Check(name, key.title, "differs", title(each.path), expected, seen, repair, todo)
    more = len(found) - MAX_FIELDS
    if more > 0:
        yield Check(name, key.title, "differs", f"{more} more fields", "as rendered", "others", repair, todo)


def _patch(planned: Planned, found: Sequence[Difference], commands: Commands) -> str:
    """The command that writes the planned values; empty if it would be long, or contain a secret."""
    if any(each.secret for each in found):
        return ""
    # The last element first, because each removal moves those after it.
    removed = [each for each in found if each.expected is ABSENT]
    ordered = [*(each for each in found if each.expected is not ABSENT), *reversed(removed)]
    patch = json.dumps([_operation(each) for each in ordered], separators=(",", ":"))
    return commands.patch(planned.key, patch) if len(patch) <= MAX_PATCH_CHARS and "'" not in patch else ""


def _operation(difference: Difference) -> dict[str, Any]:
    """A difference as an operation of a JSON patch: https://www.rfc-editor.org/rfc/rfc6902."""
    path = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in difference.path)
    if difference.expected is ABSENT:
        return {"op": "remove", "path": path}
    return {"op": "add" if difference.seen is ABSENT else "replace", "path": path, "value": difference.expected}
