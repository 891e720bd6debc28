"""Faults that tests inject (see the package's docstring)."""

from http import HTTPStatus

from lightkube.resources.core_v1 import ConfigMap

from sandbox.operators.cluster import Cluster

NAME, NAMESPACE = "sandbox-faults", "kube-system"


class Faults:
    """The current contents of the ConfigMap `sandbox-faults`; without it there are no faults."""

    def __init__(self, cluster: Cluster) -> None:
        self._store = cluster.store(ConfigMap)

    def ready(self, workload: str) -> bool:
        """Return whether the pods of the workload may become ready, or complete."""
        return self._value(f"{workload}.ready") != "false"

    def available(self, kind: str) -> bool:
        """Return whether objects of the kind may be reported available."""
        return self._value(f"{kind}.available") != "false"

    def reconciles(self, operator: str) -> bool:
        """Return whether the operator may reconcile."""
        return self._value(f"{operator}.reconciling") != "false"

    def listens(self, server: str) -> bool:
        """Return whether the server may listen."""
        return self._value(f"{server}.listening") != "false"

    def status(self, server: str) -> int:
        """Return the HTTP status of the server's answers."""
        return int(self._value(f"{server}.status") or HTTPStatus.OK)

    def service(self, server: str) -> str | None:
        """Return the name of the Service by which the server is registered, instead of its address."""
        return self._value(f"{server}.service")

    def trusted(self, server: str) -> bool:
        """Return whether the server is registered with its own authority's certificate."""
        return self._value(f"{server}.trusted") != "false"

    @property
    def pulls(self) -> bool:
        """Whether images can be pulled; else containers that are not ready wait for theirs."""
        return self._value("images.pulled") != "false"

    def delay(self, workload: str) -> float:
        """Return the seconds between scheduling and start of the workload's pods."""
        return float(self._value(f"{workload}.delay") or 0)

    def _value(self, key: str) -> str | None:
        config_map = self._store.get(NAME, NAMESPACE)
        return ((config_map.data if config_map else None) or {}).get(key)
