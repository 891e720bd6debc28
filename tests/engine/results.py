"""What engine tests promise and see, as rows of the page `docs/tested.md`.

    with watch(engine, Trial("move", "bundled to separate", "Queues keep their UID.")) as saw:
        engine.up()
        saw("one update")

A trial fails if an object that users depend on is lost. With `RECORD=1` (`make record`) its row is written to
`tests/data/results/`, and `make docs` writes the page.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from lightkube import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration, ValidatingWebhookConfiguration
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import DaemonSet, Deployment, StatefulSet
from lightkube.resources.core_v1 import ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from lightkube.resources.scheduling_v1 import PriorityClass

from sandbox.cluster import client
from sandbox.paths import CHECKOUT
from tests.engine.engine import CONFIG, QUEUE, SHARD, Engine

FOLDER = CHECKOUT / "tests" / "data" / "results"

GRAPH = create_namespaced_resource("nvidia.com", "v1alpha1", "DynamoGraphDeployment", "dynamographdeployments")
CLIQUES = create_namespaced_resource("grove.io", "v1alpha1", "PodCliqueSet", "podcliquesets")
POD_GROUP = create_namespaced_resource("scheduling.run.ai", "v2alpha2", "PodGroup", "podgroups")

WORKLOAD: tuple[Any, ...] = (GRAPH, CLIQUES, POD_GROUP)
PRECIOUS: tuple[Any, ...] = (*WORKLOAD, QUEUE, CustomResourceDefinition, Namespace, PersistentVolumeClaim)
"""Kinds whose objects users depend on: they hold data, or other objects that go with them."""
KINDS: tuple[Any, ...] = (
    *(*PRECIOUS, CONFIG, SHARD, ClusterRole, ClusterRoleBinding, ConfigMap, DaemonSet, Deployment),
    *(MutatingWebhookConfiguration, PriorityClass, Role, RoleBinding, Secret, Service, ServiceAccount, StatefulSet),
    ValidatingWebhookConfiguration,
)

WEBHOOK_CACHE_SECONDS = 1.5
"""The API server sees a changed webhook configuration after a second at the latest."""

Uids = dict[tuple[str, str], str]
"""UIDs by kind and name."""


class Trial(NamedTuple):
    """A situation, and what is promised for it.

    Attributes:
        kind: the table that it belongs to.
        name: the situation; unique in its table.
        promised: what the documentation promises, in one or two sentences.
        runbook: the section of `docs/runbooks.md` that the test follows; empty if nothing is done by hand.
        goes: objects that are announced to be removed or recreated, as `Queue dynamo`.
    """

    kind: Literal["move", "fault", "back", "removal"]
    name: str
    promised: str
    runbook: str = ""
    goes: frozenset[str] = frozenset()


@contextmanager
def watch(engine: Engine, trial: Trial) -> Iterator[Callable[[str], None]]:
    """Compare the objects before and after the block, and record what it saw.

    The block calls what it is given with each fact that it has asserted.
    """
    facts: list[str] = []
    before, started = uids(engine), time.monotonic()
    yield facts.append
    seconds = round(time.monotonic() - started)
    changed = gone(before, uids(engine))
    precious = {kind.__name__ for kind in PRECIOUS}
    lost = sorted(each for each in changed - trial.goes if each.partition(" ")[0] in precious)
    assert lost == []
    others = sorted(changed)
    facts.append(f"removed or recreated: {', '.join(others)}" if others else "no object removed or recreated")
    if "RECORD" in os.environ:
        _write(trial, {"seen": facts, "lost": lost, "seconds": seconds})


def uids(engine: Engine) -> Uids:
    """UID of every object without an owner, except Helm's records."""
    return {
        (kind.__name__, name): found.metadata.uid
        for kind in KINDS
        for name, found in engine.objects(kind).items()
        if not found.metadata.ownerReferences and "sh.helm.release." not in name
    }


def gone(before: Uids, now: Uids) -> set[str]:
    """Kind and name of objects that were removed or recreated."""
    return {f"{key[0]} {key[1].rpartition('/')[2]}" for key, uid in before.items() if now.get(key) != uid}


def create_workload(engine: Engine) -> None:
    """Create what runs on a platform: a DynamoGraphDeployment, a PodCliqueSet and a PodGroup."""
    api = client(engine.sandbox.paths.kubeconfig)
    with _ignored_webhooks(engine, api):
        for kind, spec in ((GRAPH, {"services": {}}), (CLIQUES, {"replicas": 1}), (POD_GROUP, {"queue": "dynamo"})):
            api.create(kind(metadata=ObjectMeta(name="llm", namespace="default"), spec=spec))


@contextmanager
def _ignored_webhooks(engine: Engine, api: Client) -> Iterator[None]:
    """Let the API server ignore that no server answers for the operators, whose pods are simulated."""
    found = [
        (kind, name, hook.name)
        for kind in (MutatingWebhookConfiguration, ValidatingWebhookConfiguration)
        for name, configuration in engine.objects(kind).items()
        for hook in configuration.webhooks or ()
        if hook.clientConfig.service and hook.failurePolicy == "Fail"
    ]

    def set_policies(policy: str) -> None:
        for kind, name, hook in found:
            api.patch(kind, name, {"webhooks": [{"name": hook, "failurePolicy": policy}]})

    set_policies("Ignore")
    time.sleep(WEBHOOK_CACHE_SECONDS)
    yield
    set_policies("Fail")


def rows(kind: str) -> list[dict[str, Any]]:
    """The recorded rows of a table, by name."""
    file = FOLDER / f"{kind}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []


def _write(trial: Trial, seen: dict[str, Any]) -> None:
    row = {"name": trial.name, "promised": trial.promised, "runbook": trial.runbook} | seen
    every = sorted(
        [*(each for each in rows(trial.kind) if each["name"] != trial.name), row], key=lambda each: each["name"]
    )
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{trial.kind}.json").write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
