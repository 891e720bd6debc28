"""The Pulumi back-end: a plan carried out as resources."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource, CustomResourcePatch

from dynamo_platform import catalog as catalogs
from dynamo_platform.cluster import kubeconfig
from dynamo_platform.cluster.observe import KaiScheduler
from dynamo_platform.config.model import NAMESPACE, PlatformConfig
from dynamo_platform.config.reading import decode_stack, encrypted
from dynamo_platform.findings import Finding, PlatformError, Severity, shown
from dynamo_platform.planning.model import Gate, Plan, Queue, Release, Running, Step
from dynamo_platform.planning.planner import make_plan, plan_of
from dynamo_platform.planning.running import COMPONENT, from_state
from dynamo_platform.rendering.provider import (
    chart_identities,
    last_rendering,
    log_findings,
    render_objects,
    sdk_version,
)

from .failures import report, retry

MAX_HISTORY = 10
"""Revisions that Helm keeps of a release; the provider's own default keeps every one."""

STAMP = "dynamo-platform/waited-for"
"""Annotation of a gate's object: what was waited for. A gate waits again when it changes."""

_NEWEST = "@.type=='Progressing' && $.status.observedGeneration==$.metadata.generation"
ROLLED_OUT = (
    "condition=Available",
    f"jsonpath={{.status.conditions[?({_NEWEST})].reason}}=NewReplicaSetAvailable",
)
"""What a Deployment says when the rollout of its newest template is complete.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#complete-deployment
"""

READS, PAUSE = 20, 0.1
"""How often the stack's state is read, and seconds between, until it is whole."""

DEFAULT_PROVIDER = ("kubernetes:kubeconfig", "kubernetes:context", "kubernetes:cluster")
"""Stack configuration that tells the default Kubernetes provider which cluster."""


class DynamoPlatform(pulumi.ComponentResource):
    """NVIDIA Dynamo Platform with KAI Scheduler and Grove.

    Attributes:
        versions: chart version by release.
        statuses: Helm's status by release (``deployed``).
        namespaces: namespace by release.
        queues: names of the KAI queues that this component owns, in order.
        findings: warnings and notes about the configuration.
        objects: what each release puts into the cluster, as digest, marks and images by object; empty where
            ``preview_objects`` is off.
        plan: what was decided.
    """

    versions: pulumi.Output[dict[str, str]]
    statuses: pulumi.Output[dict[str, str]]
    namespaces: pulumi.Output[dict[str, str]]
    queues: pulumi.Output[list[str]]
    findings: pulumi.Output[list[dict[str, str]]]
    objects: pulumi.Output[dict[str, dict[str, str]]]
    plan: Plan

    def __init__(
        self,
        name: str,
        config: PlatformConfig | Mapping[str, Any] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **settings: Any,
    ) -> None:
        """Plan the platform, then register it.

        Args:
            name: the component's name, which its resources' names start with.
            config: the configuration as model or as a mapping with snake_case names. Without it and without
                ``settings``, the stack's own configuration (``dynamo-platform:…``).
            opts: a Kubernetes provider in here, or inherited from the parent, decides the cluster.
            **settings: the configuration as keyword arguments, instead of ``config``.

        Raises:
            pulumi.RunError: everything that is wrong with the configuration, before anything is registered.
            TypeError: both ``config`` and ``settings`` are given.
        """
        if config is not None and settings:
            raise TypeError("DynamoPlatform takes config or keyword arguments, not both")
        provider_given = _has_kubernetes_provider(opts)
        state = _state()
        running = from_state(state, name, catalogs.load())
        try:
            self.plan = _plan(settings or config, running, provider_given=provider_given)
            _check_context(self.plan.cluster)
        except PlatformError as error:
            raise pulumi.RunError(str(error)) from error
        super().__init__(COMPONENT, name, None, opts)
        if pulumi.runtime.is_dry_run():
            # An update is confirmed after its preview, which has shown the plan.
            pulumi.log.info(str(self.plan), self)
        log_findings(self.plan.findings, self)

        provider = None
        if self.plan.cluster is not None:
            # Credentials come from the environment alone: two people's previews are equal. Only the identifier, not
            # the kubeconfig's text, decides whether this is another cluster.
            provider = Provider(
                f"{name}-cluster",
                context=self.plan.cluster,
                cluster_identifier=self.plan.cluster,
                opts=pulumi.ResourceOptions(parent=self, transformations=[_without_kubeconfig]),
            )
        charts = chart_identities(self.plan)
        rendered = render_objects(self.plan, last_rendering(state, name), charts, self, provider)
        names = {step.name: f"{name}-{step.name}" if name != step.name else name for step in self.plan.steps}
        hooks = self._error_hooks(names, opts, provider_given=provider_given)
        made: dict[str, pulumi.Resource] = {}
        for step in self.plan.steps:
            options = pulumi.ResourceOptions(
                parent=self,
                provider=provider,
                version=sdk_version(),
                # Nothing is registered before every chart is known to render.
                depends_on=rendered.apply(partial(_and_then, [made[before] for before in step.depends_on])),
                hooks=hooks.get(type(step)),
            )
            child = names[step.name]
            match step:
                case Release():
                    made[step.name] = _release(child, step, options, protect=self.plan.protect)
                case Gate():
                    made[step.name] = _gate(child, step, options)
                case Queue():
                    made[step.name] = _queue(child, step, options, protect=self.plan.protect)

        status = {key: each.status for key, each in made.items() if isinstance(each, HelmRelease)}
        self.versions = pulumi.Output.all(**{key: each["version"] for key, each in status.items()})
        self.statuses = pulumi.Output.all(**{key: each["status"] for key, each in status.items()})
        self.namespaces = pulumi.Output.all(**{key: each["namespace"] for key, each in status.items()})
        self.queues = pulumi.Output.from_input([queue.name for queue in self.plan.queues])
        self.findings = pulumi.Output.from_input([finding.as_dict() for finding in self.plan.findings])
        self.objects = rendered
        self.register_outputs(
            {
                "versions": self.versions,
                "statuses": self.statuses,
                "namespaces": self.namespaces,
                "queues": self.queues,
                "findings": self.findings,
                "objects": self.objects,
                "charts": charts,
            }
        )

    def _error_hooks(
        self, names: Mapping[str, str], opts: pulumi.ResourceOptions | None, *, provider_given: bool
    ) -> dict[type[Step], pulumi.ResourceHookBinding]:
        """What the gates and the queues do when they fail."""
        gates = [step for step in self.plan.steps if isinstance(step, Gate)]
        # Pulumi's mocks say that they support error hooks, and have no server to register them with.
        if not gates or isinstance(get_monitor(), MockMonitor):
            return {}
        around = KaiScheduler(
            namespace=next(gate.namespace for gate in gates if gate.namespace),
            context=self.plan.cluster,
            readable=not provider_given and (self.plan.cluster is not None or not _configures_default_provider()),
            external=self.plan.modes["kai-scheduler"] == "external",
        )
        # A hook's name is unique in a program; a component's is unique only below its parent's type.
        scope = f"{opts.parent.pulumi_resource_type}$" if opts and opts.parent else ""
        made = {
            Gate: report({names[gate.name]: gate for gate in gates}, around),
            Queue: retry(gates[-1].timeout, around),
        }
        return {
            kind: pulumi.ResourceHookBinding(
                on_error=[pulumi.ErrorHook(f"{scope}{self.pulumi_resource_name}-{kind.__name__.lower()}", hook)]
            )
            for kind, hook in made.items()
        }


def _state() -> Mapping[str, Any]:
    """What the stack's own state says of its resources, by URN; the cluster is not asked."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    attempts = READS
    while True:
        attempts -= 1
        try:
            state = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack}).value
        except Exception as error:  # the SDK raises nothing more precise
            # A backend of plain files is read while the engine writes the same file.
            if not attempts or "failed to load checkpoint" not in str(error):
                raise
            time.sleep(PAUSE)
        else:
            return (state or {}).get("outputs") or {}


def _and_then(resources: list[pulumi.Resource], _: object) -> list[pulumi.Resource]:
    return resources


def _plan(config: PlatformConfig | Mapping[str, Any] | None, running: Running | None, *, provider_given: bool) -> Plan:
    if isinstance(config, PlatformConfig):
        return make_plan(config, running=running, provider_given=provider_given)
    if config is not None:
        return plan_of(config, stack=False, running=running, provider_given=provider_given)
    raw = _stack_config()
    prefix = f"{NAMESPACE}:"
    keys = {key.removeprefix(prefix): key for key in raw if key.startswith(prefix)}
    secret = [key for key, full in keys.items() if runtime_config.is_config_secret(full)]
    return plan_of(
        decode_stack({key: raw[full] for key, full in keys.items() if key not in secret}),
        stack=True,
        running=running,
        provider_given=provider_given,
        problems=[encrypted(key) for key in secret],
    )


def _stack_config() -> dict[str, str]:
    """All of it: the SDK's own Config knows single keys only, and unknown keys are to be reported."""
    return {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}


def _configures_default_provider() -> bool:
    """Whether the stack, and not the environment's kubeconfig alone, decides the default provider's cluster."""
    return not _stack_config().keys().isdisjoint(DEFAULT_PROVIDER)


def _has_kubernetes_provider(opts: pulumi.ResourceOptions | None) -> bool:
    if opts is None:
        return False
    providers = opts.providers.values() if isinstance(opts.providers, Mapping) else (opts.providers or ())
    if any(isinstance(each, Provider) for each in (opts.provider, *providers)):
        return True
    return opts.parent is not None and opts.parent.get_provider("kubernetes:core/v1:Namespace") is not None


def _without_kubeconfig(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """The SDK writes $KUBECONFIG into the provider's inputs; the plugin reads the variable itself, on every machine."""
    props = {key: value for key, value in args.props.items() if key != "kubeconfig"}
    return pulumi.ResourceTransformationResult(props, args.opts)


def _check_context(context: str | None) -> None:
    """Refuse a kubeconfig that does not know the context: an `up` could only fail half-way, or meet another cluster.

    A preview goes on with a warning, since it needs no cluster; so does a machine without any kubeconfig.
    """
    if context is None:
        return
    found = kubeconfig.files()
    known = {name for path in found for name in kubeconfig.contexts(path)}
    if not found or context in known:
        return
    preview = pulumi.runtime.is_dry_run()
    finding = unknown_context(context, sorted(known), found, "warning" if preview else "error")
    if not preview:
        raise PlatformError([finding])
    pulumi.log.warn(str(finding))


def unknown_context(context: str, known: Sequence[str], files: Sequence[Path], severity: Severity) -> Finding:
    """The finding about a context that is not in the kubeconfig."""
    return Finding(
        code="CLU003",
        severity=severity,
        path="cluster.context",
        given=shown(context),
        allowed=", ".join(known) or "a context of the kubeconfig",
        why=f"The kubeconfig ({', '.join(map(str, files))}) has no such context; nothing is done to another cluster.",
        docs="docs/findings.md#clu003",
    )


class HelmRelease(pulumi.CustomResource):
    """A Helm release. The SDK's own class would import what renders charts in Python, 0.05 s."""

    status: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("kubernetes:helm.sh/v3:Release", name, {**inputs, "status": None}, opts)


def _release(name: str, step: Release, options: pulumi.ResourceOptions, *, protect: bool) -> HelmRelease:
    return HelmRelease(
        name,
        {
            "name": step.name,
            "namespace": step.namespace,
            "createNamespace": True,
            "chart": step.chart,
            "repositoryOpts": {"repo": step.repository} if step.repository else None,
            "version": step.version,
            "values": step.values,
            "timeout": step.timeout,
            "maxHistory": MAX_HISTORY,
            # Without it Helm takes the values of the revision before when the new ones are empty.
            "resetValues": True,
            # The names mislead: the first turns all hooks off at install, the second at upgrade.
            "disableWebhooks": not step.hooks,
            "disableCRDHooks": not step.hooks,
            "compat": "true",
        },
        pulumi.ResourceOptions.merge(
            options,
            # The charts' cluster-scoped names are fixed: two of a release cannot be there at the same time.
            pulumi.ResourceOptions(delete_before_replace=True, protect=protect),
        ),
    )


def _gate(name: str, step: Gate, options: pulumi.ResourceOptions) -> pulumi.Resource:
    timeout = f"{step.timeout}s"
    # The provider may read the object as it was before the patch: waiting for the stamp rules that out.
    seen = f"jsonpath={{.metadata.annotations['{STAMP}']}}={step.stamp}"
    ready = [f"condition={step.condition}"] if step.condition else ROLLED_OUT
    annotations = {STAMP: step.stamp, "pulumi.com/waitFor": json.dumps([seen, *ready])}
    metadata = {"name": step.object_name, "annotations": annotations}
    if step.namespace:
        metadata["namespace"] = step.namespace
    opts = pulumi.ResourceOptions.merge(
        options, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout))
    )
    if step.kind == "Deployment":
        # The typed class would import all of apps/v1, 0.3 s, for three fields.
        return pulumi.CustomResource(
            "kubernetes:apps/v1:DeploymentPatch",
            name,
            {"apiVersion": step.api_version, "kind": step.kind, "metadata": metadata},
            opts,
        )
    return CustomResourcePatch(name, api_version=step.api_version, kind=step.kind, metadata=metadata, opts=opts)


def _queue(name: str, step: Queue, options: pulumi.ResourceOptions, *, protect: bool) -> CustomResource:
    return CustomResource(
        name,
        api_version="scheduling.run.ai/v2",
        kind="Queue",
        # Providers from 4.29 on refuse to create what exists, and any refuses to import what differs without a force.
        metadata={"name": step.name, "annotations": {"pulumi.com/patchForce": "true"}},
        spec=step.spec,
        opts=pulumi.ResourceOptions.merge(
            options, pulumi.ResourceOptions(protect=protect, import_=step.name if step.adopted else None)
        ),
    )
