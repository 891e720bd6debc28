"""The control plane: etcd, the Kubernetes API server and controllers, and kwok's nodes, as plain processes.

Everything listens on 127.0.0.1 and keeps its files in the sandbox; the user's kubeconfig is never read or written.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube import Client, ConfigError, KubeConfig
from lightkube.models.core_v1 import NodeStatus
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node
from lightkube.resources.storage_v1 import StorageClass

from sandbox import processes
from sandbox.errors import SandboxError, tail
from sandbox.paths import Paths
from sandbox.processes import Process

NAME = "dynamo-platform"
CONTEXT = f"kwok-{NAME}"
STAGES = Path(__file__).parent / "operators" / "stages.yaml"

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
NODES = ("node-0", "node-1", "node-2")
CAPACITY = {
    "cpu": "64",
    "memory": "512Gi",
    "ephemeral-storage": "1Ti",  # Grove's operator requests some; without it, its pod stays Pending
    "pods": "250",
    "nvidia.com/gpu": "8",
}

NODE_GRACE_SECONDS = 30 * 24 * 3600
READY_SECONDS = 60
REQUEST_SECONDS = 5
ATTEMPTS = 2  # another process may take a chosen port before it is used


def client(kubeconfig: Path) -> Client:
    """Return a client for the sandbox's cluster that ignores the proxy settings of the environment."""
    config = KubeConfig.from_file(kubeconfig).get(context_name=CONTEXT)
    return Client(config, timeout=httpx2.Timeout(REQUEST_SECONDS), trust_env=False)


class Cluster:
    """One kwokctl cluster. Its name is the same in every sandbox; its files and ports are not."""

    def __init__(self, paths: Paths, pod_delay: float = 0) -> None:
        self._paths = paths
        self._pod_delay = pod_delay
        self._log = paths.logs / "kwokctl.log"
        folder = paths.kwok / "clusters" / NAME
        self._components = [
            Process(name, paths.root, folder / "pids" / f"{name}.pid", folder / "logs" / f"{name}.log")
            for name in COMPONENTS
        ]

    def healthy(self) -> bool:
        """Return whether every component is running, the API server answers, and the nodes are ready."""
        if not all(component.pid() for component in self._components):
            return False
        try:
            nodes = {node.metadata.name: node for node in client(self._paths.kubeconfig).list(Node) if node.metadata}
        except (ConfigError, httpx2.HTTPError):
            return False
        return all(name in nodes and _ready(nodes[name]) for name in NODES)

    def start(self, env: Mapping[str, str]) -> None:
        """Create a new cluster with ready nodes and a default StorageClass, with the commands on `env`'s PATH.

        An existing cluster is removed first.

        Raises:
            SandboxError: the cluster does not start.
        """
        for attempt in range(1, ATTEMPTS + 1):
            self.stop()
            if self._create(env):
                break
            if attempt == ATTEMPTS:
                message = f"The cluster did not start. The end of {self._log}:\n{tail(self._log)}"
                raise SandboxError(message)
        api = client(self._paths.kubeconfig)
        for name in NODES:
            api.create(_node(name))
        api.create(_storage_class())
        self._components[-1].wait(self.healthy, READY_SECONDS)

    def stop(self) -> None:
        """Kill the control plane and delete its files. No data in etcd is kept, so it needs no grace period."""
        processes.stop(self._components, grace=0)
        shutil.rmtree(self._paths.kwok, ignore_errors=True)
        self._paths.kubeconfig.unlink(missing_ok=True)

    def _create(self, env: Mapping[str, str]) -> bool:
        """Run kwokctl in its own session: interrupted by Ctrl-C, it would leave processes without a PID file."""
        self._paths.kwok.mkdir(parents=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        config = self._paths.kwok / "cluster.yaml"
        config.write_text(yaml.safe_dump(_configuration(env)))
        delayed = self._paths.kwok / "stages.yaml"
        delayed.write_text(yaml.safe_dump_all(stages(self._pod_delay)))
        with self._log.open("w") as log:
            result = subprocess.run(
                [
                    "kwokctl",
                    "create",
                    "cluster",
                    f"--name={NAME}",
                    f"--wait={READY_SECONDS}s",
                    # kwok drops events of a node whose lease it has not seen yet, and does not retry
                    # (NodeController.watchResources in its pkg/kwok/controllers). Without leases it drops none.
                    "--node-lease-duration-seconds=0",
                    f"--kubeconfig={self._paths.kubeconfig}",
                    f"--config={config}",
                    f"--config={delayed}",
                ],
                env={**env, "KWOK_WORKDIR": str(self._paths.kwok)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )
        return result.returncode == 0


def _configuration(env: Mapping[str, str]) -> dict[str, object]:
    """Return kwokctl's configuration: the paths of the binaries, and free ports instead of its own choice."""
    binaries = {
        "etcdBinary": "etcd",
        "kubeApiserverBinary": "kube-apiserver",
        "kubeControllerManagerBinary": "kube-controller-manager",
        "kubeSchedulerBinary": "kube-scheduler",
        "kwokControllerBinary": "kwok",
    }
    ports = (
        "etcdPort",
        "etcdPeerPort",
        "kubeApiserverPort",
        "kubeControllerManagerPort",
        "kubeSchedulerPort",
        "kwokControllerPort",
    )
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": {
            "runtime": "binary",
            "bindAddress": "127.0.0.1",
            # No lease is renewed, so the node controller must not mark nodes unreachable.
            "kubeControllerManagerNodeMonitorGracePeriodMilliseconds": NODE_GRACE_SECONDS * 1000,
            **{option: shutil.which(command, path=env["PATH"]) for option, command in binaries.items()},
            **{option: processes.free_port() for option in ports},
        },
        # Webhooks are called at the pods of their Service, as on managed control planes, and not at its address, which
        # nothing serves here.
        "componentsPatches": [
            {"name": "kube-apiserver", "extraArgs": [{"key": "enable-aggregator-routing", "value": "true"}]}
        ],
    }


def stages(pod_delay: float) -> list[dict[str, Any]]:
    """Return kwok's Stages, with `pod_delay` seconds before a pod becomes ready."""
    found: list[dict[str, Any]] = list(yaml.safe_load_all(STAGES.read_text()))
    for stage in found:
        if stage["metadata"]["name"] == "pod-ready":
            stage["spec"]["delay"] = {"durationMilliseconds": round(1000 * pod_delay)}
    return found


def _ready(node: Node) -> bool:
    conditions = (node.status and node.status.conditions) or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def _node(name: str) -> Node:
    metadata = ObjectMeta(
        name=name,
        annotations={"kwok.x-k8s.io/node": "fake"},
        labels={
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "type": "kwok",
        },
    )
    return Node(metadata=metadata, status=NodeStatus(capacity=CAPACITY, allocatable=CAPACITY))


def _storage_class() -> StorageClass:
    """Return the default StorageClass; the simulated operators provision its volumes."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    return StorageClass(
        metadata=ObjectMeta(name="standard", annotations=annotations), provisioner="dynamo-platform.sandbox/volumes"
    )
