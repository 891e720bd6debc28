"""Whether a known fault does harm here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamo_platform.catalog.model import Fault
from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices
from dynamo_platform.trees import value_at
from dynamo_platform.versions import Version

from .base import alike, minor_of


def harms(c: Choices, fault: Fault, version: Version, values: Mapping[str, Any]) -> bool:
    """Whether a chart's version has the fault, and its values, the cluster's APIs and its version let it do harm.

    Which APIs a cluster serves, and its version, are known only where ``apiVersions`` and ``kubernetesVersion`` say it.
    """
    served = {api.partition("/")[0] for api in c.config.api_versions or ()}
    return (
        fault.holds(version)
        and (fault.given is None or bool(value_at(values, fault.given)))
        and not any(alike(value_at(values, key), value) for key, value in (fault.avoided or {}).items())
        and (fault.api is None or fault.api in served)
        and (fault.kubernetes is None or _reached(c, fault.kubernetes))
    )


def _reached(c: Choices, minor: str) -> bool:
    text = c.config.kubernetes_version
    return text is not None and minor_of(text) >= minor_of(minor)


def instead_of(fault: Fault, version: Version) -> str:
    """Which versions are without the fault, or which values."""
    without = f"a version other than {version}" if fault.below.pre == ("0",) else f"{fault.below} or later"
    return ", or ".join([without, *(f"{key}: {shown(value)}" for key, value in (fault.avoided or {}).items())])
