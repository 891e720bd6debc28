"""The plan: what will be done, in what order, with which values, decided before anything is touched.

``make_plan`` is a pure function of configuration, catalog and what runs now. A plan's steps are in an order in which
each comes after everything it depends on; a back-end carries them out one by one and decides nothing.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import catalog as catalogs
from . import rules
from .catalog import Catalog
from .choices import TIMEOUT, Choices, Dependency, choose
from .config import PlatformConfig, QueueConfig, QueueResource, ReleaseConfig, parse
from .findings import Finding, PlatformError, ordered
from .sources import located, mirrored
from .values import dependency_values, platform_values, value_at

if TYPE_CHECKING:
    from .running import Running

KUBERNETES = "1.33"
"""The Kubernetes version that charts are rendered for where the configuration does not say one."""


class Release(NamedTuple):
    """A Helm release.

    Attributes:
        name: the release's name, which is also the step's.
        namespace: where it goes.
        chart: a full ``oci://`` reference, a local path, or a chart's name in ``repository``.
        repository: an HTTP chart repository, or None where ``chart`` says it all.
        version: the chart's exact version.
        values: the complete values.
        hooks: whether the chart's hooks run.
        timeout: seconds.
        depends_on: names of the steps before it.
    """

    name: str
    namespace: str
    chart: str
    repository: str | None
    version: str
    values: dict[str, Any]
    hooks: bool
    timeout: int
    depends_on: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The chart with where it is from, in one reference."""
        return f"{self.repository}/{self.chart}" if self.repository else self.chart


class Gate(NamedTuple):
    """Waiting for an object that a controller makes to be really ready. A gate never makes the object.

    Attributes:
        name: the step's name.
        api_version: of the object.
        kind: of the object.
        object_name: its name.
        namespace: its namespace; None for a cluster-scoped one.
        condition: the condition to wait for; None for a Deployment, which is waited for until it is rolled out.
        stamp: what the gate waits for; a gate waits again when it changes.
        timeout: seconds.
        depends_on: names of the steps before it.
    """

    name: str
    api_version: str
    kind: str
    object_name: str
    namespace: str | None
    condition: str | None
    stamp: str
    timeout: int
    depends_on: tuple[str, ...] = ()


class Queue(NamedTuple):
    """A KAI queue (``scheduling.run.ai/v2``).

    Attributes:
        name: the object's name.
        spec: the object's spec.
        adopted: whether a hook of the platform's chart made it before: it is taken over as it is.
        depends_on: names of the steps before it.
    """

    name: str
    spec: dict[str, Any]
    adopted: bool = False
    depends_on: tuple[str, ...] = ()

    @property
    def manifest(self) -> dict[str, Any]:
        """The queue as an object."""
        metadata = {"name": self.name}
        return {"apiVersion": "scheduling.run.ai/v2", "kind": "Queue", "metadata": metadata, "spec": self.spec}


Step = Release | Gate | Queue


class Rendering(NamedTuple):
    """What charts are rendered for, with a cluster, with another one and without any.

    Attributes:
        kubernetes_version: the cluster's version.
        api_versions: the optional APIs that it is known to serve.
        open_apis: those that it may serve or not, where the charts look.
    """

    kubernetes_version: str
    api_versions: tuple[str, ...]
    open_apis: tuple[str, ...]


class Plan(NamedTuple):
    """Everything that a back-end needs.

    Attributes:
        profile: ``production`` or ``development``.
        cluster: the kubeconfig context; None for the current one, or for the caller's provider.
        modes: the mode of ``kai-scheduler`` and ``grove``.
        steps: what to do, in order.
        protect: whether releases and queues are protected.
        rendering: what charts are rendered for.
        preview_objects: whether a preview renders the charts and lists their objects.
        findings: warnings and notes.
    """

    profile: str
    cluster: str | None
    modes: Mapping[str, str]
    steps: tuple[Step, ...]
    protect: bool
    rendering: Rendering
    preview_objects: bool
    findings: tuple[Finding, ...] = ()

    @property
    def releases(self) -> tuple[Release, ...]:
        """The releases, in order."""
        return tuple(step for step in self.steps if isinstance(step, Release))

    @property
    def queues(self) -> tuple[Queue, ...]:
        """The queues that this plan owns, in order."""
        return tuple(step for step in self.steps if isinstance(step, Queue))

    def __str__(self) -> str:
        return summary(self)


def plan_of(
    data: Mapping[str, Any],
    *,
    stack: bool,
    running: "Running | None" = None,
    provider_given: bool = False,
    problems: Sequence[Finding] = (),
) -> Plan:
    """Read a configuration and plan it; what is wrong with either is reported together.

    Args:
        data: the page as a mapping.
        stack: whether its names are stack configuration's camelCase (else Python's snake_case).
        running: what this stack installed before; None for a new one.
        provider_given: whether the caller brings a Kubernetes provider, which then decides the cluster.
        problems: what was wrong before, with entries that ``data`` is without.

    Raises:
        PlatformError: everything that is wrong, at once.
    """
    config, unreadable = parse(data, stack=stack)
    return make_plan(
        config, running=running, provider_given=provider_given, problems=[*problems, *unreadable], stack=stack
    )


def make_plan(
    config: PlatformConfig,
    catalog: Catalog | None = None,
    running: "Running | None" = None,
    *,
    provider_given: bool = False,
    problems: Sequence[Finding] = (),
    stack: bool = False,
) -> Plan:
    """Decide everything.

    Args:
        config: what the user wants.
        catalog: what upstream shipped; default the catalog of this package.
        running: what this stack installed before; None for a new one.
        provider_given: whether the caller brings a Kubernetes provider, which then decides the cluster.
        problems: what was wrong with reading the configuration.
        stack: whether findings spell paths as stack configuration does (else as Python does).

    Raises:
        PlatformError: everything that is wrong, at once.
    """
    c = choose(config, catalog or catalogs.load(), provider_given=provider_given, running=running)
    judged = [f if stack else _in_python(f) for f in rules.judge(c)]
    findings = [*problems, *(f for f in judged if not _follows_from(f, problems))]
    if any(f.severity == "error" for f in findings):
        raise PlatformError(findings)
    assert config.profile  # noqa: S101  a plan without errors has a profile
    return Plan(
        profile=config.profile,
        cluster=config.cluster.context if config.cluster else None,
        modes={d.name: str(d.mode) for d in c.dependencies},
        steps=tuple(_steps(c)),
        protect=c.protect,
        rendering=_rendering(config),
        preview_objects=config.preview_objects is not False,
        findings=ordered(findings),
    )


def _rendering(config: PlatformConfig) -> Rendering:
    served = config.api_versions
    return Rendering(
        kubernetes_version=config.kubernetes_version or KUBERNETES,
        # Without any, Helm would take those of a cluster that happens to be reachable.
        api_versions=("v1", *(api for api in served or () if api != "v1")),
        open_apis=(rules.PROMETHEUS_API,) if served is None else (),
    )


def _follows_from(finding: Finding, problems: Sequence[Finding]) -> bool:
    """Whether a finding is about an entry that could not be read in the first place."""
    return any(re.match(rf"{re.escape(problem.path)}($|[.\[])", finding.path) for problem in problems)


def _in_python(finding: Finding) -> Finding:
    """The path as Python spells it; what lies below ``values`` are chart keys."""
    ours, values, chart_keys = finding.path.partition("values.")
    ours = re.sub(r"(?<=[a-z])[A-Z]", lambda match: f"_{match[0].lower()}", ours)
    return finding._replace(path=ours + values + chart_keys)


def _steps(c: Choices) -> list[Step]:
    # Bundled, the chart makes its two queues itself, and only further ones have to wait for the webhook.
    gates = _gates(c) if c.owns_queues or (c.kai.mode == "bundled" and c.config.queues) else []
    queues = _queues(c, gates[-1].name) if gates else []
    steps: list[Step] = []
    if c.kai.mode == "separate":
        steps.append(_dependency_release(c, c.kai))
    if c.owns_queues:
        steps += [*gates, *queues]
    if c.grove.mode == "separate":
        steps.append(_dependency_release(c, c.grove))
    before = tuple(step.name for step in steps)
    platform = _release(
        c.config,
        name=c.catalog.platform.chart,
        namespace=c.namespace,
        chart=c.catalog.platform.chart,
        repository=mirrored(c.catalog.platform.repository, c.config.registry),
        version=str(c.version),
        values=platform_values(c),
        # The chart's only hooks are the two queues, deleted and made again at every upgrade.
        hooks=not c.owns_queues,
        depends_on=before,
    )
    steps.append(platform)
    if not c.owns_queues:
        steps += [*gates, *queues]
    return steps


def _dependency_release(c: Choices, d: Dependency) -> Release:
    assert d.version  # noqa: S101  a plan without errors has a version for every release
    values = dependency_values(c, d)
    waits = (
        d is c.grove
        and c.kai.mode == "separate"
        and any(value_at(values, path) is True for path in c.catalog.kai_and_grove.needs_kai_at_start.values)
    )
    return _release(
        d.config,
        name=d.name,
        namespace=d.namespace,
        chart=d.chart.chart,
        repository=mirrored(d.chart.repository(d.version), c.config.registry),
        version=str(d.version),
        values=values,
        hooks=True,
        depends_on=(c.kai.name,) if waits else (),
    )


def _release(
    config: ReleaseConfig,
    *,
    name: str,
    namespace: str,
    chart: str,
    repository: str,
    version: str,
    values: dict[str, Any],
    hooks: bool,
    depends_on: tuple[str, ...],
) -> Release:
    chart, source = located(config.chart or chart, config.repository or repository)
    return Release(
        name=name,
        namespace=namespace,
        chart=chart,
        repository=source,
        version=version,
        values=values,
        hooks=hooks,
        timeout=config.timeout or TIMEOUT,
        depends_on=depends_on,
    )


def _gates(c: Choices) -> list[Gate]:
    """Config, then shard, then the queue webhook's Deployment.

    A shard that is reconciled before there is a Config is Available with nothing running, so it comes second. A patch
    of a custom resource makes an absent one, and one of a Deployment does not: where KAI is someone else's, the
    Deployment comes first and finds out whether it is there, and shards, which may have other names, are left alone.
    """
    bundled = c.kai.mode == "bundled"
    release = c.catalog.platform.chart if bundled else c.kai.name
    values = platform_values(c).get(c.kai.name) if bundled else dependency_values(c, c.kai)
    stamp = f"{c.kai.version or 'external'} {digest([c.kai.mode, values])}"
    timeout = c.kai.config.timeout or TIMEOUT
    config = ("kai-config", "kai.scheduler/v1", "Config", "kai-config", None, "Available")
    shard = ("kai-shard", "kai.scheduler/v1", "SchedulingShard", "default", None, "Available")
    deployment = ("kai-queue-controller", "apps/v1", "Deployment", "queue-controller", c.kai.namespace, None)
    rows = [deployment, config] if c.kai.mode == "external" else [config, shard, deployment]
    gates: list[Gate] = []
    before: tuple[str, ...] = () if c.kai.mode == "external" else (release,)
    for name, api_version, kind, object_name, namespace, condition in rows:
        gates.append(
            Gate(
                name=name,
                api_version=api_version,
                kind=kind,
                object_name=object_name,
                namespace=namespace,
                condition=condition,
                stamp=stamp,
                timeout=timeout,
                depends_on=before,
            )
        )
        before = (name,)
    return gates


def digest(content: object) -> str:
    """12 hexadecimal digits that stand for a content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _queues(c: Choices, last_gate: str) -> list[Queue]:
    """The two that are always there, unless the chart owns them, and the configuration's own, parents first."""
    configured = {queue.name: queue for queue in c.config.queues or ()}
    # The chart's hook made them, and Helm leaves what a hook made.
    of_the_chart = rules.CHART_QUEUES if c.running and c.running.kai.mode == "bundled" else {}
    if c.owns_queues:
        default, dynamo = rules.CHART_QUEUES
        given = configured.get(dynamo)
        if given is not None and given.parent is None:
            configured[dynamo] = given.model_copy(update={"parent": default})
        configured = rules.CHART_QUEUES | configured
    done: dict[str, Queue] = {}

    def add(queue: QueueConfig) -> None:
        if queue.name in done:
            return
        parent = configured.get(queue.parent) if queue.parent else None
        if parent:
            add(parent)
        spec: dict[str, Any] = {"parentQueue": queue.parent} if queue.parent else {}
        spec["resources"] = {kind: _resource(getattr(queue, kind)) for kind in ("cpu", "gpu", "memory")}
        done[queue.name] = Queue(
            name=queue.name,
            spec=spec,
            adopted=queue.name in of_the_chart,
            depends_on=(last_gate, *((parent.name,) if parent else ())),
        )

    for queue in configured.values():
        add(queue)
    return list(done.values())


def _resource(resource: QueueResource | None) -> dict[str, float]:
    # Both numbers are always written: KAI Scheduler reads a missing one as 0.
    given = resource or QueueResource.model_construct(quota=-1, limit=-1)
    amounts = {"quota": given.quota, "limit": given.limit, "overQuotaWeight": given.over_quota_weight}
    return {key: int(amount) if float(amount).is_integer() else amount for key, amount in amounts.items()}


def summary(plan: Plan) -> str:
    """The plan in a few lines: which cluster, what, from where, in which order, with which flags."""
    lines = [f"cluster   {plan.cluster or 'the current context, or the provider of the program'}"]
    lines += [f"profile   {plan.profile}{', protected' if plan.protect else ''}"]
    for step in plan.steps:
        after = f"  after {', '.join(step.depends_on)}" if step.depends_on else ""
        match step:
            case Release():
                hooks = "" if step.hooks else ", hooks off"
                lines.append(
                    f"release   {step.name} {step.version} in {step.namespace} from {step.source}{hooks}{after}"
                )
            case Gate():
                until = step.condition or "rolled out"
                lines.append(f"gate      {step.kind} {step.object_name} {until}{after}")
            case Queue():
                lines.append(f"queue     {step.name}{after}")
    flags = plan.releases[-1].values["global"]
    for name, mode in plan.modes.items():
        lines.append(
            f"flags     {name}: {mode}, install {flags[name]['install']}, enabled {flags[name]['enabled']}".lower()
        )
    return "\n".join(lines)
