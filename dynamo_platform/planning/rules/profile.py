"""Rules about the profile, and what production requires."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.planning.choices import Choices

from .base import MODES, Verdict, example_version, rule


@rule("PRO001")
def profile_is_given(c: Choices) -> Iterator[Verdict]:
    """The profile sets other defaults, so it has no default itself."""
    if c.config.profile is None:
        yield Verdict(
            "profile",
            "nothing",
            "production or development",
            "The profile sets other defaults: production installs KAI Scheduler and Grove as separate, protected "
            "releases, development bundles them.",
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
                "the KAI queues are deleted and recreated at every upgrade, under running workloads.",
                MODES,
            )


@rule("PRO003")
def production_writes_versions(c: Choices) -> Iterator[Verdict]:
    """In production, an update of this module must not change any version."""
    for d in c.dependencies:
        if c.config.profile == "production" and d.mode in {"separate", "external"} and d.config.version is None:
            pick = d.window and d.window.pick
            if d.mode == "separate" and d.window and not pick:
                continue  # DEP011
            example = f'a full version, such as "{example_version(c, d)}"'
            allowed = f'"{pick}", or another version {d.window}' if pick else example
            yield Verdict(
                f"{d.key}.version",
                "nothing",
                allowed,
                "The catalog picks the default, which can change with an update of this module.",
            )


@rule("PRO004")
def production_names_its_cluster(c: Choices) -> Iterator[Verdict]:
    """In production, the cluster must not depend on the kubeconfig's current context."""
    context = c.config.cluster.context if c.config.cluster else None
    if c.config.profile == "production" and context is None and not c.provider_given:
        yield Verdict(
            "cluster.context",
            "nothing",
            "a context of your kubeconfig, or a Kubernetes provider passed to the component",
            "The default is the kubeconfig's current context, which changes whenever someone switches contexts.",
        )
