"""The objects that a plan puts into the cluster, and the `up` that repairs each of them.

Pulumi compares queues and labels of namespaces with the cluster in a refresh. It knows nothing of a release's objects:
Helm writes them when the release is upgraded. It then compares built-in kinds with the cluster, but custom resources
and CRDs only with the previous revision, so an edited one stays as it is:
https://github.com/helm/helm/blob/v3.18.6/pkg/kube/client.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import yaml

from dynamo_platform.config.yamltext import ManifestLoader
from dynamo_platform.planning.model import Namespace, Plan, Queue
from dynamo_platform.rendering.helm import RenderedRelease
from dynamo_platform.rendering.objects import CRD, Key, Manifest, annotations_of, hook_events, key_of, stable_manifests

from .model import Repair

_DELETE_POLICY = "helm.sh/hook-delete-policy"
_CRD_UPGRADER = "crd-upgrader"
"""The hook Job of KAI Scheduler's chart that applies its CRDs at every upgrade."""


class Planned(NamedTuple):
    """An object that should be in the cluster.

    Attributes:
        key: which object.
        manifest: its content.
        release: the name of its release; None for an object of the stack itself.
        if_missing: the `up` that repairs it if it is missing.
        if_edited: the `up` that repairs it if a field differs.
    """

    key: Key
    manifest: Manifest
    release: str | None
    if_missing: Repair
    if_edited: Repair


def own_objects(plan: Plan) -> list[Planned]:
    """The queues and namespaces that the stack itself has as resources."""
    manifests = [step.manifest for step in plan.steps if isinstance(step, Queue | Namespace)]
    return [Planned(key_of(manifest, ""), manifest, None, "refresh", "refresh") for manifest in manifests]


def release_objects(plan: Plan, rendered: Iterable[RenderedRelease]) -> list[Planned]:
    """The objects that the releases leave in the cluster.

    Args:
        plan: the plan.
        rendered: its releases, each rendered twice for the same APIs.
    """
    owned = {each.key for each in own_objects(plan)}
    return [each for release in rendered for each in _objects(release, plan) if each.key not in owned]


def _objects(rendered: RenderedRelease, plan: Plan) -> Iterator[Planned]:
    release = rendered.release
    manifests = stable_manifests(rendered.first, rendered.again, release.namespace, hooks=release.hooks)
    upgrades_crds = any(key.kind == "Job" and key.name == _CRD_UPGRADER for key in manifests)
    for key, manifest in manifests.items():
        if events := hook_events(manifest):
            if events & {"pre-install", "post-install"}:
                if _stays(key, manifest):
                    yield Planned(key, manifest, release.name, "upgrade", "upgrade")
                for applied in _applied_by_job(key, manifest):
                    own = key_of(applied, release.namespace)
                    yield Planned(own, applied, release.name, "upgrade", "upgrade")
        elif key.kind == CRD and key.name in rendered.crds:
            repair: Repair = "upgrade" if upgrades_crds else "none"
            yield Planned(key, manifest, release.name, repair, repair)
        else:
            yield Planned(key, manifest, release.name, *_repairs(key, plan))


def _repairs(key: Key, plan: Plan) -> tuple[Repair, Repair]:
    """The `up` that repairs an object of a release if it is missing, and if it was edited."""
    catalog = plan.catalog
    if key.kind == "Queue" and key.name in {row.name for row in catalog.kai_scheduler.own_queues.rows}:
        return "none", "none"  # the chart has them at the first installation only
    group = key.api_version.rpartition("/")[0]
    built_in = not group or group in catalog.kinds.built_in_groups
    return "upgrade", "upgrade" if built_in and key.kind != CRD else "none"


def _stays(key: Key, hook: Manifest) -> bool:
    """Whether a hook's object stays in the cluster; a Job may be cleaned up when it is done."""
    return key.kind != "Job" and "hook-succeeded" not in annotations_of(hook).get(_DELETE_POLICY, "")


def _applied_by_job(key: Key, hook: Manifest) -> Iterator[Manifest]:
    """The objects in a hook's ConfigMap, which a hook's Job applies: KAI Scheduler's Config, from v0.14.6 on."""
    for text in (hook.get("data") or {}).values() if key.kind == "ConfigMap" else ():
        try:
            document = yaml.load(text, Loader=ManifestLoader)  # noqa: S506  a safe loader
        except yaml.YAMLError:
            continue
        if isinstance(document, Mapping) and {"apiVersion", "kind", "metadata"} <= document.keys():
            yield document
