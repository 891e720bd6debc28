"""The Deployments that KAI's operator creates."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from lightkube.generic_resource import create_global_resource
from lightkube.resources.apps_v1 import Deployment

from sandbox.operators.cluster import Manifest
from sandbox.operators.pods import image_tag

Config = create_global_resource("kai.scheduler", "v1", "Config", "configs")
SchedulingShard = create_global_resource("kai.scheduler", "v1", "SchedulingShard", "schedulingshards")

CONFIG_NAME = "kai-config"
"""KAI's operator ignores a Config with any other name."""
DEFAULT_NAMESPACE = "kai-scheduler"
MANAGED_BY = {"app.kubernetes.io/managed-by": "kai-operator"}
SIMULATED = "sandbox.dynamo-platform/workload"
"""The label of the operands' pods; `stages.yaml` skips pods with this label."""


class Operand(NamedTuple):
    """A component of KAI.

    Attributes:
        title: its name in conditions.
        name: its Deployment.
        section: its key in the Config's spec.
        image: the name of its image.
    """

    title: str
    name: str
    section: str
    image: str


OPERANDS = (
    Operand("PodGrouper", "pod-grouper", "podGrouper", "podgrouper"),
    Operand("Binder", "binder", "binder", "binder"),
    Operand("QueueController", "queue-controller", "queueController", "queuecontroller"),
    Operand("PodGroupController", "podgroup-controller", "podGroupController", "podgroupcontroller"),
    Operand("KAIAdmission", "admission", "admission", "admission"),
)
SCHEDULER = Operand("SchedulerForShard", "kai-scheduler", "scheduler", "scheduler")


@dataclass(frozen=True)
class Images:
    """Registry and tag of the operator's image: the defaults for its operands' images."""

    registry: str
    tag: str

    @classmethod
    def from_operator(cls, operator: Deployment) -> "Images":
        """Return registry and tag of the image of the operator's Deployment."""
        image = (
            operator.spec.template.spec.containers[0].image or ""
            if operator.spec and operator.spec.template.spec
            else ""
        )
        return cls(image.rpartition("/")[0], image_tag(image))


def config_operands(config: Any, images: Images) -> dict[str, Manifest]:
    """Return the operands that the Config enables, by title."""
    enabled = [item for item in OPERANDS if _service(config, item).get("enabled", True)]
    return {item.title: _deployment(item, item.name, config, config, images) for item in enabled}


def shard_operands(shard: Any, config: Any, images: Images) -> dict[str, Manifest]:
    """Return the shard's scheduler, by title; its pods are replaced when the shard changes."""
    prefix = config["spec"].get("global", {}).get("schedulerName", SCHEDULER.name)
    manifest = _deployment(SCHEDULER, f"{prefix}-{shard.metadata.name}", shard, config, images)
    arguments = shard.get("spec", {}).get("args", {})
    manifest["spec"]["strategy"] = {"type": "Recreate"}
    manifest["spec"]["template"]["spec"]["containers"][0]["args"] = [f"--{key}={arguments[key]}" for key in arguments]
    return {SCHEDULER.title: manifest}


def _deployment(operand: Operand, name: str, owner: Any, config: Any, images: Images) -> Manifest:
    spec = config.get("spec", {})
    shared, section = spec.get("global", {}), spec.get(operand.section, {})
    image = {"repository": images.registry, "name": operand.image, "tag": images.tag}
    image |= _service(config, operand).get("image", {})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": spec.get("namespace", DEFAULT_NAMESPACE),
            "labels": {"app": name, **MANAGED_BY},
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": {
            "replicas": section.get("replicas") or shared.get("replicaCount") or 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name, SIMULATED: name}},
                "spec": {
                    "containers": [{"name": name, "image": "{repository}/{name}:{tag}".format(**image)}],
                    **{key: shared[key] for key in ("affinity", "nodeSelector", "tolerations") if key in shared},
                },
            },
        },
    }


def owner_reference(owner: Any) -> Manifest:
    """Return an owner reference, so that garbage collection deletes the dependent with its owner."""
    return {
        "apiVersion": owner.apiVersion,
        "kind": owner.kind,
        "name": owner.metadata.name,
        "uid": owner.metadata.uid,
        "controller": True,
    }


def _service(config: Any, operand: Operand) -> Manifest:
    service: Manifest = config.get("spec", {}).get(operand.section, {}).get("service", {})
    return service
