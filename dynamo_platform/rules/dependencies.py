"""Rules about KAI Scheduler and Grove: their versions, and what goes with what."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.choices import Choices, Dependency, parse_version
from dynamo_platform.findings import shown
from dynamo_platform.versions import Version

from .base import KAI, MODES, Verdict, rule


@rule("DEP001")
def dependency_version_is_a_version(c: Choices) -> Iterator[Verdict]:
    """The tags of KAI Scheduler and Grove start with v, and an OCI tag is literal."""
    for d in c.dependencies:
        text, parsed = d.config.version, parse_version(d.config.version)
        if text is None or d.mode == "bundled" or (parsed is not None and parsed.has_v):
            continue
        hint = f'"v{text}"' if parsed else f'"{d.window.pick if d.window else d.chart.versions[-1]}"'
        yield Verdict(
            f"{d.key}.version",
            shown(text),
            f"a full version with its leading v, for example {hint}",
            "The chart is pulled by this very tag.",
            d.chart.source,
        )


@rule("DEP002")
def dependency_fits_the_platform(c: Choices) -> Iterator[Verdict]:
    """Upstream's compatibility table, pre-releases included."""
    for d in _given_versions(c):
        if d.window and d.version and not d.window.holds(d.version):
            yield Verdict(
                f"{d.key}.version",
                shown(str(d.version)),
                str(d.window),
                f"dynamo-platform {c.version} goes with these versions ({d.window.sure} upstream); a pre-release comes "
                "before its release.",
                c.minor.source if c.minor else d.chart.source,
            )


@rule("DEP003", "warning")
def dependency_is_listed(c: Choices) -> Iterator[Verdict]:
    """A version that nobody has recorded."""
    for d in _given_versions(c):
        if d.version and d.version not in d.chart.versions:
            yield Verdict(
                f"{d.key}.version",
                shown(str(d.version)),
                ", ".join(map(str, d.chart.versions)),
                "The catalog does not list this version; its values are taken to be those of the version before it.",
                d.chart.source,
            )


@rule("DEP004", "warning")
def dependency_window_is_sure(c: Choices) -> Iterator[Verdict]:
    """Upstream's own pages contradict each other about some versions."""
    for d in c.dependencies:
        if d.on and d.mode != "bundled" and d.window and d.window.sure == "disputed":
            yield Verdict(
                f"{d.key}.version",
                shown(str(d.version)) if d.version else "nothing",
                f"{d.window}; the chart itself carries {d.window.bundled}",
                f"Upstream's pages contradict each other about what dynamo-platform {c.version} goes with: test it.",
                c.minor.source if c.minor else d.chart.source,
            )


@rule("DEP005", acceptable=True)
def dependency_has_no_known_fault(c: Choices) -> Iterator[Verdict]:
    """Versions that upstream knows to be faulty."""
    for d in c.dependencies:
        for fault in d.chart.faults if d.on and d.version else ():
            if d.version and fault.first <= d.version < fault.below:
                bundled = d.mode == "bundled"
                yield Verdict(
                    f"{d.key}.mode" if bundled else f"{d.key}.version",
                    f"bundled, which is {d.version}" if bundled else shown(str(d.version)),
                    f"{fault.below} or later" if not fault.below.pre else f"a version other than {d.version}",
                    fault.why,
                    fault.docs,
                    # What a platform chart bundles is that version's to choose.
                    "warning" if bundled else fault.severity,
                )


@rule("DEP006")
def bundled_version_is_the_platforms(c: Choices) -> Iterator[Verdict]:
    """A bundled dependency comes with the platform chart: nothing of its own release can be set."""
    for d in c.dependencies:
        if d.mode not in {"bundled", "disabled"}:
            continue
        for name in ("version", "namespace", "chart", "repository", "timeout", *(["values"] * (d.mode == "disabled"))):
            if getattr(d.config, name) is not None:
                yield Verdict(
                    f"{d.key}.{name}",
                    shown(getattr(d.config, name)),
                    f"nothing while {d.key}.mode is {d.mode}",
                    "There is no release of its own that it could apply to.",
                    MODES,
                )


@rule("DEP007")
def external_is_not_configured(c: Choices) -> Iterator[Verdict]:
    """What someone else installed is not changed."""
    for d in c.dependencies:
        for name in ("values", "chart", "repository") if d.mode == "external" else ():
            if getattr(d.config, name) is not None:
                yield Verdict(
                    f"{d.key}.{name}",
                    shown(getattr(d.config, name)),
                    "version and namespace, which say what is there, and timeout",
                    "Someone else installed it; this stack changes nothing about it.",
                    MODES,
                )


@rule("KAI001", "warning")
def kai_groups_v1beta1_workloads(c: Choices) -> Iterator[Verdict]:
    """KAI before v0.17 knows workloads of API version v1alpha1 only; platform 1.2 makes v1beta1."""
    kai = c.kai
    if (
        c.version
        and kai.on
        and kai.version
        and c.version >= Version.parse("1.2.0-0")
        and kai.version < Version.parse("v0.17.0")
    ):
        yield Verdict(
            "kaiScheduler.mode" if kai.mode == "bundled" else "kaiScheduler.version",
            f"bundled, which is {kai.version}" if kai.mode == "bundled" else shown(str(kai.version)),
            ">= v0.17.0",
            f"dynamo-platform {c.version} makes v1beta1 workloads, which this version schedules pod by pod, not as a "
            "gang.",
            f"{KAI}/pull/1870",
        )


@rule("KAI002", "warning")
def kai_needs_grove(c: Choices) -> Iterator[Verdict]:
    """The operator hands pods to KAI Scheduler only with both on."""
    if c.kai.on and c.grove.mode == "disabled":
        yield Verdict(
            "grove.mode",
            "disabled",
            "separate, bundled or external, or kaiScheduler.mode disabled too",
            "The operator gives pods to KAI Scheduler only when Grove is on as well; alone it does nothing.",
            MODES,
        )


@rule("GRV001")
def separate_grove_does_not_go_with_bundled_kai(c: Choices) -> Iterator[Verdict]:
    """Bundled KAI Scheduler comes with the platform, and the platform comes after Grove."""
    if c.grove.mode == "separate" and c.kai.mode == "bundled":
        yield Verdict(
            "grove.mode",
            "separate",
            "bundled, or kaiScheduler.mode separate",
            "Grove is installed before the platform, and a bundled KAI Scheduler comes with the platform: Grove would "
            "start without it.",
            MODES,
        )


@rule("GRV002")
def grove_backend_has_its_kai(c: Choices) -> Iterator[Verdict]:
    """Grove from alpha.13 makes KAI's PodGroups itself."""
    grove, kai = c.grove.version, c.kai.version
    if (
        c.grove.on
        and c.kai.on
        and grove
        and kai
        and grove >= Version.parse("v0.1.0-alpha.13")
        and kai < Version.parse("v0.15.0")
    ):
        yield Verdict(
            "kaiScheduler.version",
            shown(str(kai)),
            ">= v0.15.0",
            f"Grove {grove} makes PodGroups itself, in a form that this KAI Scheduler does not know.",
            "https://github.com/ai-dynamo/grove/pull/725",
        )


def _given_versions(c: Choices) -> Iterator[Dependency]:
    """The dependencies whose version the configuration says, rightly spelled."""
    for d in c.dependencies:
        if d.on and d.mode != "bundled" and d.config.version is not None and d.version and d.version.has_v:
            yield d
