"""The plan and the current installation: the data that planning passes to every back-end."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dynamo_platform.catalog import Catalog
from dynamo_platform.config.model import BackendMode, Mode
from dynamo_platform.findings import Finding, listed
from dynamo_platform.versions import Version


class Release(NamedTuple):
    """A Helm release.

    Attributes:
        name: the release's name, which is also the step's.
        namespace: the namespace to install into.
        chart: a full ``oci://`` reference, a local path, or a chart's name in ``repository``.
        repository: an HTTP chart repository, or None if ``chart`` is complete without one.
        version: the chart's exact version.
        values: the complete values.
        hooks: whether the chart's hooks run.
        timeout: the timeout in seconds.
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
        """The repository and the chart as one reference."""
        return f"{self.repository}/{self.chart}" if self.repository else self.chart


class Gate(NamedTuple):
    """A wait for an object that a controller creates. A gate never creates the object itself.

    Attributes:
        name: the step's name.
        api_version: the object's API version.
        kind: the object's kind.
        object_name: the object's name.
        namespace: the object's namespace; None if it is cluster-scoped.
        condition: the condition to wait for; None for a Deployment, whose rollout must be complete.
        stamp: identifies the installed version and values; the gate waits again when it changes.
        timeout: the timeout in seconds.
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

    @property
    def ready(self) -> str:
        """The state that the gate waits for."""
        return self.condition or "rolled out"


QUEUE_API_VERSION = "scheduling.run.ai/v2"
"""The API version of KAI queues, which is also part of their type in the stack's state."""


class Queue(NamedTuple):
    """A KAI queue.

    Attributes:
        name: the object's name.
        spec: the object's spec.
        labels: the object's labels; None for none.
        adopted: whether a hook of the platform's chart created it: the stack imports it unchanged.
        depends_on: names of the steps before it.
    """

    name: str
    spec: dict[str, Any]
    labels: Mapping[str, str] | None = None
    adopted: bool = False
    depends_on: tuple[str, ...] = ()

    @property
    def manifest(self) -> dict[str, Any]:
        """The queue as an object."""
        metadata = {"name": self.name} | ({"labels": dict(self.labels)} if self.labels else {})
        return {"apiVersion": QUEUE_API_VERSION, "kind": "Queue", "metadata": metadata, "spec": self.spec}


class Namespace(NamedTuple):
    """The labels and annotations of a namespace, which is created if Helm has not created it yet, and never deleted.

    Attributes:
        name: the step's name.
        namespace: the namespace's name.
        labels: its labels.
        annotations: its annotations.
        depends_on: names of the steps before it.
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    depends_on: tuple[str, ...] = ()

    @property
    def manifest(self) -> dict[str, Any]:
        """The namespace as an object."""
        metadata = {"name": self.namespace, "labels": dict(self.labels), "annotations": dict(self.annotations)}
        return {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {key: value for key, value in metadata.items() if value},
        }


Step = Release | Gate | Queue | Namespace


class Rendering(NamedTuple):
    """The cluster that charts are rendered for; the live cluster is never read.

    Attributes:
        kubernetes_version: the cluster's version.
        api_versions: the APIs that it is known to serve.
        open_apis: optional APIs that charts look for, and that it may or may not serve.
        groups: API groups that need not be among ``api_versions``: Kubernetes' own, and those of the charts, with the
            groups below them.
    """

    kubernetes_version: str
    api_versions: tuple[str, ...]
    open_apis: tuple[str, ...]
    groups: tuple[str, ...] = ()


class Plan(NamedTuple):
    """The plan: everything that a back-end needs.

    Attributes:
        profile: ``production`` or ``development``.
        cluster: the kubeconfig context; None for the current one, or for the caller's provider.
        modes: the mode of ``kai-scheduler`` and ``grove``.
        steps: releases, gates, queues and namespaces; each comes after everything it depends on.
        protect: whether releases and queues are protected.
        rendering: the cluster that charts are rendered for.
        preview_objects: whether a preview renders the charts and lists their objects.
        catalog: the facts about upstream's charts that it is made from.
        findings: warnings and notes.
    """

    profile: str
    cluster: str | None
    modes: Mapping[str, str]
    steps: tuple[Step, ...]
    protect: bool
    rendering: Rendering
    preview_objects: bool
    catalog: Catalog
    findings: tuple[Finding, ...] = ()

    @property
    def releases(self) -> tuple[Release, ...]:
        """The releases, in order."""
        return tuple(step for step in self.steps if isinstance(step, Release))

    @property
    def platform(self) -> Release:
        """The platform's own release."""
        return self.releases[-1]

    @property
    def queues(self) -> tuple[Queue, ...]:
        """The queues that this plan owns, in order."""
        return tuple(step for step in self.steps if isinstance(step, Queue))

    @property
    def namespaces(self) -> tuple[Namespace, ...]:
        """The namespaces with labels or annotations, in order."""
        return tuple(step for step in self.steps if isinstance(step, Namespace))

    def __str__(self) -> str:
        return summary(self)


def summary(plan: Plan) -> str:
    """The plan in a few lines: cluster, releases with their sources, order and flags."""
    lines = [f"cluster   {plan.cluster or 'the current context, or the provider of the program'}"]
    lines += [f"profile   {plan.profile}{', protected' if plan.protect else ''}"]
    for step in plan.steps:
        after = f"  after {listed(step.depends_on)}" if step.depends_on else ""
        match step:
            case Release():
                hooks = "" if step.hooks else ", hooks off"
                lines.append(
                    f"release   {step.name} {step.version} in {step.namespace} from {step.source}{hooks}{after}"
                )
            case Gate():
                lines.append(f"gate      {step.kind} {step.object_name} {step.ready}{after}")
            case Queue():
                lines.append(f"queue     {step.name}{after}")
            case Namespace():
                lines.append(f"namespace {step.namespace}")
    for name, mode in plan.modes.items():
        lines.append(f"flags     {name}: {mode}, install {mode == 'bundled'}, enabled {mode != 'disabled'}".lower())
    return "\n".join(lines)


class Installed(NamedTuple):
    """The platform, KAI Scheduler or Grove as it is installed now.

    Attributes:
        mode: how it was installed; the platform is always ``separate``.
        version: its version; None if unknown.
        namespace: its namespace; None if unknown or not installed.
        chart: the reference of its chart, or of the chart that the platform bundles; None if unknown.
    """

    mode: Mode
    version: Version | None = None
    namespace: str | None = None
    chart: str | None = None

    @property
    def on(self) -> bool:
        """Whether it is installed."""
        return self.mode != "disabled"


class Running(NamedTuple):
    """What this stack installed.

    Attributes:
        platform: the platform's release; None if it is not installed yet.
        kai: KAI Scheduler.
        grove: Grove.
        nats: the mode of NATS; None if the platform is not installed yet.
        etcd: the mode of etcd; None if the platform is not installed yet.
        queues: specs of the stack's own queues, by name.
        context: the kubeconfig context of its cluster; None if it is not known.
        cluster: the identifier of its cluster in the provider; None if it is not known.
        same_cluster: contexts that select the same cluster, according to the kubeconfig.
    """

    platform: Installed | None
    kai: Installed
    grove: Installed
    nats: BackendMode | None
    etcd: BackendMode | None
    queues: Mapping[str, Mapping[str, Any]]
    context: str | None = None
    cluster: str | None = None
    same_cluster: frozenset[str] = frozenset()
