"""Each mode, and each pair of modes, from installation to destroy on a real API server."""

from itertools import product
from typing import Any, NamedTuple

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Service

from sandbox.cluster import client
from sandbox.commands import CommandError
from tests.engine.engine import CONFIG, QUEUE, SHARD, Engine
from tests.engine.stacks import DYNAMO_QUEUES, KAI_QUEUES, NEW, OLD, separate, stack

MODES = ("separate", "bundled", "external", "disabled")
METRICS_SERVICE = "dynamo-system/dynamo-platform-dynamo-operator"
RELEASE = "meta.helm.sh/release-name"
"""Helm's annotation on an object of a release."""
OTHERS = {
    "others-kai": ("kai-scheduler", NEW["kai"], "kai-scheduler"),
    "others-grove": ("grove-charts", NEW["grove"], "grove-system"),
}
"""Releases that someone else installs: chart, version and namespace."""


def test_separate_installs_upgrades_and_goes(engine: Engine) -> None:
    engine.configure(separate(OLD))
    engine.up()
    assert engine.releases() == {
        "kai-scheduler": (OLD["kai"], "deployed"),
        "grove": (OLD["grove"], "deployed"),
        "dynamo-platform": (OLD["version"], "deployed"),
    }
    queues = engine.uids(QUEUE)
    assert queues.keys() == KAI_QUEUES | DYNAMO_QUEUES
    flags = engine.status().operator_flags
    assert flags["kaiScheduler"]
    assert flags["grove"]
    assert "no hooks" not in engine.helm("get", "hooks", "dynamo-platform", "-n", "dynamo-system")
    outputs = engine.outputs()
    assert outputs["queues"] == ["dynamo-default", "dynamo"]
    assert outputs["statuses"] == dict.fromkeys(("kai-scheduler", "grove", "dynamo-platform"), "deployed")
    assert outputs["versions"]["kai-scheduler"] == OLD["kai"]
    assert outputs["namespaces"]["grove"] == "grove-system"
    engine.assert_unchanged()

    # A changed value changes its object and nothing else.
    gpu = {"quota": 4, "limit": 8}
    engine.configure(separate(OLD, queues=[{"name": "dynamo", "gpu": gpu}]))
    engine.up()
    assert engine.specs(QUEUE)["dynamo"]["resources"]["gpu"] == {**gpu, "overQuotaWeight": 1}
    assert engine.specs(QUEUE)["dynamo"]["parentQueue"] == "dynamo-default"
    assert engine.uids(QUEUE) == queues

    # The upgrade of all three keeps every queue.
    engine.configure(separate(NEW, accept=["UPG008", "UPG020"]))
    engine.up()
    assert engine.releases() == {
        "kai-scheduler": (NEW["kai"], "deployed"),
        "grove": (NEW["grove"], "deployed"),
        "dynamo-platform": (NEW["version"], "deployed"),
    }
    assert engine.uids(QUEUE) == queues
    engine.assert_unchanged()

    engine.destroy()
    assert engine.releases() == {}
    assert engine.uids(QUEUE).keys() == KAI_QUEUES
    assert engine.uids(SHARD).keys() == {"default"}


def test_bundled_installs_upgrades_and_goes(fresh: Engine) -> None:
    engine = fresh
    engine.configure(stack("bundled", "bundled", OLD, nats={"mode": "bundled"}))
    engine.up_bundled()
    assert engine.releases() == {"dynamo-platform": (OLD["version"], "deployed")}
    queues = engine.uids(QUEUE)
    assert queues.keys() == KAI_QUEUES | DYNAMO_QUEUES
    assert engine.outputs()["queues"] == []
    engine.assert_unchanged()

    engine.configure(stack("bundled", "bundled", NEW, nats={"mode": "bundled"}, accept=["UPG008", "UPG020"]))
    engine.up_bundled()
    assert engine.releases() == {"dynamo-platform": (NEW["version"], "deployed")}
    # The chart owns them here: its hooks recreate Dynamo's queues at every upgrade.
    after = engine.uids(QUEUE)
    assert {name for name in queues if after[name] == queues[name]} == KAI_QUEUES
    engine.assert_unchanged()

    # A changed value changes its object.
    assert METRICS_SERVICE in engine.objects(Service)
    changed = {"metricsService": False}
    engine.configure(stack("bundled", "bundled", NEW, nats={"mode": "bundled"}, monitoring=changed))
    engine.up_bundled()
    assert METRICS_SERVICE not in engine.objects(Service)
    engine.assert_unchanged()
    engine.destroy()
    assert engine.releases() == {}


def test_external_leaves_what_is_there(fresh: Engine) -> None:
    engine = fresh
    install_others(engine, *OTHERS)
    there = [engine.uids(CONFIG), engine.specs(CONFIG), engine.uids(SHARD), engine.specs(SHARD)]
    engine.configure(stack("external", "external", NEW | {"version": OLD["version"]}))
    engine.up()
    assert engine.releases()["dynamo-platform"] == (OLD["version"], "deployed")
    queues = engine.uids(QUEUE)
    assert queues.keys() == KAI_QUEUES | DYNAMO_QUEUES
    engine.assert_unchanged()

    # The platform's upgrade keeps every queue.
    engine.configure(stack("external", "external", NEW, accept=["UPG020"]))
    engine.up()
    assert engine.releases()["dynamo-platform"] == (NEW["version"], "deployed")
    assert engine.uids(QUEUE) == queues
    engine.assert_unchanged()

    engine.configure(stack("external", "external", NEW, monitoring={"metricsService": False}))
    engine.up()
    assert engine.uids(QUEUE) == queues
    engine.destroy()
    assert engine.releases().keys() == OTHERS.keys()
    assert [engine.uids(CONFIG), engine.specs(CONFIG), engine.uids(SHARD), engine.specs(SHARD)] == there
    assert engine.uids(QUEUE).keys() == KAI_QUEUES


def test_queues_of_someone_else_are_left_alone(fresh: Engine) -> None:
    engine = fresh
    install_others(engine, *OTHERS)
    theirs = {"cpu": {"quota": 1000, "limit": -1, "overQuotaWeight": 1}}
    api = client(engine.sandbox.paths.kubeconfig)
    for name, parent in (("dynamo-default", {}), ("dynamo", {"parentQueue": "dynamo-default"})):
        api.create(QUEUE(metadata=ObjectMeta(name=name), spec=parent | {"resources": theirs}))
    there = engine.uids(QUEUE), engine.specs(QUEUE)
    team = {
        "name": "team",
        "parent": "dynamo-default",
        "priority": 120,
        "displayName": "Team A",
        "preemptMinRuntime": "10m",
        "reclaimMinRuntime": "5m",
        "labels": {"team": "a"},
    }
    engine.configure(stack("external", "external", NEW, defaultQueues=False, queues=[team]))
    engine.up()
    queues = engine.objects(QUEUE)
    assert queues["team"]["metadata"]["labels"] == {"team": "a"}
    spec = {"parentQueue": "dynamo-default"} | {key: team[key] for key in list(team)[2:6]}
    assert {key: value for key, value in queues["team"]["spec"].items() if key != "resources"} == spec
    engine.assert_unchanged()

    engine.destroy()
    assert (engine.uids(QUEUE), engine.specs(QUEUE)) == there


class Owners(NamedTuple):
    """The owners in a pair of modes; None: it does not exist."""

    kai: str | None
    """Release of KAI's operator and queues."""
    grove: str | None
    """Release of Grove's operator."""
    queues: str | None
    """The owner of Dynamo's two queues: the module, or a hook of the platform's chart."""
    warning: str | None = None


PAIRS = {
    ("separate", "separate"): Owners("kai-scheduler", "grove", "module"),
    ("separate", "bundled"): Owners("kai-scheduler", "dynamo-platform", "module"),
    ("separate", "external"): Owners("kai-scheduler", "others-grove", "module"),
    ("separate", "disabled"): Owners("kai-scheduler", None, "module", "KAI002"),
    ("bundled", "bundled"): Owners("dynamo-platform", "dynamo-platform", "hook"),
    ("bundled", "external"): Owners("dynamo-platform", "others-grove", "hook"),
    ("bundled", "disabled"): Owners("dynamo-platform", None, "hook", "KAI002"),
    ("external", "separate"): Owners("others-kai", "grove", "module"),
    ("external", "bundled"): Owners("others-kai", "dynamo-platform", "module"),
    ("external", "external"): Owners("others-kai", "others-grove", "module"),
    ("external", "disabled"): Owners("others-kai", None, "module", "KAI002"),
    ("disabled", "separate"): Owners(None, "grove", None),
    ("disabled", "bundled"): Owners(None, "dynamo-platform", None),
    ("disabled", "external"): Owners(None, "others-grove", None),
    ("disabled", "disabled"): Owners(None, None, None),
}

LEFT = {
    "separate": KAI_QUEUES,
    "bundled": KAI_QUEUES | DYNAMO_QUEUES,
    "external": KAI_QUEUES,
    "disabled": set(),
}
"""The queues that `destroy` leaves, by KAI's mode: Helm keeps KAI's own, and those that a hook created."""


@pytest.mark.slow
@pytest.mark.parametrize(("kai", "grove"), PAIRS)
def test_a_pair_of_modes_comes_stays_and_goes(fresh: Engine, kai: str, grove: str) -> None:
    owners = PAIRS[kai, grove]
    releases = {owners.kai, owners.grove, "dynamo-platform"} - {None}
    install_others(fresh, *(OTHERS.keys() & releases))
    before = fresh.uids(CONFIG) | fresh.uids(SHARD) | fresh.uids(QUEUE), fresh.specs(CONFIG) | fresh.specs(SHARD)

    fresh.configure(stack(kai, grove, NEW))
    fresh.up_bundled()
    assert fresh.releases().keys() == releases
    assert {state for _, state in fresh.releases().values()} == {"deployed"}
    assert operators(fresh) == {
        operator: owner
        for operator, owner in (
            ("kai-operator", owners.kai),
            ("grove-operator", owners.grove),
            ("dynamo-platform-dynamo-operator-controller-manager", "dynamo-platform"),
        )
        if owner
    }
    assert queue_owners(fresh) == (
        dict.fromkeys(KAI_QUEUES, owners.kai) | dict.fromkeys(DYNAMO_QUEUES, owners.queues) if owners.kai else {}
    )
    flags = fresh.status().operator_flags
    assert (flags["kaiScheduler"], flags["grove"]) == (owners.kai is not None, owners.grove is not None)
    findings = fresh.outputs()["findings"]
    assert {each["code"] for each in findings if each["severity"] == "warning"} == {owners.warning} - {None}
    fresh.assert_unchanged()

    kept = fresh.uids(CustomResourceDefinition) | fresh.uids(Namespace) | fresh.uids(SHARD)
    fresh.destroy()
    assert fresh.releases().keys() == OTHERS.keys() & releases
    assert fresh.uids(QUEUE).keys() == LEFT[kai]
    assert fresh.uids(CONFIG).keys() == ({"kai-config"} if kai == "external" else set())
    assert fresh.uids(CustomResourceDefinition) | fresh.uids(Namespace) | fresh.uids(SHARD) == kept
    if kai == "external":
        after = fresh.uids(CONFIG) | fresh.uids(SHARD) | fresh.uids(QUEUE), fresh.specs(CONFIG) | fresh.specs(SHARD)
        assert after == before


def test_the_pair_that_is_left_is_refused(engine: Engine) -> None:
    left = set(product(MODES, MODES)) - PAIRS.keys()
    assert left == {("bundled", "separate")}
    engine.configure(stack("bundled", "separate", NEW))
    with pytest.raises(CommandError, match="GRV001"):
        engine.preview()


def install_others(engine: Engine, *releases: str) -> None:
    """Install what someone else would."""
    for release in releases:
        engine.install(release, *OTHERS[release])


def operators(engine: Engine) -> dict[str, str]:
    """Return the release of each Deployment that Helm installed, by name."""
    return {
        name.partition("/")[2]: found.metadata.annotations[RELEASE]
        for name, found in engine.objects(Deployment).items()
        if RELEASE in (found.metadata.annotations or {})
    }


def queue_owners(engine: Engine) -> dict[str, Any]:
    """Return the owner of each queue: a release, a hook, or the module."""

    def owner(annotations: dict[str, str]) -> str:
        return annotations.get(RELEASE, "hook" if "helm.sh/hook" in annotations else "module")

    return {name: owner(queue["metadata"].get("annotations") or {}) for name, queue in engine.objects(QUEUE).items()}
