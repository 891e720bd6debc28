"""Rules about the profile, and what production must say itself."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.planning.choices import Choices

from .base import MODES, Verdict, rule


@rule("PRO001")
def profile_is_given(c: Choices) -> Iterator[Verdict]:
    """The profile decides the other defaults, so it has none."""
    if c.config.profile is None:
        yield Verdict(
            "profile",
            "nothing",
            "production or development",
            "The profile decides the other defaults: production installs KAI Scheduler and Grove separately and "
            "protects them, development takes the bundled ones.",
        )


@rule("PRO002")
def production_does_not_bundle(c: Choices) -> Iterator[Verdict]:
    """Bundled KAI Scheduler and Grove are for development."""
    for d in c.dependencies:
        if c.config.profile == "production" and d.mode == "bundled":
            yield Verdict(
                f"{d.key}.mode",
                "bundled",
                "separate, external or disabled",
                "A bundled subchart shares the platform's release: its CRDs are installed once and never upgraded, and "
                "the KAI queues are deleted and made again at every upgrade, under running workloads.",
                MODES,
            )


@rule("PRO003")
def production_writes_versions(c: Choices) -> Iterator[Verdict]:
    """In production no version moves with this module."""
    for d in c.dependencies:
        if c.config.profile == "production" and d.mode in {"separate", "external"} and d.config.version is None:
            newest = d.chart.versions[-1]
            allowed = (
                f'"{d.window.pick}", or another version {d.window}'
                if d.window
                else f'a full version, such as "{newest}"'
            )
            yield Verdict(
                f"{d.key}.version",
                "nothing",
                allowed,
                "The catalog's pick would move with an update of this module; production says what it runs.",
            )


@rule("PRO004")
def production_names_its_cluster(c: Choices) -> Iterator[Verdict]:
    """In production the kubeconfig's current context does not decide."""
    context = c.config.cluster.context if c.config.cluster else None
    if c.config.profile == "production" and context is None and not c.provider_given:
        yield Verdict(
            "cluster.context",
            "nothing",
            "a context of your kubeconfig, or a Kubernetes provider passed to the component",
            "The kubeconfig's current context is whatever was used last; production must not depend on it.",
        )
