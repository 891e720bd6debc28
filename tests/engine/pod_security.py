"""The level of the Pod Security Standards that admits a pod, by its spec.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dynamo_platform.catalog.model import PodSecurityLevel

_CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}
_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"),
}
_PROFILES = {"RuntimeDefault", "Localhost"}


def pod_specs(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The specs of the pods that an object is or creates."""
    spec = manifest.get("spec") or {}
    match manifest["kind"]:
        case "Pod":
            yield spec
        case "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job":
            yield spec["template"]["spec"]
        case "CronJob":
            yield spec["jobTemplate"]["spec"]["template"]["spec"]


def level_of(pod: Mapping[str, Any]) -> PodSecurityLevel:
    """The strictest level that admits a pod."""
    containers = [*(pod.get("initContainers") or ()), *pod["containers"]]
    if _needs_privileges(pod, containers):
        return "privileged"
    volumes = {kind for volume in pod.get("volumes") or () for kind in volume if kind != "name"}
    restricted = volumes <= _VOLUMES and all(_is_restricted(pod, container) for container in containers)
    return "restricted" if restricted else "baseline"


def _needs_privileges(pod: Mapping[str, Any], containers: list[dict[str, Any]]) -> bool:
    contexts = [container.get("securityContext") or {} for container in containers]
    added = {name for context in contexts for name in (context.get("capabilities") or {}).get("add") or ()}
    ports = [port for container in containers for port in container.get("ports") or ()]
    return (
        any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
        or any("hostPath" in volume for volume in pod.get("volumes") or ())
        or any(context.get("privileged") for context in contexts)
        or any(port.get("hostPort") for port in ports)
        or not added <= _CAPABILITIES
    )


def _is_restricted(pod: Mapping[str, Any], container: Mapping[str, Any]) -> bool:
    own = container.get("securityContext") or {}
    context = {**(pod.get("securityContext") or {}), **own}
    capabilities = own.get("capabilities") or {}
    return (
        own.get("allowPrivilegeEscalation") is False
        and "ALL" in (capabilities.get("drop") or ())
        and set(capabilities.get("add") or ()) <= {"NET_BIND_SERVICE"}
        and context.get("runAsNonRoot") is True
        and context.get("runAsUser") != 0
        and (context.get("seccompProfile") or {}).get("type") in _PROFILES
    )
