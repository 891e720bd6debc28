"""NVIDIA Dynamo Platform with KAI Scheduler and Grove on Kubernetes, through Pulumi.

``DynamoPlatform`` is imported on first use, so that planning alone does not import Pulumi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .config.model import PlatformConfig
from .findings import Finding, PlatformError
from .planning.model import Plan
from .planning.planner import make_plan, plan_of

if TYPE_CHECKING:
    from .component.platform import DynamoPlatform

__version__ = "0.1.0"

__all__ = ["DynamoPlatform", "Finding", "Plan", "PlatformConfig", "PlatformError", "make_plan", "plan_of"]


def __getattr__(name: str) -> Any:
    if name == "DynamoPlatform":
        from .component.platform import DynamoPlatform  # noqa: PLC0415

        return DynamoPlatform
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
