"""A stack of this project on the sandbox's cluster, with charts from the sandbox's registry."""

import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from sandbox.cluster import CONTEXT
from sandbox.commands import run
from sandbox.errors import SandboxError, tail
from sandbox.events import Run
from sandbox.paths import CHECKOUT
from sandbox.registry import Registry
from sandbox.sandbox import Sandbox
from sandbox.sources import Chart, ChartSource
from sandbox.tools import PULUMI

PROJECT = "dynamo-platform"
PLATFORM = "dynamo-platform"
DEPENDENCIES = {"kaiScheduler": "kai-scheduler", "grove": "grove-charts"}
"""The charts that are separate releases in mode `separate`, by configuration key."""

SALT = "encryptionsalt"


class Stack:
    """A stack: its configuration is its file in `stacks/`, overridden with the sandbox's cluster and charts."""

    def __init__(self, sandbox: Sandbox, name: str, project: Path = CHECKOUT) -> None:
        self._sandbox = sandbox
        self._name = name
        self._project = project
        self.config = sandbox.paths.stack_config(name)

    def prepare(self, source: ChartSource, chosen: Mapping[str, Chart]) -> None:
        """Write the stack's configuration, and create the stack if it does not exist.

        Raises:
            SandboxError: `stacks/` has no such stack, or Pulumi fails.
        """
        base = self._project / "stacks" / f"Pulumi.{self._name}.yaml"
        if not base.exists():
            message = f"Stack {self._name} does not exist: there is no file {base}."
            raise SandboxError(message)
        document = yaml.safe_load(base.read_text()) or {}
        document["config"] = sandbox_config(document.get("config") or {}, source, chosen, self._sandbox.registry)
        if self.config.exists() and (salt := yaml.safe_load(self.config.read_text()).get(SALT)):
            document[SALT] = salt
        self.config.write_text(yaml.safe_dump(document, sort_keys=False))
        self._create()

    def up(self) -> None:
        """Run `pulumi up`."""
        if not self._pulumi("up", "--yes", "--skip-preview").changes:
            self._sandbox.progress.note("  nothing to change")

    def preview(self) -> str:
        """Return what `up` would change: the program's messages, then the steps."""
        run = self._pulumi("preview")
        return "\n".join([*run.information, "", *(run.changes or ["nothing to change"])])

    def destroy(self) -> None:
        """Run `pulumi destroy`."""
        self._pulumi("destroy", "--yes", "--skip-preview")

    def _create(self) -> None:
        """Create the stack from the sandbox's folder.

        `pulumi stack` has no `--config-file`: run in the project's folder, it would write its salt into `stacks/`.
        """
        root = self._sandbox.paths.root
        (root / "Pulumi.yaml").write_text(yaml.safe_dump({"name": PROJECT, "runtime": "python"}))
        run(["pulumi", "stack", "select", "--create", self._name], root, self._sandbox.env_with(*PULUMI))

    def _pulumi(self, operation: str, *flags: str) -> Run:
        """Run Pulumi, show its steps, and write its output to a log."""
        log = self._sandbox.paths.logs / "pulumi.log"
        events = log.with_name("pulumi-events.json")
        events.write_text("")
        command = ["pulumi", operation, *flags, f"--stack={self._name}", f"--config-file={self.config}"]
        # The CLI accepts this option only if PULUMI_DEBUG_COMMANDS is set.
        command.append(f"--event-log={events}")
        env = self._sandbox.env_with(*PULUMI) | {"PULUMI_DEBUG_COMMANDS": "true"}
        progress = self._sandbox.progress
        run, ended = Run(progress), threading.Event()
        with progress.step(f"pulumi {operation}"), ThreadPoolExecutor() as threads:
            following = threads.submit(run.follow, events, ended)
            try:
                code = run_to_log(command, self._project, env, log, progress.note)
            finally:
                ended.set()
            following.result()
            if code:
                message = f"`pulumi {operation}` of stack {self._name} failed. Its full output is in {log}."
                raise SandboxError(message if run.failed else f"{message} The end of it:\n{tail(log)}")
        return run


def sandbox_config(
    config: Mapping[str, Any], source: ChartSource, chosen: Mapping[str, Chart], registry: Registry
) -> dict[str, Any]:
    """Return a stack's configuration with the sandbox's cluster and, unless `source` is upstream, its charts."""
    result = {**config, _key("cluster"): {"context": CONTEXT}}
    if source.upstream:
        return result
    result[_key("repository")] = registry.repository
    if PLATFORM in chosen:
        result[_key("version")] = chosen[PLATFORM].version
    for key, name in DEPENDENCIES.items():
        part = {**config.get(_key(key), {})}
        if part.get("mode", _default_mode(config)) != "separate":
            continue
        part["repository"] = registry.oci(name)
        if name in chosen:
            part["version"] = chosen[name].version
        result[_key(key)] = part
    return result


def run_to_log(command: list[str], folder: Path, env: Mapping[str, str], log: Path, note: Callable[[str], None]) -> int:
    """Run a command with its output in a log, and return its exit code.

    After Ctrl-C, which reaches the command too, wait for it: a killed Pulumi leaves its state locked.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    interrupted = False
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            interrupted = True
            note("! Interrupted: waiting until Pulumi has cancelled its steps and saved its state.")
        except BaseException:
            process.terminate()
            process.wait()
            raise
        else:
            break
    if interrupted:
        raise KeyboardInterrupt
    return code


def _key(name: str) -> str:
    return f"{PROJECT}:{name}"


def _default_mode(config: Mapping[str, Any]) -> str:
    return "separate" if config.get(_key("profile")) == "production" else "bundled"
