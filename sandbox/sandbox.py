"""The sandbox as a whole: toolchain, control plane, simulated operators, registry and charts."""

import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from sandbox.cluster import Cluster
from sandbox.locks import exclusive
from sandbox.paths import ROOT, Paths
from sandbox.processes import Process, stop
from sandbox.progress import Progress
from sandbox.registry import Registry
from sandbox.sources import CONTRACT_CHARTS, Chart, ChartSource, store_charts
from sandbox.tools import CLUSTER, PULUMI, Toolchain

PASSPHRASE = "sandbox"  # noqa: S105  protects nothing: the state is as open as the cluster
DROPPED_PREFIXES = ("HELM_", "KUBE", "KWOK_", "PULUMI_")
"""Prefixes of the user's environment variables that the sandbox does not inherit."""


class Sandbox:
    """One sandbox. Several can run at the same time, each with its own `root`.

    Args:
        root: the folder for all its files.
        progress: where steps are shown; default: standard error.
        pod_delay: seconds from the scheduling of a pod to its start, to simulate image pulls.
    """

    def __init__(self, root: Path = ROOT, progress: Progress | None = None, pod_delay: float = 0) -> None:
        self.paths = Paths(root.resolve())
        self.progress = progress or Progress()
        self.cluster = Cluster(self.paths, pod_delay)
        self.registry = Registry(self.paths)
        self._pod_delay = pod_delay
        self._operators = Process.named("operators", self.paths)

    @cached_property
    def tools(self) -> Toolchain:
        """The toolchain. Missing commands take minutes the first time."""
        return Toolchain(self.progress)

    @property
    def env(self) -> dict[str, str]:
        """The environment with every command of the toolchain."""
        return self.env_with()

    def env_with(self, *tools: str) -> dict[str, str]:
        """The environment with the commands of these tools, independent of the user's settings and files."""
        self.tools.provide(*tools)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_PREFIXES)}
        folders = [Path(sys.executable).parent, *self.tools.folders]
        return inherited | {
            "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]),
            "KUBECONFIG": str(self.paths.kubeconfig),
            "KUBECACHEDIR": str(self.paths.kwok / "cache"),  # kubectl's cache is deleted with the cluster
            "SSL_CERT_FILE": str(self.paths.bundle),
            "HELM_CACHE_HOME": str(self.paths.helm / "cache"),
            "HELM_CONFIG_HOME": str(self.paths.helm / "config"),
            "HELM_DATA_HOME": str(self.paths.helm / "data"),
            "PULUMI_HOME": str(self.paths.pulumi_home),
            "PULUMI_BACKEND_URL": f"file://{self.paths.state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def up(self, source: ChartSource = CONTRACT_CHARTS) -> dict[str, Chart]:
        """Start what is not running; return the charts whose version `source` selects, by chart name."""
        self.paths.root.mkdir(parents=True, exist_ok=True)
        with exclusive(self.paths.root / "lock"):
            self.tools.provide(*CLUSTER, then=PULUMI)
            env = self.env_with(*CLUSTER)
            self.progress.expect("cluster", "charts", "operators")
            with ThreadPoolExecutor() as threads:
                cluster = threads.submit(self._start_cluster, env)
                chosen = self._serve_charts(source)
                self.tools.provide(*PULUMI)
                cluster.result()
            return chosen

    def down(self) -> None:
        """Stop everything and delete the sandbox's files, but not the cached toolchain."""
        with exclusive(self.paths.root / "lock"):
            stop([self._operators])
            self.registry.stop()
            self.cluster.stop()
            shutil.rmtree(self.paths.root)

    def _serve_charts(self, source: ChartSource) -> dict[str, Chart]:
        with self.progress.step("charts"), tempfile.TemporaryDirectory() as scratch:
            charts = store_charts(source.collect(Path(scratch)), self.paths.charts)
            replaced = self.registry.publish(charts)
            self.registry.start()
        for chart in replaced:
            self.progress.note(
                f"! {chart} has new content under the same version: an installed release changes only after `make down`"
            )
        return source.select(charts)

    def _start_cluster(self, env: dict[str, str]) -> None:
        with self.progress.step("cluster"):
            if not self.cluster.healthy():
                stop([self._operators])
                # Pulumi's state describes a cluster that no longer exists.
                shutil.rmtree(self.paths.state, ignore_errors=True)
                self.cluster.start(env)
            self.paths.state.mkdir(exist_ok=True)
        with self.progress.step("operators"):
            if self._operators.pid() is None:
                command = [sys.executable, "-m", "sandbox.operators"]
                command += [f"--kubeconfig={self.paths.kubeconfig}", f"--charts={self.paths.charts}"]
                command += [f"--pod-delay={self._pod_delay}"]
                self._operators.start(command, env)
