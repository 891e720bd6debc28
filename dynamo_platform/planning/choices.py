"""Configuration and catalog taken together: every default filled in, nothing judged yet.

What cannot be filled in, because the configuration does not say enough or says it wrongly, stays ``None``; a rule
reports it.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dynamo_platform.catalog import Band, Catalog, Chart, Minor, Window
from dynamo_platform.config.model import (
    BackendConfig,
    BackendMode,
    DependencyConfig,
    Mode,
    PlatformConfig,
    Profile,
)
from dynamo_platform.versions import Version

if TYPE_CHECKING:
    from .model import Running

DependencyKey = Literal["kaiScheduler", "grove"]
DependencyName = Literal["kai-scheduler", "grove"]
BackendKey = Literal["nats", "etcd"]

MODE_OF_PROFILE: dict[Profile, Mode] = {"production": "separate", "development": "bundled"}
TIMEOUT = 600
"""Seconds that a release, and the gates after it, may take; Helm's own 300 are too few for image pulls on GPU nodes."""


class Dependency(NamedTuple):
    """KAI Scheduler or Grove as it will be.

    Attributes:
        key: its name in the configuration.
        name: its release's name, and its key in the platform chart's values.
        mode: the mode, given or by profile.
        version: what will run: the version given, the catalog's pick or what the platform bundles.
        namespace: where it runs.
        values: the configuration's chart values.
        chart: its catalog entry.
        window: the versions that the platform goes with.
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
        """Whether the platform works with it."""
        return self.mode in {"separate", "bundled", "external"}


class Backend(NamedTuple):
    """NATS or etcd as it will be."""

    key: BackendKey
    mode: BackendMode | None
    address: str | None


class Choices(NamedTuple):
    """Everything a rule or a value can depend on."""

    config: PlatformConfig
    catalog: Catalog
    provider_given: bool
    version: Version | None
    minor: Minor | None
    band: Band | None
    namespace: str
    kai: Dependency
    grove: Dependency
    nats: Backend
    etcd: Backend
    protect: bool
    running: "Running | None"

    @property
    def dependencies(self) -> tuple[Dependency, Dependency]:
        """KAI Scheduler and Grove."""
        return self.kai, self.grove

    @property
    def owns_queues(self) -> bool:
        """Whether ``dynamo-default`` and ``dynamo`` are the module's, not hooks of the platform chart."""
        return self.kai.mode in {"separate", "external"}


def parse_version(text: str | None) -> Version | None:
    """The version, or None where there is none or it is none."""
    try:
        return Version.parse(text) if text is not None else None
    except ValueError:
        return None


def choose(
    config: PlatformConfig, catalog: Catalog, *, provider_given: bool, running: "Running | None" = None
) -> Choices:
    """Fill in every default."""
    version = parse_version(config.version)
    minor = catalog.minor(version) if version else None
    band = catalog.band(minor) if minor else None
    namespace = config.namespace or catalog.platform.namespace
    return Choices(
        config=config,
        catalog=catalog,
        provider_given=provider_given,
        version=version,
        minor=minor,
        band=band,
        namespace=namespace,
        kai=_dependency("kaiScheduler", config, catalog, minor),
        grove=_dependency("grove", config, catalog, minor),
        nats=_backend("nats", config.nats, catalog, version if minor else None),
        etcd=_backend("etcd", config.etcd, catalog, version if minor else None),
        protect=config.profile == "production" if config.protect is None else config.protect,
        running=running,
    )


def _dependency(key: DependencyKey, config: PlatformConfig, catalog: Catalog, minor: Minor | None) -> Dependency:
    is_kai = key == "kaiScheduler"
    own = (config.kai_scheduler if is_kai else config.grove) or DependencyConfig()
    chart: Chart = catalog.kai_scheduler if is_kai else catalog.grove
    window = (minor.kai_scheduler if is_kai else minor.grove) if minor else None
    mode = own.mode or (MODE_OF_PROFILE[config.profile] if config.profile else None)
    if mode == "bundled":
        version = window.bundled if window else None
        namespace = config.namespace or catalog.platform.namespace
    else:
        given = own.version is not None
        version = parse_version(own.version) if given else window.pick if window and mode == "separate" else None
        namespace = own.namespace or chart.namespace
    return Dependency(
        key=key,
        name="kai-scheduler" if is_kai else "grove",
        mode=mode,
        version=version,
        namespace=namespace,
        values=own.values or {},
        config=own,
        chart=chart,
        window=window,
    )


def _backend(key: BackendKey, config: BackendConfig | None, catalog: Catalog, version: Version | None) -> Backend:
    default = catalog.platform.default(f"{key}.mode", version).value if version else None
    return Backend(key=key, mode=(config and config.mode) or default, address=config.address if config else None)
