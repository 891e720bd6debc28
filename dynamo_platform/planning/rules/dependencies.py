"""Rules about KAI Scheduler and Grove: their versions and combinations."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.catalog.model import Sure, TestedKubernetes, latest
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices, Dependency, parse_version
from dynamo_platform.versions import Version

from .base import MODES, Verdict, example_version, kubernetes_minor, path_and_version, rule, unusable_settings
from .faults import affects, fault_of, versions_without
from .kai_config import kai_config
from .reading import value_read

_NAMESPACE = ("namespace_labels", "namespace_annotations")


@rule("DEP001")
def dependency_version_is_a_version(c: Choices) -> Iterator[Verdict]:
    """The tags of KAI Scheduler and Grove start with v, and OCI tags are literal."""
    for d in c.dependencies:
        text, parsed = d.config.version, parse_version(d.config.version)
        if text is None or d.mode == "bundled" or (parsed is not None and parsed.has_v):
            continue
        hint = f'"v{text}"' if parsed else f'"{example_version(c, d)}"'
        yield Verdict(
            f"{d.key}.version",
            quote_value(text),
            f"a full version with its leading v, for example {hint}",
            "The chart is pulled by exactly this tag.",
            d.chart.source,
        )


@rule("DEP002", acceptable=True)
def dependency_fits_the_platform(c: Choices) -> Iterator[Verdict]:
    """The version is outside the range that works with this platform version."""
    for d in _with_given_version(c):
        if d.window and d.version and not d.window.holds(d.version):
            yield Verdict(
                f"{d.key}.version",
                quote_value(str(d.version)),
                f"{d.window}" + (f"; another page says {d.window.other}" if d.window.other else ""),
                f"dynamo-platform {c.version} works with these versions ({_BASIS[d.window.sure]}). A pre-release is "
                "lower than its release.",
                c.minor.source if c.minor else d.chart.source,
            )


_BASIS: dict[Sure, str] = {
    "published": "published by upstream",
    "disputed": "upstream's pages contradict each other",
    "inferred": "inferred from other facts",
    "unknown": "not known",
}


@rule("DEP003", "warning")
def dependency_is_listed(c: Choices) -> Iterator[Verdict]:
    """The catalog does not list the version."""
    for d in _with_given_version(c):
        if d.version and str(d.version) not in map(str, d.chart.versions):
            near = [version for version in d.chart.versions if version.minor_line == d.version.minor_line]
            yield Verdict(
                f"{d.key}.version",
                quote_value(str(d.version)),
                ", ".join(map(str, near or d.chart.versions[-3:])),
                "The catalog does not list this version; its chart values are assumed to be those of the "
                "nearest earlier version.",
                d.chart.source,
            )


@rule("DEP004", "warning")
def dependency_window_is_sure(c: Choices) -> Iterator[Verdict]:
    """Upstream's pages contradict each other about the version."""
    for d in c.dependencies:
        other = d.window.other if d.on and d.mode != "bundled" and d.window else None
        if d.window and other and d.version and d.window.holds(d.version) and not other.holds(d.version):
            yield Verdict(
                f"{d.key}.version",
                quote_value(str(d.version)),
                f"{d.window}, or {other}; the chart itself bundles {d.window.bundled}",
                "Upstream's pages contradict each other about the versions that work with dynamo-platform "
                f"{c.version}: test this combination.",
                c.minor.source if c.minor else d.chart.source,
            )


@rule("DEP005", acceptable=True, faults=True)
def dependency_has_no_known_fault(c: Choices) -> Iterator[Verdict]:
    """The version has a fault that upstream documents."""
    for d in c.dependencies:
        if not (d.on and d.version):
            continue
        for fault in d.chart.faults:
            # The values of an external release are not known.
            unknown = d.mode == "external" and (fault.given or fault.avoided)
            if not unknown and affects(c, fault, d.version, d.name, d.config.chart):
                yield Verdict(
                    *path_and_version(d),
                    versions_without(fault, d.version),
                    fault.why,
                    fault.docs,
                    # The platform's version decides what it bundles.
                    "warning" if d.mode == "bundled" and fault.severity == "error" else fault.severity,
                    fault_of(d.version, fault),
                )


@rule("DEP006")
def bundled_version_is_the_platforms(c: Choices) -> Iterator[Verdict]:
    """A bundled dependency is part of the platform's release, so it has no release settings."""
    for d in c.dependencies:
        if d.mode in {"bundled", "disabled"}:
            names = ["version", "namespace", *_NAMESPACE, "chart", "repository", "timeout"]
            names += ["values"] * (d.mode == "disabled")
            why = f"With mode {d.mode}, it has no release of its own."
            yield from unusable_settings(d, names, f"no value while {d.key}.mode is {d.mode}", why)


@rule("DEP007")
def external_is_not_configured(c: Choices) -> Iterator[Verdict]:
    """This stack does not change what someone else installed."""
    for d in c.dependencies:
        if d.mode == "external":
            allowed = "no value; with mode external, you can set version and namespace, which describe it, and timeout"
            why = "Someone else installed it, so this stack does not change it."
            yield from unusable_settings(d, (*_NAMESPACE, "values", "chart", "repository"), allowed, why)


@rule("KAI001", "warning")
def kai_knows_the_platforms_workloads(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler has to support the API version of the platform's workloads."""
    yield from _below_floor(c, "dynamo-platform", c.version)


@rule("KAI002", "warning")
def kai_needs_grove(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler without Grove schedules none of the platform's pods."""
    if c.kai.on and c.grove.mode == "disabled":
        yield Verdict(
            "grove.mode",
            "disabled",
            "separate, bundled or external, or kaiScheduler.mode disabled too",
            "The operator assigns pods to KAI Scheduler only if Grove is enabled too. Without Grove, KAI Scheduler "
            "schedules none of them.",
            MODES,
        )


@rule("KAI003", acceptable=True)
def kai_config_is_created(c: Choices) -> Iterator[Verdict]:
    """Without its Config, KAI Scheduler's operator runs nothing."""
    refusal = c.catalog.kai_scheduler.refusals.kai_config_never
    config = kai_config(c, refusal)
    if config and config.by_job is False and config.inline is not True:
        yield Verdict(
            f"kaiScheduler.values.{refusal.key}",
            "false",
            "true; or, with KAI Scheduler 0.17 or later, also kaiConfig.render true",
            "With these values nothing creates Config/kai-config, without which KAI Scheduler's operator runs nothing.",
            refusal.source,
        )


@rule("GRV001")
def separate_grove_does_not_go_with_bundled_kai(c: Choices) -> Iterator[Verdict]:
    """A separate Grove is installed before the platform, and so before a bundled KAI Scheduler."""
    if c.grove.mode == "separate" and c.kai.mode == "bundled":
        yield Verdict(
            "grove.mode",
            "separate",
            "bundled, or kaiScheduler.mode separate",
            "A separate Grove is installed before the platform, and a bundled KAI Scheduler with the platform. Grove "
            "would start without KAI Scheduler.",
            MODES,
        )


@rule("GRV002")
def grove_backend_has_its_kai(c: Choices) -> Iterator[Verdict]:
    """A Grove that creates PodGroups itself needs a KAI Scheduler that supports them."""
    if c.grove.on:
        yield from _below_floor(c, "grove", c.grove.version)


@rule("GRV003", "warning")
def topology_has_its_kai(c: Choices) -> Iterator[Verdict]:
    """Topology-aware scheduling needs KAI Scheduler."""
    needs = c.catalog.kai_and_grove.needs_kai_at_start
    for path in needs.values if c.grove.mode in {"separate", "bundled"} else ():
        if value_read(c, c.grove.name, path) is True:
            yield from _below_floor(c, "grove", c.grove.version, topology=True)
            if c.kai.mode == "disabled":
                yield Verdict(
                    f"grove.values.{path}", "true", "false, or kaiScheduler.mode separate", needs.note, needs.source
                )


def _below_floor(c: Choices, chart: str, version: Version | None, *, topology: bool = False) -> Iterator[Verdict]:
    kai = c.kai
    for row in c.catalog.kai_and_grove.kai_floors:
        applies = row.chart == chart and row.topology == topology
        if not (applies and version and row.holds(version)):
            continue
        if kai.on and kai.version and kai.version < row.floor and not (row.also and row.also.holds(kai.version)):
            allowed = f">= {row.floor}" + (f", or {row.also}" if row.also else "")
            doubt = " Upstream's pages contradict each other about this." if row.sure == "disputed" else ""
            yield Verdict(*path_and_version(kai), allowed, row.why + doubt, row.docs)


@rule("DEP008", "warning")
def dependency_is_supported(c: Choices) -> Iterator[Verdict]:
    """Upstream supports a minor version for a limited time."""
    for d in c.dependencies:
        for support in d.chart.support if d.mode in {"separate", "external"} and d.version else ():
            if d.version and support.ended and support.minor == d.version.minor_line:
                supported = [row.minor for row in d.chart.support if not row.ended]
                yield Verdict(
                    *path_and_version(d),
                    f"a version of {', '.join(supported)}",
                    f"Upstream supported {support.minor} only until {support.until}.",
                    support.source,
                    # No other version is known to work better with the platform's version.
                    "note" if d.window and d.version in {d.window.bundled, d.window.pick or d.version} else None,
                )


@rule("DEP009")
def dependency_is_pulled_from_its_repository(c: Choices) -> Iterator[Verdict]:
    """Both projects moved their charts: the old repository lacks new versions, the new one lacks old ones."""
    for d in c.dependencies:
        given = d.config.repository
        places = {row.url for row in d.chart.repositories}
        if given in places and d.version and given != d.chart.repository(d.version):
            yield Verdict(
                f"{d.key}.repository",
                quote_value(given),
                f"no repository; the default is {d.chart.repository(d.version)}",
                f"{d.version} is published in the default repository. The given one has other versions.",
                d.chart.source,
            )


@rule("DEP010", "warning")
def dependency_window_is_known(c: Choices) -> Iterator[Verdict]:
    """For a new platform version, the versions that work with it are not known yet."""
    for d in c.dependencies:
        if d.on and d.window and d.window.sure == "unknown" and d.version:
            yield Verdict(
                *path_and_version(d),
                "a version that you have tested with it",
                f"The versions that work with dynamo-platform {c.version} are not known.",
                c.minor.source if c.minor else d.chart.source,
            )


@rule("DEP011")
def unknown_pick_is_given(c: Choices) -> Iterator[Verdict]:
    """There is no default version for a platform version whose working versions are not known."""
    for d in c.dependencies:
        if d.mode == "separate" and d.window and d.window.pick is None and d.config.version is None:
            yield Verdict(
                f"{d.key}.version",
                "nothing",
                f'a full version, such as "{example_version(c, d)}", which works with '
                f"{c.catalog.platform.newest_known.minor}",
                f"There is no default: the versions that work with dynamo-platform {c.version} are not known.",
                c.minor.source if c.minor else d.chart.source,
            )


@rule("DEP012")
def bundled_version_is_known(c: Choices) -> Iterator[Verdict]:
    """A version that is not known cannot be checked, and neither can its chart values."""
    for d in c.dependencies:
        if d.mode == "bundled" and d.window and d.window.bundled is None:
            yield Verdict(
                f"{d.key}.mode",
                "bundled",
                "separate with a version, external or disabled",
                f"The version that dynamo-platform {c.version} bundles is not known, so it cannot be checked.",
                c.minor.source if c.minor else d.chart.source,
            )


@rule("DEP013", "warning")
def kubernetes_is_tested(c: Choices) -> Iterator[Verdict]:
    """Upstream tests each version of KAI Scheduler with some Kubernetes versions."""
    text = c.config.kubernetes_version
    for d in c.dependencies:
        if not (text and d.on and d.version and d.chart.tested):
            continue
        name, row, newest = f"{d.chart.chart} {d.version}", latest(d.chart.tested, d.version), d.chart.tested[-1]
        if row and not _tested(row, text):
            allowed = f"{row.lowest} to {row.highest}"
            why = f"Upstream tests {name} with these Kubernetes versions ({_BASIS[row.sure]})."
            yield Verdict("kubernetesVersion", quote_value(text), allowed, why, row.source)
        elif row is None and kubernetes_minor(text) > kubernetes_minor(newest.highest):
            why = (
                f"Upstream does not say which Kubernetes versions {name} is tested with, and tests no later version of "
                "it with this one."
            )
            yield Verdict("kubernetesVersion", quote_value(text), f"<= {newest.highest}", why, newest.source)


def _tested(row: TestedKubernetes, kubernetes: str) -> bool:
    return kubernetes_minor(row.lowest) <= kubernetes_minor(kubernetes) <= kubernetes_minor(row.highest)


def _with_given_version(c: Choices) -> Iterator[Dependency]:
    """The dependencies whose version is set and valid."""
    for d in c.dependencies:
        if d.on and d.mode != "bundled" and d.config.version is not None and d.version and d.version.has_v:
            yield d
