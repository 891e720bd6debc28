"""A run of Pulumi as the engine's events tell it, while it happens.

The events are those of `pulumi --event-log`: JSON objects, one a line, each with one key that names it:
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
"""Operations that are not shown. A replacement comes as a deletion and a creation besides."""

HIDDEN_MESSAGES = re.compile(
    # The sandbox itself put its commands on PATH.
    r"using \S+ from \$PATH at "
    # What comes after an error that says why.
    r"|(update|preview|destroy) failed$|an unhandled error occurred: program exited with"
)
"""Messages of Pulumi's that are not shown."""


class Run:
    """One run of Pulumi: its steps, warnings and errors go to `progress`.

    Attributes:
        changes: what is done to releases, gates and queues, in order: `create release grove v0.1.0-alpha.13`.
        information: what the program logs as such.
        failed: whether an error was shown.
    """

    def __init__(self, progress: Progress) -> None:
        self.changes: list[str] = []
        self.information: list[str] = []
        self.failed = False
        self._progress = progress
        self._running: set[str] = set()
        self._warnings: set[str] = set()

    def follow(self, log: Path, ended: threading.Event) -> None:
        """Read a log of events while it is written, until `ended`."""
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
        """Take one event."""
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
    """Return what a step does, or nothing where it is not shown: of Pulumi's own resources, and of no change."""
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
