"""A temporary Pulumi project, run by the real engine on a sandbox's cluster."""

import json
import shutil
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube.core.resource import NamespacedResource
from lightkube.generic_resource import create_global_resource

from dynamo_platform.planning.running import COMPONENT
from sandbox import status
from sandbox.cluster import client
from sandbox.commands import run
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox
from sandbox.sources import CONTRACT_CHARTS
from sandbox.stack import sandbox_config

STACK = "test"
NOWHERE = "/nonexistent/kubeconfig"
CONFIG = create_global_resource("kai.scheduler", "v1", "Config", "configs")
SHARD = create_global_resource("kai.scheduler", "v1", "SchedulingShard", "schedulingshards")
QUEUE = create_global_resource("scheduling.run.ai", "v2", "Queue", "queues")


class Engine:
    """A stack of this repository's program, or of `program`, in its own project folder."""

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
        """Write the stack's configuration, with the sandbox's cluster and charts unless `charts` is false."""
        prefixed = {f"dynamo-platform:{key}": value for key, value in config.items()}
        if charts:
            prefixed = sandbox_config(prefixed, CONTRACT_CHARTS, {}, self.sandbox.registry)
        salt = {}
        if self.stack_file.exists():
            document = yaml.safe_load(self.stack_file.read_text()) or {}
            salt = {key: value for key, value in document.items() if key == "encryptionsalt"}
        self.stack_file.write_text(yaml.safe_dump({"config": prefixed} | salt, sort_keys=False))

    def up(self, *arguments: str) -> str:
        """`pulumi up`."""
        return self.run("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, *arguments)

    def up_bundled(self) -> None:
        """`pulumi up`, and a refresh.

        The chart's queue hook can run before KAI's webhook answers (https://github.com/ai-dynamo/dynamo/issues/4625).
        The same `up` tries again, but the engine keeps the error of the first attempt in the state until a refresh.
        """
        self.up()
        self.refresh()

    def preview(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """`pulumi preview`."""
        return self.run("pulumi", "preview", "--stack", STACK, *arguments, env=env)

    def refresh(self, *arguments: str) -> str:
        """`pulumi refresh`."""
        return self.run("pulumi", "refresh", "--yes", "--skip-preview", "--stack", STACK, *arguments)

    def destroy(self) -> str:
        """`pulumi destroy`."""
        return self.run("pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK)

    def assert_unchanged(self) -> None:
        """Assert that another `up` and a `refresh` change nothing."""
        self.up("--expect-no-changes", "--diff")
        self.refresh("--expect-no-changes")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        outputs: dict[str, Any] = json.loads(self.run("pulumi", "stack", "output", "--json", "--stack", STACK))
        return outputs

    def resources(self) -> list[dict[str, Any]]:
        """All resources in the stack's state."""
        state = json.loads(self.run("pulumi", "stack", "export", "--stack", STACK))
        resources: list[dict[str, Any]] = state["deployment"]["resources"]
        return resources

    def listed(self) -> dict[str, dict[str, str]]:
        """The objects of each release in the component's state."""
        (outputs,) = [each["outputs"] for each in self.resources() if each["type"] == COMPONENT]
        objects: dict[str, dict[str, str]] = outputs["objects"]
        return objects

    def helm(self, *arguments: str) -> str:
        """Run helm on the sandbox's cluster."""
        return self.run(self.sandbox.tools["helm"], *arguments)

    def install(self, release: str, chart: str, version: str, namespace: str) -> None:
        """Install a chart of the sandbox without Pulumi, like someone else would."""
        archive = self.sandbox.paths.charts / f"{chart}-{version}.tgz"
        self.helm("install", release, str(archive), "-n", namespace, "--create-namespace", "--wait")

    def releases(self) -> dict[str, tuple[str, str]]:
        """Version and state of every Helm release by name."""
        return {release.name: (release.version, release.state) for release in self.status().releases}

    def status(self) -> status.Status:
        """The state of the cluster."""
        return status.read(self.sandbox.paths.kubeconfig)

    def objects(self, kind: Any) -> dict[str, Any]:
        """Every object of a kind by name, or by namespace/name; empty if the cluster does not serve the kind."""
        api = client(self.sandbox.paths.kubeconfig)
        namespaced = issubclass(kind, NamespacedResource)
        while True:
            try:
                found = list(api.list(kind, namespace="*") if namespaced else api.list(kind))
                break
            except httpx2.HTTPStatusError as error:
                if error.response.status_code == HTTPStatus.NOT_FOUND:
                    return {}
                # The storage of a CRD that was just created is not ready, and the answer says when to ask again.
                if error.response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
                time.sleep(float(error.response.headers["Retry-After"]))
        return {
            f"{item.metadata.namespace}/{item.metadata.name}" if namespaced else item.metadata.name: item
            for item in found
        }

    def uids(self, kind: Any) -> dict[str, str]:
        """UID of every object of a kind, by the keys of `objects`."""
        return {name: item.metadata.uid for name, item in self.objects(kind).items()}

    def specs(self, kind: Any) -> dict[str, Any]:
        """Spec of every object of a custom kind, by the keys of `objects`."""
        return {name: item.get("spec") for name, item in self.objects(kind).items()}

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command in the project's folder; return what it printed.

        Raises:
            CommandError: the exit code is not 0.
        """
        printed = run(command, self.folder, {**self.env, **(env or {})})
        return printed.stdout + printed.stderr
