"""The choices: configuration and catalog together, with every default filled in, before any rule runs.

A value that cannot be filled in, because the configuration is incomplete or wrong, stays ``None``; a rule reports it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from dynamo_platform.catalog import Catalog
from dynamo_platform.catalog.model import Chart, LocalChart, PartName
from dynamo_platform.catalog.platform import Minor, Window
from dynamo_platform.config.model import (
    BackendMode,
    DependencyConfig,
    Mode,
    PlatformConfig,
    QueueConfig,
    ReleaseConfig,
)
from dynamo_platform.versions import Version

from .model import Running

DependencyKey = Literal["kaiScheduler", "grove"]
DependencyName = Literal["kai-scheduler", "grove"]
BackendKey = Literal["nats", "etcd"]
ReleaseName = Literal["dynamo-platform", "kai-scheduler", "grove"]
Leaves = dict[str, Any]
"""Chart values by dotted path (``global.grove.install``), as rules compare them with the user's own."""

DEFAULT_TIMEOUT_SECONDS = 600
"""For a release, and for each gate after it; Helm's default of 300 is too short for image pulls on GPU nodes."""


class Dependency(NamedTuple):
    """KAI Scheduler or Grove, with every default filled in.

    Attributes:
        key: its name in the configuration.
        name: its release's name, and its key in the platform chart's values.
        mode: the given mode, or the profile's default.
        version: the given version, the catalog's default, or the version that the platform bundles.
        namespace: the namespace it runs in.
        values: the user's own chart values.
        config: its part of the configuration; empty if there is none.
        chart: its catalog entry.
        window: its versions that work with the platform's version; None for an unknown platform version.
    """

    key: DependencyKey
    name: DependencyName
    mode: Mode | None
    version: Version | None
    namespace: str
    values: dict[str, Any]
    config: DependencyConfig
    chart: Chart
    window: Window | None

    @property
    def on(self) -> bool:
        """Whether the platform uses it."""
        return self.mode in {"separate", "bundled", "external"}


class Backend(NamedTuple):
    """NATS or etcd, with every default filled in.

    Attributes:
        key: its name in the configuration, and its key in the platform chart's values.
        mode: the given mode, or the chart's default; None for an unknown platform version.
        address: the given address.
    """

    key: BackendKey
    mode: BackendMode | None
    address: str | None


class Setting(NamedTuple):
    """A setting and its value.

    Attributes:
        path: its path in the configuration, with a suffix if one setting in the configuration sets several things.
        value: its value, in the configuration's terms.
        given: whether the configuration sets it; otherwise it is a default.
    """

    path: str
    value: Any
    given: bool = True


class Part(NamedTuple):
    """A chart that a plan installs, in a release of its own or as the platform's subchart.

    Attributes:
        name: the chart's name in the catalog's settings.
        version: the version that determines its keys; for NATS and etcd, the platform's.
        repository: the repository in which upstream publishes it.
        below: the key of its values in the platform's values; empty for a release of its own.
        settings: the settings that apply to it, with defaults filled in.
    """

    name: PartName
    version: Version
    repository: str
    below: str = ""
    settings: tuple[Setting, ...] = ()


class QueueNode(NamedTuple):
    """A queue of the tree.

    Attributes:
        path: its path in the configuration; for a default queue, ``queues`` and its name.
        queue: its parent and its shares.
        owned: whether this stack owns it; otherwise a hook of the platform's chart or someone else does.
    """

    path: str
    queue: QueueConfig
    owned: bool


class Choices(NamedTuple):
    """Everything a rule or a step can depend on, decided once.

    Attributes:
        config: the user's configuration.
        catalog: the facts about upstream's charts.
        provider_given: whether the caller passes a Kubernetes provider, which then selects the cluster.
        version: the platform's version; None if it is missing or not a version.
        minor: the catalog's row for its minor version; None if the catalog has none.
        namespace: the platform's namespace.
        kai: KAI Scheduler.
        grove: Grove.
        nats: NATS.
        etcd: etcd.
        protect: whether releases and queues are protected.
        running: what this stack installed before; None for a new one.
        local: what the local charts of the configuration say about themselves, by their path in it.
        parts: every chart that is installed, with its settings.
        written: the chart values that these settings set, by chart and dotted path; the platform's include those of
            its subcharts.
        values: each chart's complete values: ``written``, with the user's own merged over them.
        queues: the queue tree by name, in the order of the configuration.
    """

    config: PlatformConfig
    catalog: Catalog
    provider_given: bool
    version: Version | None
    minor: Minor | None
    namespace: str
    kai: Dependency
    grove: Dependency
    nats: Backend
    etcd: Backend
    protect: bool
    running: Running | None
    local: Mapping[str, LocalChart] = {}
    parts: tuple[Part, ...] = ()
    written: Mapping[ReleaseName, Leaves] = {}
    values: Mapping[ReleaseName, dict[str, Any]] = {}
    queues: Mapping[str, QueueNode] = {}

    @property
    def dependencies(self) -> tuple[Dependency, Dependency]:
        """KAI Scheduler and Grove."""
        return self.kai, self.grove

    @property
    def releases(self) -> Iterator[tuple[str, str, ReleaseConfig]]:
        """The path in the configuration, the namespace and the settings of each release of this stack."""
        yield from ((f"{d.key}.", d.namespace, d.config) for d in self.dependencies if d.mode == "separate")
        yield "", self.namespace, self.config

    @property
    def namespaces(self) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        """The labels and annotations of the releases' namespaces, by name."""
        found: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        for _, namespace, config in self.releases:
            labels, annotations = found.setdefault(namespace, ({}, {}))
            labels.update(config.namespace_labels or {})
            annotations.update(config.namespace_annotations or {})
        return found

    @property
    def replaces_hooks(self) -> bool:
        """Whether the hooks of the platform's chart, which create ``dynamo-default`` and ``dynamo``, are off."""
        return self.kai.mode in {"separate", "external"}

    @property
    def owns_queues(self) -> bool:
        """Whether this stack owns ``dynamo-default`` and ``dynamo``; otherwise hooks or someone else do."""
        return self.replaces_hooks and self.config.default_queues is not False


def parse_version(text: str | None) -> Version | None:
    """The version; None if the text is missing or not a version."""
    try:
        return Version.parse(text) if text is not None else None
    except ValueError:
        return None
