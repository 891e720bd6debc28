"""The resources of a plan's steps."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource, CustomResourcePatch

from dynamo_platform.planning.model import Gate, Namespace, Plan, Queue, Release, Step
from dynamo_platform.rendering.provider import sdk_version

MAX_HISTORY = 10
"""Revisions of a release that Helm keeps; by default the provider keeps all of them."""

STAMP = "dynamo-platform/waited-for"
"""Annotation of a gate's object with the gate's stamp. The gate waits again when the stamp changes."""

_NEWEST = "@.type=='Progressing' && $.status.observedGeneration==$.metadata.generation"
ROLLED_OUT = (
    "condition=Available",
    f"jsonpath={{.status.conditions[?({_NEWEST})].reason}}=NewReplicaSetAvailable",
)
"""The conditions of a Deployment whose newest template is rolled out completely.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#complete-deployment
"""


class HelmRelease(pulumi.CustomResource):
    """A Helm release. Importing the SDK's own class takes 0.05 s, because it also imports its chart renderer.

    Attributes:
        status: the state of the release as the provider reports it, such as ``version``, ``namespace`` and ``status``.
    """

    status: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("kubernetes:helm.sh/v3:Release", name, {**inputs, "status": None}, opts)


class Children(NamedTuple):
    """The resources of a plan, by the names of its steps.

    Attributes:
        releases: the Helm releases.
        gates: the patches that wait.
        queues: the KAI queues.
    """

    releases: dict[str, HelmRelease]
    gates: dict[str, pulumi.CustomResource]
    queues: dict[str, CustomResource]


def resource_names(plan: Plan, component: str) -> dict[str, str]:
    """The names of the resources, by step: unique in a program, which may have several components."""
    return {step.name: f"{component}-{step.name}" if component != step.name else component for step in plan.steps}


def former_names(opts: pulumi.ResourceOptions) -> list[str]:
    """The names that the aliases in a component's options give it."""
    urns_and_names = [alias.name if isinstance(alias, pulumi.Alias) else alias for alias in opts.aliases or ()]
    return [each.rpartition("::")[2] for each in urns_and_names if isinstance(each, str)]


def register_children(
    plan: Plan,
    component: pulumi.ComponentResource,
    opts: pulumi.ResourceOptions,
    provider: Provider | None,
    rendered: pulumi.Output[Any],
    *,
    hooks: Mapping[type[Step], pulumi.ResourceHookBinding],
) -> Children:
    """Register the resources of a plan.

    Args:
        plan: the plan.
        component: the parent of the resources.
        opts: the component's options. Those that Pulumi does not pass on to children are passed on here.
        provider: the provider of the resources; None for the component's.
        rendered: resolves when all charts are rendered. Nothing is registered before that, or if it fails.
        hooks: error hooks by kind of step.
    """
    children = Children({}, {}, {})
    registered: dict[str, pulumi.Resource] = {}
    names = resource_names(plan, component.pulumi_resource_name)
    former = [resource_names(plan, name) for name in former_names(opts)]
    ignored = opts.ignore_changes or ()
    child: pulumi.CustomResource
    for step in plan.steps:
        options = pulumi.ResourceOptions(
            parent=component,
            provider=provider,
            version=sdk_version(),
            depends_on=_after(rendered, [registered[name] for name in step.depends_on]),
            hooks=hooks.get(type(step)),
            # Pulumi renames a child with its parent by the common prefix, which the platform's own release may lack.
            aliases=[pulumi.Alias(name=each[step.name]) for each in former],
        )
        # None inherits the component's; False would not.
        protected = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(protect=plan.protect or None))
        match step:
            case Release():
                retried = step.name == plan.platform.name and plan.modes["kai-scheduler"] == "bundled"
                child = _register_release(names[step.name], step, protected, ignored, retried=retried)
                children.releases[step.name] = child
            case Gate():
                children.gates[step.name] = child = _register_gate(names[step.name], step, options)
            case Queue():
                children.queues[step.name] = child = _register_queue(names[step.name], step, protected, ignored)
            case Namespace():
                child = _register_namespace(names[step.name], step, options)
        registered[step.name] = child
    return children


def _after(rendered: pulumi.Output[Any], resources: Sequence[pulumi.Resource]) -> pulumi.Output[Any]:
    """The resources to depend on, known once all charts are rendered."""
    return rendered.apply(lambda _: resources)


def _ignored(paths: Sequence[str], inputs: Collection[str]) -> list[str]:
    """The property paths whose first step is one of a resource's inputs, or any."""
    steps = {path: re.split(r"[.\[]", path.removeprefix("["), maxsplit=1)[0].strip('"]') for path in paths}
    return [path for path, first in steps.items() if first in {"*", *inputs}]


def _register_release(
    name: str, step: Release, options: pulumi.ResourceOptions, ignored: Sequence[str], *, retried: bool
) -> HelmRelease:
    inputs = {
        "name": step.name,
        "namespace": step.namespace,
        "createNamespace": True,
        "chart": step.chart,
        "repositoryOpts": {"repo": step.repository} if step.repository else None,
        "version": step.version,
        "values": step.values,
        "timeout": step.timeout,
        "maxHistory": MAX_HISTORY,
        # Without it, Helm reuses the values of the previous revision if the new ones are empty.
        "resetValues": True,
        # Despite their names, the first disables all hooks at install, the second at upgrade.
        "disableWebhooks": not step.hooks,
        "disableCRDHooks": not step.hooks,
        # Without it, Helm does not install over its own failed attempt, which an error hook tries again.
        "replace": retried or None,
        "compat": "true",
    }
    # The charts have fixed names for cluster-scoped objects, so two releases of one cannot exist together.
    own = pulumi.ResourceOptions(delete_before_replace=True, ignore_changes=_ignored(ignored, inputs))
    return HelmRelease(name, inputs, pulumi.ResourceOptions.merge(options, own))


def _register_gate(name: str, step: Gate, options: pulumi.ResourceOptions) -> pulumi.CustomResource:
    timeout = f"{step.timeout}s"
    # The provider may read the object as it was before the patch; waiting for the stamp rules that out.
    patched = f"jsonpath={{.metadata.annotations['{STAMP}']}}={step.stamp}"
    ready = [f"condition={step.condition}"] if step.condition else ROLLED_OUT
    annotations = {STAMP: step.stamp, "pulumi.com/waitFor": json.dumps([patched, *ready])}
    metadata = {"name": step.object_name, "annotations": annotations}
    if step.namespace:
        metadata["namespace"] = step.namespace
    opts = pulumi.ResourceOptions.merge(
        options, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout))
    )
    if step.kind == "Deployment":
        # Importing the typed class takes 0.3 s, because it imports all of apps/v1.
        return pulumi.CustomResource(
            "kubernetes:apps/v1:DeploymentPatch",
            name,
            {"apiVersion": step.api_version, "kind": step.kind, "metadata": metadata},
            opts,
        )
    return CustomResourcePatch(name, api_version=step.api_version, kind=step.kind, metadata=metadata, opts=opts)


def _register_queue(name: str, step: Queue, options: pulumi.ResourceOptions, ignored: Sequence[str]) -> CustomResource:
    manifest = step.manifest
    own = pulumi.ResourceOptions(
        import_=step.name if step.adopted else None, ignore_changes=_ignored(ignored, manifest)
    )
    return CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        # Without force, providers from 4.29 on do not create an object that exists, and none imports one that differs.
        metadata={**manifest["metadata"], "annotations": {"pulumi.com/patchForce": "true"}},
        spec=manifest["spec"],
        opts=pulumi.ResourceOptions.merge(options, own),
    )


def _register_namespace(name: str, step: Namespace, options: pulumi.ResourceOptions) -> pulumi.CustomResource:
    manifest = step.manifest
    # Another owner of a label would otherwise make the patch fail. A destroy gives the labels up, not the namespace.
    annotations = {**step.annotations, "pulumi.com/patchForce": "true"}
    # A typed class would import all of core/v1, which takes 0.3 s.
    return pulumi.CustomResource(
        "kubernetes:core/v1:NamespacePatch",
        name,
        {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}},
        options,
    )
