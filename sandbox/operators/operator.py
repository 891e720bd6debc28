"""What all simulated operators share: a loop that reconciles whenever something watched has changed."""

import asyncio
import logging
from abc import ABC, abstractmethod

from httpx2 import HTTPError

from sandbox.operators.cluster import RETRY_SECONDS, Cluster
from sandbox.operators.faults import Faults


class Operator(ABC):
    """A level-triggered reconciler: each run compares all there is with all there should be."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.faults = Faults(cluster)
        self.log = logging.getLogger(type(self).__module__)
        self._wake = asyncio.Event()
        cluster.wake_events.append(self._wake)

    @abstractmethod
    async def reconcile(self) -> None:
        """Brings the cluster one step closer to what it should be; called again after each change."""

    def requeue_after(self, seconds: float) -> None:
        """Reconciles after that time even if nothing changes."""
        asyncio.get_running_loop().call_later(seconds, self._wake.set)

    async def run(self) -> None:
        """Reconciles until cancelled. What the API server refuses is logged and tried again."""
        await self.cluster.wait_until_synced()
        while True:
            self._wake.clear()
            try:
                await self.reconcile()
            except HTTPError as error:
                self.log.warning("%s", str(error) or repr(error))  # a timeout says nothing of itself
                self.requeue_after(RETRY_SECONDS)
            await self._wake.wait()
