"""The Pulumi back-end: a plan carried out as resources."""

from .platform import DynamoPlatform

__all__ = ["DynamoPlatform"]
