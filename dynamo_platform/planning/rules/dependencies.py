"""Rules about KAI Scheduler and Grove: their versions, and what goes with what."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices, Dependency, parse_version
from dynamo_platform.trees import value_at
from dynamo_platform.versions import Version

from .base import MODES, Verdict, placed, rule
from .faults import harms, instead_of


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


@rule("DEP002", acceptable=True)
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
        if d.version and str(d.version) not in map(str, d.chart.versions):
            near = [version for version in d.chart.versions if version.minor_line == d.version.minor_line]
            yield Verdict(
                f"{d.key}.version",
                shown(str(d.version)),
                ", ".join(map(str, near or d.chart.versions[-3:])),
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
        if not (d.on and d.version):
            continue
        values = c.values[d.name]
        for fault in d.chart.faults:
            # Someone else's values are not known.
            unknown = d.mode == "external" and (fault.given or fault.avoided)
            if not unknown and harms(c, fault, d.version, values):
                yield Verdict(
                    *placed(d),
                    instead_of(fault, d.version),
                    fault.why,
                    fault.docs,
                    # What a platform chart bundles is that version's to choose.
                    "warning" if d.mode == "bundled" and fault.severity == "error" else fault.severity,
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
def kai_knows_the_platforms_workloads(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler has to know the API version of the workloads that the platform makes."""
    yield from _below_floor(c, "dynamo-platform", c.version)


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


@rule("KAI003", acceptable=True)
def kai_config_has_a_maker(c: Choices) -> Iterator[Verdict]:
    """Without its Config KAI Scheduler runs nothing."""
    kai, refusal = c.kai, c.catalog.kai_scheduler.refusals.kai_config_never
    if kai.mode not in {"separate", "bundled"} or not kai.version or not refusal.holds(kai.version):
        return
    by_job, inline = (
        c.catalog.setting("kai-scheduler", setting, kai.version, c.values["kai-scheduler"])
        for setting in ("kaiConfig.byJob", "kaiConfig.inline")
    )
    if by_job is False and inline is not True:
        yield Verdict(
            f"kaiScheduler.values.{refusal.key}",
            "false",
            "true, or with KAI Scheduler 0.17 or later kaiConfig.render true too",
            "Nothing makes Config/kai-config then, and without it KAI Scheduler's operator runs nothing.",
            refusal.source,
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
    """Grove that makes KAI's PodGroups itself needs a KAI Scheduler that knows them."""
    if c.grove.on:
        yield from _below_floor(c, "grove", c.grove.version)


@rule("GRV003", "warning")
def topology_has_its_kai(c: Choices) -> Iterator[Verdict]:
    """Topology-aware scheduling is KAI Scheduler's work."""
    needs = c.catalog.kai_and_grove.needs_kai_at_start
    for path in needs.values if c.grove.mode in {"separate", "bundled"} else ():
        if value_at(c.values[c.grove.name], path) is True:
            yield from _below_floor(c, "grove", c.grove.version, topology=True)
            if c.kai.mode == "disabled":
                yield Verdict(
                    f"grove.values.{path}", "true", "false, or kaiScheduler.mode separate", needs.note, needs.source
                )


def _below_floor(c: Choices, chart: str, version: Version | None, *, topology: bool = False) -> Iterator[Verdict]:
    kai = c.kai
    for row in c.catalog.kai_and_grove.kai_floors:
        asked = row.chart == chart and row.topology == topology
        if not (asked and version and row.holds(version)):
            continue
        if kai.on and kai.version and kai.version < row.floor:
            yield Verdict(*placed(kai), f">= {row.floor}", row.why, row.docs)


@rule("DEP008", "warning")
def dependency_is_supported(c: Choices) -> Iterator[Verdict]:
    """Upstream ends the support of a minor version; what a platform chart bundles is that version's to choose."""
    for d in c.dependencies:
        for support in d.chart.support if d.mode in {"separate", "external"} and d.version else ():
            if d.version and support.ended and support.minor == d.version.minor_line:
                supported = [row.minor for row in d.chart.support if not row.ended]
                yield Verdict(
                    *placed(d),
                    f"a version of {', '.join(supported)}",
                    f"Upstream's support of {support.minor} has ended ({support.until}).",
                    support.source,
                )


@rule("DEP009")
def dependency_is_where_it_is_looked_for(c: Choices) -> Iterator[Verdict]:
    """Both projects moved their charts; an old place has no new versions, and a new one no old versions."""
    for d in c.dependencies:
        given = d.config.repository
        places = {row.url for row in d.chart.repositories}
        if given in places and d.version and given != d.chart.repository(d.version):
            yield Verdict(
                f"{d.key}.repository",
                shown(given),
                f"no repository, which is {d.chart.repository(d.version)} for this version",
                f"{d.version} is published there; this place has other versions.",
                d.chart.source,
            )


def _given_versions(c: Choices) -> Iterator[Dependency]:
    """The dependencies whose version the configuration says, rightly spelled."""
    for d in c.dependencies:
        if d.on and d.mode != "bundled" and d.config.version is not None and d.version and d.version.has_v:
            yield d
