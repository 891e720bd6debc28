"""Rules about upgrades: what the new configuration changes in the installation of this stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from dynamo_platform.catalog.model import VersionChange
from dynamo_platform.config.model import BackendMode, Mode
from dynamo_platform.credentials import redacted
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices, Dependency
from dynamo_platform.planning.model import Installed
from dynamo_platform.planning.sources import reference
from dynamo_platform.versions import Version

from .base import GROVE, KAI, MODES, Verdict, path_and_version, release_of, rule, with_current
from .faults import fault_of, versions_without

_OWN_MODES = frozenset({"separate", "bundled"})
"""The modes in which this stack installs KAI Scheduler or Grove."""

_INSTALLER = "grove.crdInstaller"
"""The setting for Grove's installer of CRDs."""


def _before_and_after(c: Choices) -> Iterator[tuple[Installed, Dependency]]:
    """KAI Scheduler and Grove, before and after the upgrade."""
    if c.running:
        yield c.running.kai, c.kai
        yield c.running.grove, c.grove


def _platform_versions(c: Choices) -> tuple[Version, Version] | None:
    """The platform's versions before and after; None if they are equal or not known."""
    before = c.running.platform.version if c.running and c.running.platform else None
    return (before, c.version) if before and c.version and before != c.version else None


def _dependency_versions(before: Installed, after: Dependency) -> tuple[Version, Version] | None:
    """A dependency's versions before and after; None if they are equal, or if this stack does not install both."""
    ours = before.mode in _OWN_MODES and after.mode in _OWN_MODES
    differ = before.version and after.version and before.version != after.version
    return (before.version, after.version) if ours and before.version and after.version and differ else None


def _passed_changes(c: Choices, kind: str) -> Iterator[tuple[VersionChange, Version]]:
    """The platform's changes of a kind that this upgrade passes, and the version before."""
    if versions := _platform_versions(c):
        for change in c.catalog.platform.changes:
            if change.kind == kind and change.passed(*versions):
                yield change, versions[0]


def _platform_verdict(c: Choices, before: Version, allowed: str, why: str, docs: str) -> Verdict:
    """A verdict about the change of the platform's version."""
    given = with_current(quote_value(c.config.version), before)
    return Verdict("version", given, allowed, why, docs, about=c.config.version)


def _dependency_verdict(d: Dependency, before: Version | None, allowed: str, why: str, docs: str) -> Verdict:
    """A verdict about the change of a dependency's version."""
    path, given = path_and_version(d)
    return Verdict(path, with_current(given, before), allowed, why, docs, about=str(d.version) if d.version else None)


def _mode_verdict(before: Installed, after: Dependency, allowed: str, why: str, docs: str | None = None) -> Verdict:
    """A verdict about the change of a dependency's mode."""
    return Verdict(f"{after.key}.mode", with_current(str(after.mode), before.mode), allowed, why, docs)


# Downgrades


@rule("UPG001")
def stored_objects_can_be_read(c: Choices) -> Iterator[Verdict]:
    """An older platform or Grove cannot read objects that a newer one has stored."""
    if versions := _platform_versions(c):
        before, after = versions
        for change in c.catalog.platform.changes:
            if change.kind == "storage-version" and change.passed(after, before):
                why = f"{change.what} {change.remedy}"
                yield _platform_verdict(c, before, f">= {release_of(change.first)}", why, change.source)
    for change, dependency, older in _dependency_changes(c, "storage-version", backwards=True):
        why = f"{change.what} {change.remedy}"
        yield _dependency_verdict(dependency, older, f">= {release_of(change.first)}", why, change.source)


@rule("UPG002", acceptable=True)
def nothing_goes_back(c: Choices) -> Iterator[Verdict]:
    """Upstream supports a downgrade of the platform to the minor version before, and none of the other charts."""
    crds = "No downgrade restores the older CRDs, and an older operator may not support the newer ones."
    versions = _platform_versions(c)
    if versions and versions[1] < versions[0]:
        before, after = versions
        edge = c.catalog.edges.between(before.minor_line, after.minor_line)
        if edge and not edge.reversible:
            yield _platform_verdict(
                c, before, f">= {before}", f"Upstream supports no way back over {edge}. {crds}", edge.sources[0]
            )
        elif edge or before.minor_line == after.minor_line:
            allowed = "Upstream supports this downgrade: it goes back by one minor version at most"
            verdict = _platform_verdict(c, before, allowed, crds, c.catalog.edges.source)
            yield verdict._replace(severity="note")
    for installed, after_ in _before_and_after(c):
        moved = _dependency_versions(installed, after_)
        if moved and moved[1] < moved[0]:
            why = f"Upstream documents no downgrade. {crds}"
            yield _dependency_verdict(after_, moved[0], f">= {moved[0]}", why, after_.chart.source)


@rule("UPG020", acceptable=True)
def minors_are_not_skipped(c: Choices) -> Iterator[Verdict]:
    """Upstream supports an upgrade to the same or the next minor version only."""
    versions = _platform_versions(c)
    if versions is None or c.minor is None or versions[0].minor_line == versions[1].minor_line:
        return
    before, after = versions
    if c.catalog.edges.between(before.minor_line, after.minor_line) is None:
        stops = c.catalog.stops(before, after)
        route = f"{stops[0]} first: {' → '.join(map(str, (before, *stops)))}" if stops else f"{before} (as now)"
        how = (
            f"`dynamo-platform route {before} {after}` shows what each step needs."
            if stops
            else "No series of supported upgrades connects the two."
        )
        yield _platform_verdict(
            c,
            before,
            route,
            "Upstream supports an upgrade to the same or the next minor version only, with every minor version in "
            f"between. {how} Accept this if nothing of the old installation has to survive.",
            c.catalog.edges.source,
        )


# Defaults and keys


@rule("UPG003")
def changed_defaults_are_decided(c: Choices) -> Iterator[Verdict]:
    """A default that changed between two versions must not remove NATS or etcd while they are in use."""
    for backend, before, config in (
        (c.nats, c.running.nats if c.running else None, c.config.nats),
        (c.etcd, c.running.etcd if c.running else None, c.config.etcd),
    ):
        if before and backend.mode and before != backend.mode and (config is None or config.mode is None):
            default = c.catalog.platform.default(f"{backend.key}.mode", c.version) if c.version else None
            yield Verdict(
                f"{backend.key}.mode",
                f"nothing; the default from {release_of(default.first)} on is {backend.mode}" if default else "nothing",
                f"{before} (as now) or {backend.mode}",
                f"{backend.key}.mode is {before} now, and the default of {c.version} is {backend.mode}. Unless you set "
                "the mode, this upgrade changes it, which restarts every component.",
                default.source if default else None,
            )


@rule("UPG004")
def modes_of_0_9_are_decided(c: Choices) -> Iterator[Verdict]:
    """0.9 installed KAI Scheduler, Grove and etcd with keys that nothing has read since 1.0."""
    sections = (
        ("kaiScheduler", c.config.kai_scheduler, Mode),
        ("grove", c.config.grove, Mode),
        ("etcd", c.config.etcd, BackendMode),
    )
    for change, _ in _passed_changes(c, "keys"):
        for key, config, modes in sections:
            if config is None or config.mode is None:
                *others, last = get_args(modes)
                allowed, why = f"{', '.join(others)} or {last}", f"{change.what} {change.remedy}"
                yield Verdict(f"{key}.mode", "nothing", allowed, why, change.source)


@rule("UPG005", acceptable=True, effect="by hand before")
def separate_crds_are_gone(c: Choices) -> Iterator[Verdict]:
    """Two releases cannot own the same CRDs."""
    for change, before in _passed_changes(c, "crd-chart-ends"):
        allowed, why = "accept this after the dynamo-crds release is uninstalled", f"{change.what} {change.remedy}"
        yield _platform_verdict(c, before, allowed, why, change.source)


@rule("UPG006", "note", effect="by hand before")
def crds_leave_the_chart(c: Choices) -> Iterator[Verdict]:
    """The chart no longer contains the CRDs, and the operator applies them. By default, there is nothing to do."""
    for change, before in _passed_changes(c, "crds-leave-chart"):
        yield _platform_verdict(c, before, change.remedy, change.what, change.source)


@rule("UPG007", "note", effect="cannot be undone")
def stored_objects_are_rewritten(c: Choices) -> Iterator[Verdict]:
    """From this version on, a downgrade is not possible."""
    for change, before in _passed_changes(c, "storage-version"):
        yield _platform_verdict(c, before, "a backup before this upgrade", change.what, change.source)
    for change, dependency, older in _dependency_changes(c, "storage-version"):
        yield _dependency_verdict(dependency, older, "a backup before this upgrade", change.what, change.source)


# What an upgrade of Grove or KAI Scheduler does


def _dependency_changes(
    c: Choices, kind: str, *, backwards: bool = False
) -> Iterator[tuple[VersionChange, Dependency, Version]]:
    """The changes of a kind that an upgrade or downgrade of KAI Scheduler or Grove passes, and the version before."""
    for installed, after in _before_and_after(c):
        versions = _dependency_versions(installed, after)
        for change in after.chart.changes if versions else ():
            if versions and change.kind == kind and change.passed(*(versions[::-1] if backwards else versions)):
                yield change, after, versions[0]


def _change_verdicts(c: Choices, kind: str, *, both_ways: bool = False) -> Iterator[Verdict]:
    for backwards in (False, True) if both_ways else (False,):
        for change, after, before in _dependency_changes(c, kind, backwards=backwards):
            yield _dependency_verdict(after, before, change.remedy, change.what, change.source)


@rule("UPG008", acceptable=True, effect="by hand before")
def renamed_crd_is_gone(c: Choices) -> Iterator[Verdict]:
    """Grove does not start while the old CRD with the same short name exists."""
    yield from _change_verdicts(c, "crd-renamed", both_ways=True)


@rule("UPG009", "warning", effect="disturbs")
def workloads_restart(c: Choices) -> Iterator[Verdict]:
    """Some upgrades of Grove recreate the pods of all workloads."""
    yield from _change_verdicts(c, "pods-recreated", both_ways=True)


@rule("UPG010", "warning", effect="disturbs")
def gangs_change(c: Choices) -> Iterator[Verdict]:
    """Some upgrades of Grove and KAI Scheduler change the gangs of running workloads."""
    yield from _change_verdicts(c, "migration")


@rule("UPG011", "warning", effect="disturbs")
def upgrades_do_no_harm(c: Choices) -> Iterator[Verdict]:
    """Upgrades to some versions of KAI Scheduler and Grove have known problems, regardless of the version before."""
    yield from _upgrade_faults(c, notes=False)


@rule("UPG018", "note", effect="disturbs")
def upgrades_have_known_effects(c: Choices) -> Iterator[Verdict]:
    """Upgrades to some versions of KAI Scheduler and Grove have known side effects."""
    yield from _upgrade_faults(c, notes=True)


def _upgrade_faults(c: Choices, *, notes: bool) -> Iterator[Verdict]:
    for before, after in _before_and_after(c):
        ours = before.mode in _OWN_MODES and after.mode in _OWN_MODES
        # If bundled, every upgrade of the platform also upgrades its subcharts, and runs their hooks.
        upgraded = ours and (_dependency_versions(before, after) or (after.mode == "bundled" and _platform_versions(c)))
        for fault in after.chart.upgrade_faults if upgraded and after.version else ():
            if after.version and fault.holds(after.version) and notes == (fault.severity == "note"):
                allowed = versions_without(fault, after.version)
                verdict = _dependency_verdict(after, before.version, allowed, fault.why, fault.docs)
                yield verdict._replace(about=fault_of(after.version, fault))


@rule("UPG019", "warning", effect="by hand before")
def crds_are_upgraded(c: Choices) -> Iterator[Verdict]:
    """Helm never upgrades a chart's CRDs; Grove's own installer does, if the version has one and it is enabled."""
    versions = _dependency_versions(c.running.grove, c.grove) if c.running else None
    if versions and c.catalog.setting("grove", _INSTALLER, versions[1], c.values["grove"]) is not True:
        keys = c.catalog.settings("grove")[_INSTALLER]
        fields = "".join(f" {change.what}" for change, _, _ in _dependency_changes(c, "crd-field"))
        yield _dependency_verdict(
            c.grove,
            versions[0],
            f"apply the CRDs of {versions[1]} beforehand, or use grove {keys[0].first} or later with "
            "grove.crdInstaller",
            "Helm never upgrades a chart's CRDs, and here nothing else does: the operator would run with those of "
            f"{versions[0]}.{fields}",
            f"{GROVE}/issues/436",
        )


@rule("UPG012", "note", effect="by hand before")
def charts_move_to_another_registry(c: Choices) -> Iterator[Verdict]:
    """The charts and images have moved, so restricted clusters and mirrors need the new registry."""
    for before, after in _before_and_after(c):
        chart = _chart_reference(c, after)
        if before.chart and chart and _folder(before.chart) != _folder(chart):
            yield Verdict(
                path_and_version(after)[0],
                _folder(chart),
                f"access to {_folder(chart)}, or a mirror of it",
                f"The installed version came from {_folder(before.chart)}. The charts and images of the new version "
                "are published elsewhere.",
                after.chart.source,
            )


def _chart_reference(c: Choices, d: Dependency) -> str | None:
    if d.mode not in _OWN_MODES or d.version is None:
        return None
    return reference(d.config, d.chart.chart, d.chart.repository(d.version), c.config.registry)


def _folder(chart: str) -> str:
    """The repository of a chart, or the folder of a local archive."""
    # A part of an address is not recognized as one, so it is redacted as a whole.
    return redacted(chart).rpartition("/")[0]


# Modes and namespaces


@rule("UPG013", acceptable=True, effect="by hand before")
def modes_do_not_switch_between_bundled_and_separate(c: Choices) -> Iterator[Verdict]:
    """The new release would be installed while the old one still owns the same objects."""
    for before, after in _before_and_after(c):
        if {before.mode, after.mode} == _OWN_MODES:
            kept = after.chart.kept
            yield _mode_verdict(
                before,
                after,
                f"{before.mode}; or switch in two steps: first to external, with namespace "
                f"{before.namespace} and UPG014 accepted",
                "Two releases cannot own the same objects, and the new one is installed before the old one is "
                "uninstalled." + (_KEPT.format(objects=", ".join(kept.objects)) if kept else ""),
                kept.source if kept else MODES,
            )


_KEPT = (
    " {objects} stay, with the ownership annotations of the old release: before the second step, set their "
    "meta.helm.sh/release-name and meta.helm.sh/release-namespace to the new release."
)


@rule("UPG014", acceptable=True, effect="disturbs")
def running_dependencies_are_not_uninstalled(c: Choices) -> Iterator[Verdict]:
    """With mode disabled or external, this stack uninstalls what it installed."""
    for before, after in _before_and_after(c):
        if before.mode in _OWN_MODES and after.mode in {"disabled", "external"}:
            yield _mode_verdict(
                before,
                after,
                before.mode,
                f"This uninstalls {after.chart.chart}, which running workloads may need. To hand a separate release "
                "over to someone else, remove it from the state first (`pulumi state delete`).",
            )


@rule("UPG015", acceptable=True, effect="by hand before")
def bundled_later_has_its_crds(c: Choices) -> Iterator[Verdict]:
    """Helm installs the CRDs of a subchart only when the release is first installed."""
    for before, after in _before_and_after(c):
        later = c.running is not None and c.running.platform is not None and before.mode in {"disabled", "external"}
        brings = after is c.grove and after.version and _brings_crds(c, after.version)
        if later and after.mode == "bundled" and not brings:
            yield _mode_verdict(
                before,
                after,
                f"separate, or accept this after the CRDs of {after.version} are applied",
                "The platform is already installed, and Helm installs a subchart's CRDs only when a release is first "
                "installed: the upgrade would fail because kinds are missing.",
                "https://helm.sh/docs/chart_best_practices/custom_resource_definitions/",
            )


def _brings_crds(c: Choices, grove: Version) -> bool:
    """Whether the module sets Grove's chart to install its CRDs."""
    return any(c.written["grove"].get(key.key) is True for key in c.catalog.keys("grove", _INSTALLER, grove))


@rule("UPG016", "warning", effect="by hand after")
def workloads_keep_their_provider(c: Choices) -> Iterator[Verdict]:
    """A workload keeps the provider that it was created with."""
    before = c.running.grove if c.running and c.running.platform else None
    if before is None or c.grove.mode is None or before.on == c.grove.on or c.version is None:
        return
    for change in c.catalog.platform.changes:
        if change.kind == "field-immutable" and change.holds(c.version):
            yield _mode_verdict(before, c.grove, change.remedy, change.what, change.source)


@rule("UPG017", acceptable=True, effect="disturbs")
def releases_keep_their_namespace(c: Choices) -> Iterator[Verdict]:
    """Helm cannot move a release to another namespace: the old one is uninstalled first."""
    moved = [
        (f"{after.key}.namespace", before, after.namespace)
        for before, after in _before_and_after(c)
        if before.mode == after.mode == "separate"
    ]
    if c.running and c.running.platform:
        moved.append(("namespace", c.running.platform, c.namespace))
    for path, before, namespace in moved:
        if before.namespace and before.namespace != namespace:
            yield Verdict(
                path,
                with_current(quote_value(namespace), before.namespace),
                quote_value(before.namespace),
                "Helm cannot move a release: the old one is uninstalled, with everything that its hooks delete, and a "
                "new one is installed. It cannot adopt the objects that the old one leaves behind.",
                f"{KAI}/issues/661" if path.startswith("kai") else None,
            )
