"""An upgrade is judged by what the stack's own state says is running, with a cluster and without one."""

import json
from collections.abc import Mapping

import pytest

from dynamo_platform import catalog, plan_of
from dynamo_platform.running import from_state
from tests.engine.engine import NOWHERE, STACK, CommandFailedError, Engine
from tests.unit.findings import state

NAME = "dynamo-platform"
BEFORE = {
    "version": "1.3.1",
    "profile": "development",
    "kaiScheduler": {"mode": "separate"},
    "grove": {"mode": "disabled"},
    "queues": [{"name": "a", "parent": "dynamo-default", "gpu": {"quota": 2, "limit": 4}}],
}
AFTER = BEFORE | {"version": "1.4.2"}


@pytest.mark.slow
def test_a_default_that_moved_is_refused_until_it_is_decided(engine: Engine) -> None:
    engine.configure(BEFORE)
    engine.up()
    exported = json.loads(engine.run("pulumi", "stack", "export", "--stack", STACK))["deployment"]["resources"]
    resources = {each["urn"]: {"type": each["type"], "outputs": each.get("outputs", {})} for each in exported}
    seen = from_state(resources, NAME, catalog.load())
    assumed = from_state(state(plan_of(BEFORE, stack=True), NAME), NAME, catalog.load())
    assert seen
    assert assumed
    assert seen.platform
    assert assumed.platform
    assert seen.platform._replace(chart=None) == assumed.platform._replace(chart=None)
    assert seen.kai._replace(chart=None) == assumed.kai._replace(chart=None)
    assert (seen.grove, seen.nats, seen.etcd, seen.queues) == (
        assumed.grove,
        assumed.nats,
        assumed.etcd,
        assumed.queues,
    )

    engine.configure(AFTER)
    environments: list[Mapping[str, str] | None] = [None, {"KUBECONFIG": NOWHERE}]
    for env in environments:
        with pytest.raises(CommandFailedError, match=r"error UPG003  nats\.mode"):
            engine.preview(env=env)
    engine.configure(AFTER | {"nats": {"mode": "bundled"}})
    for env in environments:
        assert "~ 1 to update" in engine.preview(env=env)
