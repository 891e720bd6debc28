"""Each mode from nothing to destroy on a real API server."""

from typing import Any

import pytest

from sandbox.sandbox import Sandbox
from tests.engine.engine import CONFIG, QUEUE, SHARD, CommandFailedError, Engine

OLD = {"version": "1.0.1", "kai": "v0.13.4", "grove": "v0.1.0-alpha.8"}
NEW = {"version": "1.5.1", "kai": "v0.17.0", "grove": "v0.1.0-alpha.13"}
KAI_QUEUES = {"default-parent-queue", "default-queue"}
DYNAMO_QUEUES = {"dynamo-default", "dynamo"}


def separate(versions: dict[str, str], **config: Any) -> dict[str, Any]:
    return {
        "version": versions["version"],
        "profile": "development",
        "kaiScheduler": {"mode": "separate", "version": versions["kai"]},
        "grove": {"mode": "separate", "version": versions["grove"]},
        "nats": {"mode": "disabled"},
    } | config


def bundled(versions: dict[str, str]) -> dict[str, Any]:
    return {"version": versions["version"], "profile": "development", "nats": {"mode": "bundled"}}


def external(versions: dict[str, str], **config: Any) -> dict[str, Any]:
    return separate(versions) | {
        "kaiScheduler": {"mode": "external", "version": versions["kai"]},
        "grove": {"mode": "external", "version": versions["grove"]},
        **config,
    }


def up_bundled(engine: Engine) -> None:
    """`up`, and once more where the chart's queue hook met KAI's webhook before it answered.

    Upstream's race (https://github.com/ai-dynamo/dynamo/issues/4625): both come with the one release, so no gate can be
    between them.
    """
    try:
        engine.up()
    except CommandFailedError as error:
        if "failed calling webhook" not in str(error):
            raise
        engine.up()


def releases(engine: Engine) -> dict[str, tuple[str, str]]:
    return {release.name: (release.version, release.state) for release in engine.status().releases}


def test_separate_installs_upgrades_and_goes(engine: Engine) -> None:
    engine.configure(separate(OLD))
    engine.up()
    assert releases(engine) == {
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
    engine.unchanged()

    # A changed value reaches its object and nothing else.
    gpu = {"quota": 4, "limit": 8}
    engine.configure(separate(OLD, queues=[{"name": "dynamo", "gpu": gpu}]))
    engine.up()
    assert engine.specs(QUEUE)["dynamo"]["resources"]["gpu"] == {**gpu, "overQuotaWeight": 1}
    assert engine.specs(QUEUE)["dynamo"]["parentQueue"] == "dynamo-default"
    assert engine.uids(QUEUE) == queues

    # The upgrade of all three keeps every queue.
    engine.configure(separate(NEW))
    engine.up()
    assert releases(engine) == {
        "kai-scheduler": (NEW["kai"], "deployed"),
        "grove": (NEW["grove"], "deployed"),
        "dynamo-platform": (NEW["version"], "deployed"),
    }
    assert engine.uids(QUEUE) == queues
    engine.unchanged()

    engine.destroy()
    assert releases(engine) == {}
    assert engine.uids(QUEUE).keys() == KAI_QUEUES
    assert engine.uids(SHARD).keys() == {"default"}


def test_bundled_installs_upgrades_and_goes(fresh: Engine) -> None:
    engine = fresh
    engine.configure(bundled(OLD))
    up_bundled(engine)
    assert releases(engine) == {"dynamo-platform": (OLD["version"], "deployed")}
    queues = engine.uids(QUEUE)
    assert queues.keys() == KAI_QUEUES | DYNAMO_QUEUES
    assert engine.outputs()["queues"] == []
    engine.unchanged()

    engine.configure(bundled(NEW))
    up_bundled(engine)
    assert releases(engine) == {"dynamo-platform": (NEW["version"], "deployed")}
    # The chart owns them here: its hooks make Dynamo's queues anew at every upgrade.
    after = engine.uids(QUEUE)
    assert {name for name in queues if after[name] == queues[name]} == KAI_QUEUES
    engine.unchanged()
    engine.destroy()
    assert releases(engine) == {}


def test_external_leaves_what_is_there(fresh: Engine) -> None:
    engine = fresh
    engine.configure(external(NEW))
    with pytest.raises(CommandFailedError) as failed:
        engine.up()
    assert "queue-controller" in str(failed.value)
    assert releases(engine) == {}

    charts = engine.sandbox.paths.charts
    kai, grove = charts / f"kai-scheduler-{NEW['kai']}.tgz", charts / f"grove-charts-{NEW['grove']}.tgz"
    engine.helm("install", "kai", str(kai), "-n", "kai-scheduler", "--create-namespace", "--wait")
    engine.helm("install", "grove", str(grove), "-n", "grove-system", "--create-namespace", "--wait")
    engine.up()
    assert releases(engine)["dynamo-platform"] == (NEW["version"], "deployed")
    assert engine.uids(QUEUE).keys() == KAI_QUEUES | DYNAMO_QUEUES
    engine.unchanged()

    there = [engine.uids(CONFIG), engine.specs(CONFIG), engine.uids(SHARD), engine.specs(SHARD)]
    queues = engine.uids(QUEUE)
    engine.configure(external(NEW, monitoring={"metricsService": False}))
    engine.up()
    assert engine.uids(QUEUE) == queues
    engine.destroy()
    assert releases(engine).keys() == {"kai", "grove"}
    assert [engine.uids(CONFIG), engine.specs(CONFIG), engine.uids(SHARD), engine.specs(SHARD)] == there
    assert engine.uids(QUEUE).keys() == KAI_QUEUES


@pytest.fixture
def fresh(sandbox: Sandbox, engine: Engine) -> Engine:
    """An engine on an empty cluster: the modes meet each other's kept objects otherwise."""
    sandbox.cluster.stop()
    sandbox.up()
    return engine
