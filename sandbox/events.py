"""Follows a run of Pulumi by the engine's events.

The events are those of `pulumi --event-log`: one JSON object per line, with one key that is its type:
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/events.go
"""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.processes import POLL_SECONDS
from sandbox.progress import Progress

HIDDEN_OPERATIONS = {"same", "read", "refresh", "replace"}
"""Operations that are not shown. A replacement also has events for its deletion and its creation."""

HIDDEN_MESSAGES = re.compile(
    # The sandbox has put these commands on PATH.
    r"using \S+ from \$PATH at "
    # Follow-ups of an error that has the reason.
    r"|(update|preview|destroy) failed$|an unhandled error occurred: program exited with"
)
"""Messages of Pulumi that are not shown."""


class Run:
    """One run of Pulumi: its steps, warnings and errors go to `progress`.

    Attributes:
        changes: changes of releases, gates and queues, in order, such as `create release grove v0.1.0-alpha.14`.
        information: the program's messages of level info.
        failed: whether there was an error.
    """

    def __init__(self, progress: Progress) -> None:
        self.changes: list[str] = []
        self.information: list[str] = []
        self.failed = False
        self._progress = progress
        self._running: set[str] = set()
        self._warnings: set[str] = set()

    def follow(self, log: Path, ended: threading.Event) -> None:
        """Read an event log while it is written, until `ended` is set."""
        with log.open() as lines:
            text, last = "", False
            while not last:
                last = ended.wait(POLL_SECONDS)
                while part := lines.readline():
                    text += part
                    if text.endswith("\n"):
                        self.read(json.loads(text))
                        text = ""
        for step in self._running:
            self._progress.end(step, done=False)

    def read(self, event: Mapping[str, Any]) -> None:
        """Process one event."""
        match event:
            case {"diagnosticEvent": {"severity": severity, "message": message, **more}} if not more.get("ephemeral"):
                self._report(severity, message.strip())
            case {"resourcePreEvent": {"metadata": step, **more}} if text := describe_step(step):
                self.changes.append(text)
                if not more.get("planning"):
                    self._running.add(text)
                    self._progress.begin(text)
            case {"resOutputsEvent": {"metadata": step}} | {"resOpFailedEvent": {"metadata": step}}:
                text = describe_step(step)
                if text in self._running:
                    self._running.remove(text)
                    self._progress.end(text, done="resOutputsEvent" in event)

    def _report(self, severity: str, text: str) -> None:
        if HIDDEN_MESSAGES.match(text):
            return
        if severity == "info":
            self.information.append(text)
        elif severity == "warning" and text not in self._warnings:
            self._warnings.add(text)
            self._progress.note(f"! {text}")
        elif severity == "error":
            self.failed = True
            self._progress.note(f"✗ {text}")


def describe_step(step: Mapping[str, Any]) -> str:
    """Return what a step does; empty for unchanged resources and Pulumi's own, which are not shown."""
    resource = step["new"] or step["old"]
    if step["op"] in HIDDEN_OPERATIONS or not resource.get("custom") or step["type"].startswith("pulumi:"):
        return ""
    kind = step["type"].rpartition(":")[2]
    inputs = resource["inputs"]
    if kind == "Release":
        return f"{step['op']} release {inputs['name']} {inputs['version']}"
    name = inputs["metadata"]["name"]
    if kind.endswith("Patch"):
        return f"{step['op']} gate {kind.removesuffix('Patch')} {name}"
    return f"{step['op']} {kind.lower()} {name}"
