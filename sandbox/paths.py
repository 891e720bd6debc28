"""Where the sandbox keeps its files: one folder of the checkout, and a cache that checkouts share."""

import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder of Pulumi.yaml."""

ROOT = CHECKOUT / ".sandbox"
"""The state of this checkout's sandbox; git ignores it, and `down` deletes it."""

_XDG = Path(os.environ.get("XDG_CACHE_HOME", ""))
CACHE = (_XDG if _XDG.is_absolute() else Path.home() / ".cache") / "dynamo-platform"
"""What is worth keeping between sandboxes and checkouts: the built toolchain, and uv."""


@dataclass(frozen=True)
class Paths:
    """The files of one sandbox, all below `root`."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The cluster's kubeconfig, with this one cluster in it."""
        return self.root / "kubeconfig"

    @property
    def kwok(self) -> Path:
        """kwokctl's work folder: certificates, etcd's data, logs and process ids of the control plane."""
        return self.root / "kwok"

    @property
    def tls(self) -> Path:
        """The certificate authority, the servers' certificate, and the bundle that clients trust."""
        return self.root / "tls"

    @property
    def bundle(self) -> Path:
        """PEM bundle for `SSL_CERT_FILE`: the sandbox's certificate authority and the system's."""
        return self.tls / "bundle.pem"

    @property
    def registry(self) -> Path:
        """The chart server's port, and what it published."""
        return self.root / "registry"

    @property
    def served(self) -> Path:
        """What the chart server serves: archives with their index, and an OCI registry as files."""
        return self.registry / "served"

    @property
    def charts(self) -> Path:
        """The chart archives that were pushed."""
        return self.root / "charts"

    @property
    def logs(self) -> Path:
        """One log for each background process, and one of Pulumi's last run."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """One process id file for each background process."""
        return self.root / "pids"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's credentials and plugins."""
        return self.root / "pulumi"

    @property
    def state(self) -> Path:
        """Pulumi's file backend."""
        return self.root / "state"

    @property
    def helm(self) -> Path:
        """Helm's cache, configuration and data."""
        return self.root / "helm"

    def stack_config(self, stack: str) -> Path:
        """The configuration that the sandbox runs `stack` with."""
        return self.root / f"Pulumi.{stack}.yaml"
