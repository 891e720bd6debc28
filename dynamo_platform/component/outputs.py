"""The outputs of the component."""

from __future__ import annotations

import pulumi


class PlatformOutputs:
    """The outputs of the component.

    Attributes:
        versions: chart version by release.
        statuses: Helm's status by release (``deployed``).
        namespaces: namespace by release.
        queues: names of the KAI queues that this component owns, in order.
        findings: warnings and notes about the configuration.
        objects: the objects of each release, each with its digest, marks and images; empty if ``preview_objects`` is
            off.
    """

    versions: pulumi.Output[dict[str, str]]
    statuses: pulumi.Output[dict[str, str]]
    namespaces: pulumi.Output[dict[str, str]]
    queues: pulumi.Output[list[str]]
    findings: pulumi.Output[list[dict[str, str]]]
    objects: pulumi.Output[dict[str, dict[str, str]]]


OUTPUTS = tuple(PlatformOutputs.__annotations__)
"""The names of all outputs."""

STACK_OUTPUTS = tuple(name for name in OUTPUTS if name != "objects")
"""The names of the outputs that a stack exports; ``objects`` is too large."""
