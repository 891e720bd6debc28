"""Rendered objects, their digests, and the changes between them."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamo_platform.rendering.changes import find_changes, summarize_changes
from dynamo_platform.rendering.objects import Key, Object, Objects, from_plain, read_objects, to_plain

Manifest = dict[str, Any]


def deployment(name: str = "operator", image: str = "registry/operator:1", **more: Any) -> Manifest:
    spec = {"template": {"spec": {"containers": [{"name": "manager", "image": image}]}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name} | more, "spec": spec}


def secret(data: Mapping[str, str], name: str = "certificate") -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": dict(data)}


def crd(*versions: tuple[str, bool], name: str = "things.example.com") -> Manifest:
    served = [{"name": version, "served": True, "storage": stored} for version, stored in versions]
    kind = "CustomResourceDefinition"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"versions": served},
    }


def objects(*manifests: Manifest, again: list[Manifest] | None = None, **more: Any) -> dict[Key, Object]:
    return read_objects(manifests, manifests if again is None else again, "system", **{"hooks": True} | more)


def only(*manifests: Manifest, **more: Any) -> tuple[Key, Object]:
    (found,) = objects(*manifests, **more).items()
    return found


def in_release(*manifests: Manifest, name: str = "platform", **more: Any) -> Objects:
    return {name: objects(*manifests, **more)}


def lines(before: Objects, after: Objects) -> list[str]:
    return [change.text for change in find_changes(before, after)]


# Keys


def test_an_object_without_a_namespace_is_in_that_of_the_release() -> None:
    assert only(deployment())[0] == Key("apps/v1", "Deployment", "system", "operator")


def test_a_cluster_scoped_object_has_no_namespace() -> None:
    assert only(crd())[0].namespace is None


def test_a_list_counts_as_its_items() -> None:
    several = {"apiVersion": "v1", "kind": "List", "items": [deployment("a"), deployment("b")]}
    assert [key.name for key in objects(several)] == ["a", "b"]


def test_objects_are_sorted() -> None:
    one, two = deployment("a"), secret({})
    assert list(objects(one, two)) == list(objects(two, one))


# Digests


def digest(manifest: Manifest, again: Manifest | None = None) -> str:
    return only(manifest, again=[again or manifest])[1].digest


@pytest.mark.parametrize(
    "same",
    [
        deployment(labels={"helm.sh/chart": "operator-2", "app.kubernetes.io/version": "2"}),
        deployment(labels={}),
        deployment(annotations=None),
        deployment(namespace="system"),
        deployment() | {"status": {"replicas": 1}},
    ],
)
def test_irrelevant_fields_do_not_change_the_digest(same: Manifest) -> None:
    assert digest(same) == digest(deployment())


@pytest.mark.parametrize(
    "other",
    [
        deployment(image="registry/operator:2"),
        deployment(labels={"team": "a"}),
        deployment(annotations={"checksum/config": "a"}),
    ],
)
def test_all_other_fields_change_the_digest(other: Manifest) -> None:
    assert digest(other) != digest(deployment())


def test_a_float_without_a_fraction_equals_the_integer() -> None:
    assert digest(deployment() | {"value": 1}) == digest(deployment() | {"value": 1.0})
    assert digest(deployment() | {"value": 1}) != digest(deployment() | {"value": 1.5})


def test_labels_of_a_pod_template_count_because_the_pods_are_replaced() -> None:
    one, two = deployment(), deployment()
    two["spec"]["template"]["metadata"] = {"labels": {"helm.sh/chart": "operator-2"}}
    assert digest(one) != digest(two)


def test_a_generated_certificate_and_its_checksum_do_not_count() -> None:
    runs = [[secret({"tls.crt": text, "kind": "a"}), deployment(annotations={"checksum": text})] for text in "abcd"]
    assert objects(*runs[0], again=runs[1]) == objects(*runs[2], again=runs[3])


def test_values_beside_a_generated_one_count() -> None:
    before = digest(secret({"tls.crt": "a", "kind": "a"}), secret({"tls.crt": "b", "kind": "a"}))
    assert before != digest(secret({"tls.crt": "c", "kind": "b"}), secret({"tls.crt": "d", "kind": "b"}))


def test_a_random_suffix_does_not_count() -> None:
    runs = [deployment("setup-x1"), deployment("setup-x2"), deployment("setup-y3"), deployment("setup-z4")]
    assert objects(runs[0], again=[runs[1]]) == objects(runs[2], again=[runs[3]])
    assert only(runs[0], again=[runs[1]])[0].name == "setup-*"


def test_the_content_of_a_secret_is_only_in_the_digest() -> None:
    assert "hunter2" not in repr(objects(secret({"password": "hunter2"})))
    assert digest(secret({"password": "hunter2"})) != digest(secret({"password": "hunter3"}))


def test_a_key_of_a_secret_is_not_an_image() -> None:
    assert only(secret({"image": "hunter2"}))[1].images == ()


# Facts about an object


def test_images_of_containers_and_custom_resources_are_found() -> None:
    config = {
        "apiVersion": "kai.scheduler/v1",
        "kind": "Config",
        "metadata": {"name": "kai-config"},
        "spec": {"binder": {"image": {"repository": "registry/kai", "name": "binder", "tag": "v1"}}},
    }
    found = objects(deployment(image="registry/operator:1"), config)
    assert [item.images for item in found.values()] == [("registry/kai/binder:v1",), ("registry/operator:1",)]


def test_text_with_spaces_is_not_an_image() -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert only(settings | {"data": {"image": "use the newest one"}})[1].images == ()


def test_an_object_in_one_rendering_only_is_uncertain() -> None:
    monitor = deployment("monitor")
    found = objects(deployment(), monitor, again=[deployment()])
    assert {key.name: item.uncertain for key, item in found.items()} == {"monitor": True, "operator": False}


def test_a_hook_has_its_events_and_weight() -> None:
    hook = deployment(annotations={"helm.sh/hook": "pre-upgrade, pre-install", "helm.sh/hook-weight": "2"})
    assert only(hook)[1].hook == "pre-install,pre-upgrade:2"


def test_an_empty_hook_annotation_is_no_hook() -> None:
    assert only(deployment(annotations={"helm.sh/hook": ""}), hooks=False)[1].hook is None


def test_hooks_that_are_off_are_left_out() -> None:
    assert objects(deployment(annotations={"helm.sh/hook": "post-install"}), hooks=False) == {}


def test_test_hooks_are_left_out() -> None:
    assert objects(deployment(annotations={"helm.sh/hook": "test"})) == {}


def test_objects_that_helm_keeps_are_marked() -> None:
    assert only(deployment(annotations={"helm.sh/resource-policy": "keep"}))[1].kept
    assert only(crd(), crds={"things.example.com"})[1].kept
    assert not only(crd())[1].kept


# Changes


def test_equal_objects_do_not_change() -> None:
    assert lines(in_release(deployment()), in_release(deployment())) == []


def test_changed_images_are_listed() -> None:
    before, after = in_release(deployment(image="a:1")), in_release(deployment(image="a:2"))
    assert lines(before, after) == ["~ Deployment system/operator image a:1 → a:2"]
    assert lines({}, after) == ["+ Deployment system/operator image a:2"]
    assert lines(before, {}) == ["- Deployment system/operator image a:1"]


def test_images_and_lost_versions_come_first_and_permissions_last() -> None:
    role = {"apiVersion": "v1", "kind": "Role", "metadata": {"name": "a"}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    before = in_release(crd(("v1", True)), deployment(image="a:1"))
    after = in_release(crd(("v2", True)), deployment(image="a:2"), role, service)
    kinds = [change.key.kind for change in find_changes(before, after)]
    assert kinds == ["CustomResourceDefinition", "Deployment", "Service", "Role"]


def test_a_removed_storage_version_is_reported() -> None:
    before, after = in_release(crd(("v1", True), ("v2", False))), in_release(crd(("v2", True)))
    title = "CustomResourceDefinition things.example.com"
    assert lines(before, after) == [f"~ {title} (versions v1*, v2 → v2*) (removes storage version v1)"]


def test_a_former_storage_version_that_is_still_served_is_not_reported() -> None:
    before, after = in_release(crd(("v1", True))), in_release(crd(("v1", False), ("v2", True)))
    assert [change.lost_version for change in find_changes(before, after)] == [None]


def test_a_move_to_another_release_is_reported() -> None:
    before, after = in_release(deployment()), in_release(deployment(), name="kai-scheduler")
    assert lines(before, after) == ["~ Deployment system/operator (from release platform to kai-scheduler)"]


def test_removed_objects_that_helm_keeps_are_reported() -> None:
    kept = in_release(deployment(image="", annotations={"helm.sh/resource-policy": "keep"}))
    assert lines(kept, {}) == ["- Deployment system/operator (kept in the cluster)"]


def test_objects_that_depend_on_the_cluster_are_reported() -> None:
    assert lines({}, in_release(deployment(image=""), again=[])) == [
        "+ Deployment system/operator (the cluster decides)"
    ]


def test_hooks_are_reported() -> None:
    hook = in_release(deployment(image="", annotations={"helm.sh/hook": "pre-install,pre-upgrade"}))
    assert lines({}, hook) == ["+ Deployment system/operator (hook pre-install, pre-upgrade)"]


# The summary in a preview


def test_a_first_installation_is_counted_and_not_listed() -> None:
    assert summarize_changes({}, in_release(deployment(), secret({}))) == "objects   2 new: platform 2"


def test_equal_objects_are_summarized_as_unchanged() -> None:
    assert summarize_changes(in_release(deployment()), in_release(deployment())) == "objects   1 unchanged"


def test_changes_are_counted_and_listed() -> None:
    before, after = in_release(deployment(image="a:1"), secret({})), in_release(deployment(image="a:2"))
    assert summarize_changes(before, after).splitlines() == [
        "objects   0 added, 1 changed, 1 removed",
        "  ~ Deployment system/operator image a:1 → a:2",
        "  - Secret system/certificate",
    ]


def test_a_long_list_of_changes_is_cut() -> None:
    many = in_release(*(deployment(f"a{number:03}", image="") for number in range(70)), secret({}))
    assert (
        summarize_changes(in_release(secret({})), many).splitlines()[-1]
        == "  … and 10 more; `dynamo-platform diff` lists all"
    )


# As text

names = st.text("ab-.", min_size=1, max_size=4)
keys = st.builds(Key, names, names, st.none() | names, names)
items = st.builds(
    Object,
    digest=names,
    images=st.lists(names, max_size=2).map(tuple),
    hook=st.none() | names,
    kept=st.booleans(),
    uncertain=st.booleans(),
    versions=st.lists(names.map(lambda name: f"{name}*"), max_size=2).map(tuple),
)


@given(st.dictionaries(names, st.dictionaries(keys, items, max_size=3), max_size=2))
def test_objects_survive_the_round_trip_through_text(several: dict[str, dict[Key, Object]]) -> None:
    assert from_plain(to_plain(several)) == several
