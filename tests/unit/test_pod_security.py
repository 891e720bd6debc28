"""The level that admits a pod, against which the catalog's levels are tested."""

from typing import Any

import pytest

from tests.engine.pod_security import level_of

RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(context: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"containers": [{"name": "main", "securityContext": context}]} | spec


@pytest.mark.parametrize(
    ("spec", "level"),
    [
        (pod(RESTRICTED), "restricted"),
        (
            pod(
                {key: RESTRICTED[key] for key in ("allowPrivilegeEscalation", "capabilities")},
                securityContext={key: RESTRICTED[key] for key in ("runAsNonRoot", "seccompProfile")},
            ),
            "restricted",
        ),
        *((pod({key: each for key, each in RESTRICTED.items() if key != left}), "baseline") for left in RESTRICTED),
        (pod(RESTRICTED | {"capabilities": {"drop": ["all"]}}), "baseline"),
        (pod(RESTRICTED | {"runAsUser": 0}), "baseline"),
        (pod(RESTRICTED, initContainers=[{"name": "first"}]), "baseline"),
        (pod(RESTRICTED, volumes=[{"name": "a", "nfs": {}}]), "baseline"),
        (pod(RESTRICTED, volumes=[{"name": "a", "hostPath": {}}]), "privileged"),
        (pod(RESTRICTED, hostNetwork=True), "privileged"),
        (pod(RESTRICTED | {"privileged": True}), "privileged"),
        (pod({"capabilities": {"add": ["SYS_ADMIN"]}}), "privileged"),
        ({"containers": [{"name": "main", "ports": [{"hostPort": 80}]}]}, "privileged"),
    ],
)
def test_level_of_a_pod(spec: dict[str, Any], level: str) -> None:
    assert level_of(spec) == level
