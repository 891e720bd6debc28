"""The Pulumi back-end: a plan as resources."""

from .platform import DynamoPlatform

__all__ = ["DynamoPlatform"]
