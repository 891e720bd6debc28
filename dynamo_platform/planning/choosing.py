"""Makes the choices: fills in every default, once; rules and steps only read them."""

from __future__ import annotations

from collections.abc import Mapping

from dynamo_platform.catalog import Catalog
from dynamo_platform.catalog.model import Chart, LocalChart
from dynamo_platform.catalog.platform import Minor
from dynamo_platform.config.model import BackendConfig, DependencyConfig, Mode, PlatformConfig, Profile
from dynamo_platform.versions import Version

from .choices import Backend, BackendKey, Choices, Dependency, DependencyKey, parse_version
from .model import Running
from .queues import queue_tree
from .settings import parts_of, settings_of
from .values import complete_values, written_values

_MODE_OF_PROFILE: dict[Profile, Mode] = {"production": "separate", "development": "bundled"}


def choose(
    config: PlatformConfig,
    catalog: Catalog,
    *,
    provider_given: bool,
    running: Running | None = None,
    local: Mapping[str, LocalChart] | None = None,
) -> Choices:
    """Fill in every default, then derive the settings, the chart values and the queue tree."""
    version = parse_version(config.version)
    minor = catalog.minor(version) if version else None
    namespace = config.namespace or catalog.platform.namespace
    c = Choices(
        config=config,
        catalog=catalog,
        provider_given=provider_given,
        version=version,
        minor=minor,
        namespace=namespace,
        kai=_dependency("kaiScheduler", config, catalog, minor),
        grove=_dependency("grove", config, catalog, minor),
        nats=_backend("nats", config.nats, catalog, version if minor else None),
        etcd=_backend("etcd", config.etcd, catalog, version if minor else None),
        protect=config.profile == "production" if config.protect is None else config.protect,
        running=running,
        local=local or {},
    )
    c = c._replace(parts=tuple(part._replace(settings=tuple(settings_of(c, part))) for part in parts_of(c)))
    c = c._replace(written=written_values(c))
    return c._replace(values=complete_values(c), queues=queue_tree(c))


def _dependency(key: DependencyKey, config: PlatformConfig, catalog: Catalog, minor: Minor | None) -> Dependency:
    is_kai = key == "kaiScheduler"
    own = (config.kai_scheduler if is_kai else config.grove) or DependencyConfig()
    chart: Chart = catalog.kai_scheduler if is_kai else catalog.grove
    window = (minor.kai_scheduler if is_kai else minor.grove) if minor else None
    mode = own.mode or (_MODE_OF_PROFILE[config.profile] if config.profile else None)
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
