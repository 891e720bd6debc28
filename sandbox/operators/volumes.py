"""A simulated storage provisioner: every claim with a class gets a volume, which is deleted with the claim."""

from typing import Any

from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim

from sandbox.operators.cluster import Cluster, Manifest
from sandbox.operators.operator import Operator


class Volumes(Operator):
    """Creates a volume for each pending claim (kube-controller-manager binds them), and deletes released volumes."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.claims = cluster.store(PersistentVolumeClaim)
        self.volumes = cluster.store(PersistentVolume)

    async def reconcile(self) -> None:
        """Create missing volumes and delete released ones."""
        for claim in self.claims:
            if claim.status and claim.status.phase == "Pending" and claim.spec and claim.spec.storageClassName:
                await self.cluster.ensure(self.volumes, volume(claim), "volumes")
        for item in self.volumes:
            if item.status and item.status.phase == "Released" and item.metadata and item.metadata.name:
                await self.cluster.delete(PersistentVolume, item.metadata.name)


def volume(claim: Any) -> Manifest:
    """Return a volume that matches the claim and is reserved for it."""
    metadata = claim.metadata
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pvc-{metadata.uid}"},
        "spec": {
            "accessModes": claim.spec.accessModes,
            "capacity": {"storage": claim.spec.resources.requests["storage"]},
            "storageClassName": claim.spec.storageClassName or "",
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata.namespace,
                "name": metadata.name,
                "uid": metadata.uid,
            },
            "hostPath": {"path": f"/volumes/{metadata.uid}"},
        },
    }
