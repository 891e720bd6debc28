"""Labels and annotations of namespaces: there before the pods, and given up without the namespace."""

from typing import Any

import pytest
from lightkube.resources.core_v1 import Namespace, Pod

from sandbox.commands import CommandError
from tests.engine.engine import Engine
from tests.engine.stacks import NEW, stack

ENFORCE = "pod-security.kubernetes.io/enforce"
HELMS = {"kubernetes.io/metadata.name": "dynamo-system", "name": "dynamo-system"}


def metadata(engine: Engine, name: str = "dynamo-system") -> Any:
    return engine.objects(Namespace)[name].metadata


def labels(engine: Engine, name: str = "dynamo-system") -> dict[str, str]:
    found: dict[str, str] = metadata(engine, name).labels
    return {key: text for key, text in found.items() if key not in HELMS}


def test_labels_are_there_before_the_pods_and_go_without_the_namespace(fresh: Engine) -> None:
    engine = fresh
    config = stack("disabled", "separate", NEW, namespaceLabels={ENFORCE: "baseline", "team": "ai"})
    config |= {"namespaceAnnotations": {"example.com/owner": "ai"}}
    config["grove"]["namespaceLabels"] = {ENFORCE: "baseline"}
    engine.configure(config)
    engine.up()
    assert labels(engine) == {ENFORCE: "baseline", "team": "ai"}
    assert metadata(engine).annotations["example.com/owner"] == "ai"
    assert labels(engine, "grove-system") == {ENFORCE: "baseline"}
    pods = engine.objects(Pod)
    assert {name.partition("/")[0] for name in pods} >= {"dynamo-system", "grove-system"}
    assert metadata(engine).creationTimestamp <= min(pod.metadata.creationTimestamp for pod in pods.values())
    engine.assert_unchanged()

    uid = metadata(engine).uid
    engine.configure(config | {"namespaceLabels": {ENFORCE: "privileged"}, "namespaceAnnotations": {}})
    engine.up()
    assert labels(engine) == {ENFORCE: "privileged"}
    assert "example.com/owner" not in (metadata(engine).annotations or {})

    engine.destroy()
    assert metadata(engine).uid == uid
    assert labels(engine) == {}


def test_a_namespace_that_exists_is_labelled_and_kept(fresh: Engine) -> None:
    engine = fresh
    config = stack("disabled", "disabled", NEW)
    engine.configure(config)
    engine.up()
    uid = metadata(engine).uid
    engine.configure(config | {"namespaceLabels": {ENFORCE: "baseline"}})
    engine.up()
    assert (metadata(engine).uid, labels(engine)) == (uid, {ENFORCE: "baseline"})
    engine.configure(config)
    engine.up()
    assert (metadata(engine).uid, labels(engine)) == (uid, {})


def test_a_level_that_refuses_the_pods_is_refused_first(engine: Engine) -> None:
    engine.configure(stack("disabled", "disabled", NEW, namespaceLabels={ENFORCE: "restricted"}))
    with pytest.raises(CommandError, match="SET012"):
        engine.preview()
