"""The sandbox's files: one folder in the checkout, and a cache that all checkouts share."""

import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder of Pulumi.yaml."""

ROOT = CHECKOUT / ".sandbox"
"""The files of this checkout's sandbox; ignored by git, and deleted by `down`."""

_XDG = Path(os.environ.get("XDG_CACHE_HOME", ""))
CACHE = (_XDG if _XDG.is_absolute() else Path.home() / ".cache") / "dynamo-platform"
"""Shared between sandboxes and checkouts: the toolchain, and uv."""


@dataclass(frozen=True)
class Paths:
    """The files of one sandbox, all below `root`."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig that contains only the sandbox's cluster."""
        return self.root / "kubeconfig"

    @property
    def kwok(self) -> Path:
        """kwokctl's work folder: certificates, etcd's data, logs and PID files of the control plane."""
        return self.root / "kwok"

    @property
    def tls(self) -> Path:
        """The certificate authority, the server's certificate, and the bundle that clients trust."""
        return self.root / "tls"

    @property
    def bundle(self) -> Path:
        """PEM bundle for `SSL_CERT_FILE`: the sandbox's certificate authority and the system's."""
        return self.tls / "bundle.pem"

    @property
    def registry(self) -> Path:
        """The chart server's port, and the digests of published charts."""
        return self.root / "registry"

    @property
    def served(self) -> Path:
        """The files that the chart server serves: archives with their index, and an OCI registry."""
        return self.registry / "served"

    @property
    def charts(self) -> Path:
        """The archives of the published charts."""
        return self.root / "charts"

    @property
    def logs(self) -> Path:
        """A log for each background process, and one for the last run of Pulumi."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """A PID file for each background process."""
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
        """The configuration file of `stack` in the sandbox."""
        return self.root / f"Pulumi.{stack}.yaml"
