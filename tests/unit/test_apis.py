"""The APIs that rendered objects need."""

from typing import Any

import pytest

from dynamo_platform import catalog, plan_of
from dynamo_platform.planning.model import Rendering
from dynamo_platform.rendering.apis import check_apis
from tests.unit.findings import RELEASE


def rendering(*apis: str) -> Rendering:
    page: dict[str, Any] = {"version": "1.5.1", "profile": "development", "apiVersions": list(apis)}
    return plan_of(page, stack=True).rendering


def needs(api: str, kind: str, *others: dict[str, Any], apis: tuple[str, ...] = ()) -> str | None:
    found = check_apis(RELEASE, [{"apiVersion": api, "kind": kind}, *others], rendering(*apis))
    return found[0].given if found else None


@pytest.mark.parametrize("api", ["cert-manager.io/v1", "monitoring.coreos.com/v1", "networking.istio.io/v1"])
def test_an_api_that_is_not_listed_is_missing(api: str) -> None:
    assert needs(api, "Certificate") == f"no {api}"
    assert needs(api, "Certificate", apis=(api,)) is None


@pytest.mark.parametrize(
    "api",
    [
        "v1",
        "apps/v1",
        "batch/v1",
        "rbac.authorization.k8s.io/v1",
        "resource.k8s.io/v1",
        "kai.scheduler/v1",
        "scheduling.run.ai/v2",
        "grove.io/v1alpha1",
        "scheduler.grove.io/v1alpha1",
        "nvidia.com/v1alpha1",
    ],
)
def test_kubernetes_own_apis_and_those_of_the_charts_need_not_be_listed(api: str) -> None:
    assert needs(api, "Thing") is None


def test_apis_of_the_release_s_own_definitions_need_not_be_listed() -> None:
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"group": "own.io"}}
    assert needs("own.io/v1", "Thing") == "no own.io/v1"
    assert needs("own.io/v1", "Thing", crd) is None


def test_apis_of_definitions_that_are_not_rendered_again_need_not_be_listed() -> None:
    thing = {"apiVersion": "own.io/v1", "kind": "Thing"}
    assert check_apis(RELEASE, [thing], rendering(), {"own.io"}) == []
    assert check_apis(RELEASE, [thing], rendering(), {"other.io"})


def test_nothing_is_known_without_a_list() -> None:
    page = {"version": "1.5.1", "profile": "development"}
    given = plan_of(page, stack=True).rendering
    assert check_apis(RELEASE, [{"apiVersion": "cert-manager.io/v1", "kind": "Certificate"}], given) == []


def test_all_kinds_are_named() -> None:
    manifests = [{"apiVersion": "cert-manager.io/v1", "kind": kind} for kind in ("Issuer", "Certificate", "Issuer")]
    (found,) = check_apis(RELEASE, manifests, rendering())
    assert "Certificate (cert-manager.io/v1), Issuer (cert-manager.io/v1)" in found.why.replace(" and ", ", ")


def test_groups_are_in_order() -> None:
    assert list(catalog.load().known_groups) == sorted(catalog.load().known_groups)
