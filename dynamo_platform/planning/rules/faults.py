"""Known faults: whether they affect the chosen values and cluster."""

from __future__ import annotations

from dynamo_platform.catalog.model import Fault
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices, ReleaseName
from dynamo_platform.planning.sources import is_local
from dynamo_platform.versions import Version

from .base import equal_to_helm, kubernetes_minor
from .reading import value_read


def affects(c: Choices, fault: Fault, version: Version, name: ReleaseName, chart: str | None = None) -> bool:
    """Whether a chart's version has the fault, and its values, its source and the cluster do not prevent it.

    The cluster's APIs and version are known only if ``apiVersions`` and ``kubernetesVersion`` are set.
    """
    served = {api.partition("/")[0] for api in c.config.api_versions or ()}
    return (
        fault.holds(version)
        and (not fault.local or is_local(chart))
        and (fault.unset is None or value_read(c, name, fault.unset) is None)
        and (fault.given is None or bool(value_read(c, name, fault.given)))
        and not any(equal_to_helm(value_read(c, name, key), value) for key, value in (fault.avoided or {}).items())
        and (fault.api is None or fault.api in served)
        and (fault.kubernetes is None or _is_at_least(c, fault.kubernetes))
    )


def _is_at_least(c: Choices, minor: str) -> bool:
    text = c.config.kubernetes_version
    return text is not None and kubernetes_minor(text) >= kubernetes_minor(minor)


def fault_of(version: Version, fault: Fault) -> str:
    """What a verdict about a fault is about: the version, and the number of the fault's issue or pull request."""
    return f"{version}/{fault.docs.rstrip('/').rpartition('/')[2]}"


def versions_without(fault: Fault, version: Version) -> str:
    """The versions without the fault, and the values that avoid it."""
    without = f"a version other than {version}" if fault.below.pre == ("0",) else f"{fault.below} or later"
    ways = [f"{key}: {quote_value(value)}" for key, value in (fault.avoided or {}).items()]
    return ", or ".join([without, *ways, *([fault.unset] if fault.unset else [])])
