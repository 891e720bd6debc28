"""Upgrades are checked against the stack's own state, with and without a cluster."""

import json
from collections.abc import Mapping

import pytest
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.types import PatchType

from dynamo_platform import catalog, plan_of
from dynamo_platform.planning.running import from_state
from sandbox.cluster import client
from sandbox.commands import CommandError
from tests.engine.engine import NOWHERE, QUEUE, SHARD, STACK, Engine
from tests.engine.stacks import KAI_QUEUES, separate
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
        with pytest.raises(CommandError, match=r"error UPG003  nats\.mode"):
            engine.preview(env=env)
    engine.configure(AFTER | {"nats": {"mode": "bundled"}})
    for env in environments:
        assert "~ 1 to update" in engine.preview(env=env)


@pytest.mark.slow
def test_bundled_becomes_separate_by_the_way_that_the_finding_says(fresh: Engine) -> None:
    engine = fresh
    bundled = {"version": "1.5.1", "profile": "development"}
    apart = bundled | {"kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}}
    engine.configure(bundled)
    engine.up_bundled()
    there = engine.uids(QUEUE) | engine.uids(SHARD)
    engine.configure(apart)
    with pytest.raises(CommandError) as refused:
        engine.preview()
    assert "error UPG013  kaiScheduler.mode" in refused.value.output

    kai = {"mode": "external", "namespace": "dynamo-system"}
    engine.configure(bundled | {"kaiScheduler": kai, "grove": {"mode": "external"}, "accept": ["UPG014"]})
    engine.up()
    marks = {"meta.helm.sh/release-name": "kai-scheduler", "meta.helm.sh/release-namespace": "kai-scheduler"}
    api = client(engine.sandbox.paths.kubeconfig)
    for kind, name in ((SHARD, "default"), *((QUEUE, name) for name in KAI_QUEUES)):
        api.patch(kind, name, {"metadata": {"annotations": marks}}, patch_type=PatchType.MERGE)
    engine.configure(apart)
    engine.up()
    assert engine.releases().keys() == {"kai-scheduler", "grove", "dynamo-platform"}
    assert engine.uids(QUEUE) | engine.uids(SHARD) == there
    engine.assert_unchanged()


@pytest.mark.slow
def test_grove_that_stores_another_version_is_not_taken_back(fresh: Engine) -> None:
    stored = {"version": "1.6.2", "kai": "v0.17.2", "grove": "v0.1.0-alpha.14"}
    beta = stored | {"grove": "v0.2.0-beta1"}
    versions = {}
    for each in (stored, beta):
        fresh.configure(separate(each))
        fresh.up()
        definition = fresh.objects(CustomResourceDefinition)["podcliquesets.grove.io"]
        versions[each["grove"]] = {version.name: version.storage for version in definition.spec.versions}
    assert versions == {
        "v0.1.0-alpha.14": {"v1alpha1": True},
        "v0.2.0-beta1": {"v1alpha1": False, "v1beta1": True},
    }
    fresh.configure(separate(stored))
    with pytest.raises(CommandError, match=r"error UPG001  grove\.version"):
        fresh.preview()
