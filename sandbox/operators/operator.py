"""The base class of the simulated operators: a loop that reconciles after every change of a watched object."""

import asyncio
import logging
from abc import ABC, abstractmethod

from httpx2 import HTTPError

from sandbox.operators.cluster import RETRY_SECONDS, Cluster
from sandbox.operators.faults import Faults


class Operator(ABC):
    """A level-triggered reconciler: each run compares the full actual state with the desired state."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.faults = Faults(cluster)
        self.log = logging.getLogger(type(self).__module__)
        self._wake = asyncio.Event()
        cluster.wake_events.append(self._wake)

    @abstractmethod
    async def reconcile(self) -> None:
        """Bring the cluster closer to the desired state; called again after each change."""

    def requeue_after(self, seconds: float) -> None:
        """Reconcile again after that time, even without a change."""
        asyncio.get_running_loop().call_later(seconds, self._wake.set)

    async def run(self) -> None:
        """Reconcile until cancelled. Errors of the API server are logged and retried."""
        await self.cluster.wait_until_synced()
        while True:
            self._wake.clear()
            try:
                await self.reconcile()
            except HTTPError as error:
                self.log.warning("%s", str(error) or repr(error))  # a timeout has an empty message
                self.requeue_after(RETRY_SECONDS)
            await self._wake.wait()
