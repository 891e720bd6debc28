"""A Pulumi project of a test's own, run by the real engine on a sandbox's cluster."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from lightkube.generic_resource import create_global_resource

from sandbox import status
from sandbox.cluster import client
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox
from sandbox.sources import CONTRACT_CHARTS
from sandbox.stack import configured

STACK = "test"
NOWHERE = "/nonexistent/kubeconfig"
CONFIG = create_global_resource("kai.scheduler", "v1", "Config", "configs")
SHARD = create_global_resource("kai.scheduler", "v1", "SchedulingShard", "schedulingshards")
QUEUE = create_global_resource("scheduling.run.ai", "v2", "Queue", "queues")


class CommandFailedError(Exception):
    """A command that failed; the text is all that it printed."""


class Engine:
    """One stack of this repository's program, or of `program`, in a project folder of its own."""

    def __init__(self, sandbox: Sandbox, folder: Path, program: str | None = None) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.env = sandbox.env | {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
        (folder / "state").mkdir(parents=True)
        (folder / "stacks").mkdir()
        shutil.copy(CHECKOUT / "Pulumi.yaml", folder)
        (folder / "dynamo_platform").symlink_to(CHECKOUT / "dynamo_platform")
        (folder / "__main__.py").write_text(program or (CHECKOUT / "__main__.py").read_text())
        self.run("pulumi", "stack", "init", STACK)

    @property
    def stack_file(self) -> Path:
        """The stack's configuration."""
        return self.folder / "stacks" / f"Pulumi.{STACK}.yaml"

    def configure(self, config: Mapping[str, Any], *, charts: bool = True) -> None:
        """Write the stack's configuration, with the sandbox's cluster and charts in it unless `charts` is false."""
        prefixed = {f"dynamo-platform:{key}": value for key, value in config.items()}
        if charts:
            prefixed = configured(prefixed, CONTRACT_CHARTS, {}, self.sandbox.registry)
        salt = {}
        if self.stack_file.exists():
            document = yaml.safe_load(self.stack_file.read_text()) or {}
            salt = {key: value for key, value in document.items() if key == "encryptionsalt"}
        self.stack_file.write_text(yaml.safe_dump({"config": prefixed} | salt, sort_keys=False))

    def up(self, *arguments: str) -> str:
        """`pulumi up`."""
        return self.run("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, *arguments)

    def preview(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """`pulumi preview`."""
        return self.run("pulumi", "preview", "--stack", STACK, *arguments, env=env)

    def refresh(self, *arguments: str) -> str:
        """`pulumi refresh`."""
        return self.run("pulumi", "refresh", "--yes", "--skip-preview", "--stack", STACK, *arguments)

    def destroy(self) -> str:
        """`pulumi destroy`."""
        return self.run("pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK)

    def unchanged(self) -> None:
        """Assert that another `up` and a `refresh` change nothing."""
        self.up("--expect-no-changes")
        self.refresh("--expect-no-changes")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        outputs: dict[str, Any] = json.loads(self.run("pulumi", "stack", "output", "--json", "--stack", STACK))
        return outputs

    def helm(self, *arguments: str) -> str:
        """The helm command line on the sandbox's cluster."""
        return self.run(self.sandbox.tools["helm"], *arguments)

    def status(self) -> status.Status:
        """What the cluster holds."""
        return status.read(self.sandbox.paths.kubeconfig, self.sandbox.env)

    def uids(self, resource: Any) -> dict[str, str]:
        """UID by name of a kind's cluster-scoped objects."""
        api = client(self.sandbox.paths.kubeconfig)
        return {item.metadata.name: item.metadata.uid for item in api.list(resource)}

    def specs(self, resource: Any) -> dict[str, Any]:
        """Spec by name of a kind's cluster-scoped objects."""
        api = client(self.sandbox.paths.kubeconfig)
        return {item.metadata.name: item.get("spec") for item in api.list(resource)}

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command in the project's folder; return what it printed.

        Raises:
            CommandFailedError: it exited with another code than 0.
        """
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(done.stdout)
        return done.stdout
