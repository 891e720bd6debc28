"""``DynamoPlatform``: a plan as Pulumi resources."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pulumi

from dynamo_platform.catalog import Catalog, catalog_with
from dynamo_platform.cluster.observe import ClusterAccess, KaiInstallation
from dynamo_platform.config.model import PlatformConfig
from dynamo_platform.findings import Finding, PlatformError
from dynamo_platform.planning.model import Gate, Plan, Queue, Release, Running, Step
from dynamo_platform.planning.planner import make_plan, plan_of
from dynamo_platform.planning.running import COMPONENT, from_state
from dynamo_platform.rendering.provider import chart_identities, last_rendering, log_findings, render_objects

from .engine import check_cli, is_mocked
from .failures import Hook, report_gate, report_release, retry_queue
from .inputs import known_settings
from .outputs import OUTPUTS, PlatformOutputs
from .providers import (
    ANY_KUBERNETES_TYPE,
    check_context,
    configures_default_provider,
    context_provider,
    has_kubernetes_provider,
    with_same_cluster,
)
from .resources import Children, HelmRelease, former_names, register_children, resource_names
from .stack import read_settings, read_state

if TYPE_CHECKING:
    from typing import Unpack

    from pulumi_kubernetes.apiextensions import CustomResource

    from dynamo_platform.config.keywords import PlatformSettings


class DynamoPlatform(PlatformOutputs, pulumi.ComponentResource):
    """NVIDIA Dynamo Platform with KAI Scheduler and Grove.

    Its outputs are the attributes of :class:`PlatformOutputs`.

    Attributes:
        plan: the plan that this component carries out.
        releases: the Helm releases by name: ``dynamo-platform``, and ``kai-scheduler`` and ``grove`` if their mode is
            ``separate``.
        gates: the patches that wait until KAI Scheduler is ready, by name.
        queue_resources: the KAI queues by name; the output ``queues`` has only the names.
        provider: the Kubernetes provider of all of these; None for the default provider.
    """

    plan: Plan
    releases: Mapping[str, HelmRelease]
    gates: Mapping[str, pulumi.CustomResource]
    queue_resources: Mapping[str, CustomResource]
    provider: pulumi.ProviderResource | None

    def __init__(
        self,
        name: str,
        config: PlatformConfig | Mapping[str, Any] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **settings: Unpack[PlatformSettings],
    ) -> None:
        """Plan the platform, then register it.

        Args:
            name: the component's name, and the prefix of its resources' names.
            config: the configuration, as a model or as a mapping with snake_case names. Without it and without
                ``settings``, the stack's own configuration (``dynamo-platform:…``).
            opts: the resource options, which apply to the children too and take precedence over settings and defaults.
                A Kubernetes provider in them, or in those of the parent, selects the cluster. ``ignore_changes`` takes
                inputs of releases (``values``) and of queues (``spec``).
            **settings: the configuration as keyword arguments, instead of ``config``.

        Raises:
            pulumi.RunError: the configuration has errors; the message lists all of them. Nothing is registered.
            TypeError: both ``config`` and ``settings`` are given, or ``config`` is neither a model nor a mapping.
        """
        if config is not None and settings:
            raise TypeError("DynamoPlatform takes config or keyword arguments, not both")
        if config is not None and not isinstance(config, PlatformConfig | Mapping):
            raise TypeError(
                f"DynamoPlatform takes a PlatformConfig or a mapping as its second argument, not a "
                f"{type(config).__name__}; pass resource options as opts=…"
            )
        opts = opts or pulumi.ResourceOptions()
        provider_given = has_kubernetes_provider(opts)
        state = read_state()
        try:
            given = _read(settings or config)
            catalog, wrong = catalog_with(given.catalog, Path())
            known = {each: with_same_cluster(from_state(state, each, catalog)) for each in (name, *former_names(opts))}
            last_name = next((each for each, running in known.items() if running), name)
            given.problems.extend(wrong)
            plan = _plan(given, catalog, known[last_name], provider_given=provider_given)
            self.plan = plan if opts.protect is None else plan._replace(protect=opts.protect)
            check_context(self.plan.cluster)
        except PlatformError as error:
            raise pulumi.RunError(str(error)) from error
        super().__init__(COMPONENT, name, None, opts)
        if pulumi.runtime.is_dry_run():
            # An update is confirmed after its preview, which has shown the plan.
            pulumi.log.info(str(self.plan), self)
        log_findings(self.plan.findings, self)

        own_provider = None
        if self.plan.cluster is not None:
            own_provider = context_provider(name, self.plan.cluster, known[last_name], self)
        self.provider = own_provider or self.get_provider(ANY_KUBERNETES_TYPE)
        charts = chart_identities(self.plan)
        self.objects = render_objects(self.plan, last_rendering(state, last_name), charts, self, own_provider)
        hooks = self._error_hooks(opts, provider_given=provider_given)
        self._set_children(register_children(self.plan, self, opts, own_provider, self.objects, hooks=hooks))
        self.register_outputs({each: getattr(self, each) for each in OUTPUTS} | {"charts": charts})

    def _set_children(self, children: Children) -> None:
        """Set the children, and the outputs derived from them and from the plan."""
        self.releases, self.gates, self.queue_resources = children
        self.versions = _of_status(children.releases, "version")
        self.statuses = _of_status(children.releases, "status")
        self.namespaces = _of_status(children.releases, "namespace")
        self.queues = pulumi.Output.from_input([queue.name for queue in self.plan.queues])
        self.findings = pulumi.Output.from_input([finding.as_dict() for finding in self.plan.findings])

    def _error_hooks(
        self, opts: pulumi.ResourceOptions, *, provider_given: bool
    ) -> dict[type[Step], pulumi.ResourceHookBinding]:
        """The error hooks, by kind of step."""
        if is_mocked():
            return {}
        names = resource_names(self.plan, self.pulumi_resource_name)
        cluster = ClusterAccess(
            context=self.plan.cluster,
            readable=not provider_given and (self.plan.cluster is not None or not configures_default_provider()),
        )
        by_resource = {names[release.name]: release for release in self.plan.releases}
        bundled = self.plan.modes["kai-scheduler"] == "bundled"
        hooks: dict[type[Step], Hook] = {Release: report_release(by_resource, cluster, bundled=bundled)}
        gates = [step for step in self.plan.steps if isinstance(step, Gate)]
        if gates:
            webhook = next(gate for gate in gates if gate.namespace)
            assert webhook.namespace  # noqa: S101  the Deployment has one
            external = self.plan.modes["kai-scheduler"] == "external"
            kai = KaiInstallation(**vars(cluster), namespace=webhook.namespace, external=external)
            hooks[Gate] = report_gate({names[gate.name]: gate for gate in gates}, kai)
            hooks[Queue] = retry_queue(webhook, kai)
        # A hook's name is unique in a program; a component's only below its parent's type.
        scope = f"{opts.parent.pulumi_resource_type}$" if opts.parent else ""
        return {
            kind: pulumi.ResourceHookBinding(
                on_error=[pulumi.ErrorHook(f"{scope}{self.pulumi_resource_name}-{kind.__name__.lower()}", hook)]
            )
            for kind, hook in hooks.items()
        }


def _of_status(releases: Mapping[str, HelmRelease], field: str) -> pulumi.Output[dict[str, Any]]:
    """A field of each release's status. In a program's own tests, mocks may not return a status."""
    fields = {name: release.status.apply(lambda each: each and each[field]) for name, release in releases.items()}
    return pulumi.Output.all(**fields)


class _Given(NamedTuple):
    """A configuration as it was given.

    Attributes:
        config: the configuration.
        stack: whether it is the stack's own, with names in camelCase.
        problems: findings about entries that are not in ``config``.
    """

    config: PlatformConfig | Mapping[str, Any]
    stack: bool
    problems: list[Finding]

    @property
    def catalog(self) -> Any:
        """The setting ``catalog``."""
        return self.config.catalog if isinstance(self.config, PlatformConfig) else self.config.get("catalog")


def _read(config: PlatformConfig | Mapping[str, Any] | None) -> _Given:
    """Read a configuration; without one, the stack's own."""
    problems = check_cli()
    if config is None:
        settings, encrypted = read_settings()
        return _Given(settings, stack=True, problems=[*problems, *encrypted])
    settings, unknown = known_settings(config)
    model = isinstance(config, PlatformConfig) and not unknown
    return _Given(config if model else settings, stack=False, problems=[*problems, *unknown])


def _plan(given: _Given, catalog: Catalog, running: Running | None, *, provider_given: bool) -> Plan:
    if isinstance(given.config, PlatformConfig):
        return make_plan(given.config, catalog, running, provider_given=provider_given, problems=given.problems)
    return plan_of(
        given.config,
        catalog,
        stack=given.stack,
        running=running,
        provider_given=provider_given,
        problems=given.problems,
    )
