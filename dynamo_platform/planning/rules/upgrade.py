"""Rules about what an upgrade does, from what this stack installed to what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dynamo_platform.catalog.model import VersionChange
from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices, Dependency
from dynamo_platform.planning.sources import reference
from dynamo_platform.versions import Version

from .base import DYNAMO, GROVE, KAI, MODES, Verdict, placed, rule
from .faults import instead_of

if TYPE_CHECKING:
    from dynamo_platform.planning.model import Installed

_OURS = frozenset({"separate", "bundled"})
"""The modes in which this stack installs it."""

_INSTALLER = "grove.crdInstaller"
"""The setting for Grove's installer of CRDs."""

_MODE_KEYS = ("kaiScheduler", "grove", "etcd")
"""What 0.9 installed by keys that 1.0 reads no more."""


def _pairs(c: Choices) -> Iterator[tuple[Installed, Dependency]]:
    """KAI Scheduler and Grove, before and after."""
    if c.running:
        yield c.running.kai, c.kai
        yield c.running.grove, c.grove


def _platform(c: Choices) -> tuple[Version, Version] | None:
    """The platform's versions before and after, where they differ."""
    before = c.running.platform.version if c.running and c.running.platform else None
    return (before, c.version) if before and c.version and before != c.version else None


def _versions(before: Installed, after: Dependency) -> tuple[Version, Version] | None:
    """A dependency's versions before and after, where this stack installed the one and installs the other."""
    ours = before.mode in _OURS and after.mode in _OURS
    differ = before.version and after.version and before.version != after.version
    return (before.version, after.version) if ours and before.version and after.version and differ else None


def _passed(c: Choices, kind: str) -> Iterator[tuple[VersionChange, Version]]:
    """The platform's changes of a kind that this upgrade passes, and the version that it starts from."""
    if versions := _platform(c):
        for change in c.catalog.platform.changes:
            if change.kind == kind and change.passed(*versions):
                yield change, versions[0]


def _from(before: Version, after: str | None) -> str:
    return f"{shown(after)}, from {before}"


def _release(version: Version) -> str:
    """``1.5.0-0`` as ``1.5.0``: a floor that takes pre-releases in, as people say it."""
    return str(version).removesuffix("-0")


# Back


@rule("UPG001")
def stored_objects_can_be_read(c: Choices) -> Iterator[Verdict]:
    """An older platform cannot read objects that a newer one has rewritten."""
    if versions := _platform(c):
        before, after = versions
        for change in c.catalog.platform.changes:
            if change.kind == "storage-version" and change.passed(after, before):
                yield Verdict(
                    "version",
                    _from(before, c.config.version),
                    f">= {_release(change.first)}",
                    f"{change.what} {change.remedy}",
                    change.source,
                )


@rule("UPG002", acceptable=True)
def nothing_goes_back(c: Choices) -> Iterator[Verdict]:
    """No chart here documents a way back, and none takes its CRDs back."""
    why = "Upstream documents no way back; CRDs of the newer version stay, and an older operator may not know them."
    versions = _platform(c)
    if versions and versions[1] < versions[0]:
        before, _ = versions
        yield Verdict("version", _from(before, c.config.version), f">= {before}", why, f"{DYNAMO}/issues/14074")
    for installed, after in _pairs(c):
        moved = _versions(installed, after)
        if moved and moved[1] < moved[0]:
            path, given = placed(after)
            yield Verdict(path, f"{given}, from {moved[0]}", f">= {moved[0]}", why, after.chart.source)


# Defaults and keys


@rule("UPG003")
def changed_defaults_are_decided(c: Choices) -> Iterator[Verdict]:
    """A default that moved between two versions must not take away what runs."""
    for backend, before, said in (
        (c.nats, c.running.nats if c.running else None, c.config.nats),
        (c.etcd, c.running.etcd if c.running else None, c.config.etcd),
    ):
        if before and backend.mode and before != backend.mode and (said is None or said.mode is None):
            default = c.catalog.platform.default(f"{backend.key}.mode", c.version) if c.version else None
            yield Verdict(
                f"{backend.key}.mode",
                f"nothing, which is {backend.mode} from {_release(default.first)} on" if default else "nothing",
                f"{before}, as it runs, or {backend.mode}",
                f"{backend.key}.mode is {before} now, and the default of {c.version} is {backend.mode}: with nothing "
                "said this upgrade would change it, and every component would restart without it.",
                default.source if default else None,
            )


@rule("UPG004")
def modes_of_0_9_are_decided(c: Choices) -> Iterator[Verdict]:
    """0.9 installed KAI Scheduler, Grove and etcd by keys that nothing reads any more."""
    for change, before in _passed(c, "keys"):
        for key, said in zip(_MODE_KEYS, (c.config.kai_scheduler, c.config.grove, c.config.etcd), strict=True):
            if said is None or said.mode is None:
                yield Verdict(
                    f"{key}.mode", f"nothing, from {before}", "a mode", f"{change.what} {change.remedy}", change.source
                )


@rule("UPG005", acceptable=True)
def separate_crds_are_gone(c: Choices) -> Iterator[Verdict]:
    """Two releases would own the same CRDs."""
    for change, before in _passed(c, "crd-chart-ends"):
        yield Verdict(
            "version",
            _from(before, c.config.version),
            "accept this, once the dynamo-crds release is gone",
            f"{change.what} {change.remedy}",
            change.source,
        )


@rule("UPG006", "note")
def crds_leave_the_chart(c: Choices) -> Iterator[Verdict]:
    """Nothing is to be done, but who applies the CRDs is another one now."""
    for change, before in _passed(c, "crds-leave-chart"):
        yield Verdict("version", _from(before, c.config.version), change.remedy, change.what, change.source)


@rule("UPG007", "note")
def stored_objects_are_rewritten(c: Choices) -> Iterator[Verdict]:
    """From here on there is no way back."""
    for change, before in _passed(c, "storage-version"):
        yield Verdict(
            "version", _from(before, c.config.version), "a backup before this upgrade", change.what, change.source
        )


# What an upgrade of Grove or KAI Scheduler does


def _grove_changes(c: Choices, kind: str, *, both_ways: bool = False) -> Iterator[Verdict]:
    versions = _versions(c.running.grove, c.grove) if c.running else None
    for change in c.catalog.grove.changes if versions else ():
        if (
            versions
            and change.kind == kind
            and (change.passed(*versions) or (both_ways and change.passed(*versions[::-1])))
        ):
            path, given = placed(c.grove)
            yield Verdict(path, f"{given}, from {versions[0]}", change.remedy, change.what, change.source)


@rule("UPG008", acceptable=True)
def renamed_crd_is_gone(c: Choices) -> Iterator[Verdict]:
    """A left-over CRD with the new one's short name stops Grove."""
    yield from _grove_changes(c, "crd-renamed", both_ways=True)


@rule("UPG009", "warning")
def workloads_start_again(c: Choices) -> Iterator[Verdict]:
    """Upgrades of Grove that make every workload's pods again."""
    yield from _grove_changes(c, "pods-recreated", both_ways=True)


@rule("UPG010", "warning")
def gangs_are_renamed(c: Choices) -> Iterator[Verdict]:
    """Upgrades of Grove that rewrite its own objects."""
    yield from _grove_changes(c, "migration")


@rule("UPG011", "warning")
def upgrades_do_no_harm(c: Choices) -> Iterator[Verdict]:
    """Versions of KAI Scheduler and Grove that an upgrade to, wherever it starts from, leaves in trouble."""
    yield from _upgrade_faults(c, notes=False)


@rule("UPG018", "note")
def upgrades_have_their_ways(c: Choices) -> Iterator[Verdict]:
    """What is good to know about an upgrade of KAI Scheduler or Grove."""
    yield from _upgrade_faults(c, notes=True)


def _upgrade_faults(c: Choices, *, notes: bool) -> Iterator[Verdict]:
    for before, after in _pairs(c):
        ours = before.mode in _OURS and after.mode in _OURS
        # Bundled, every upgrade of the platform is one of its subcharts, and runs their hooks.
        upgraded = ours and (_versions(before, after) or (after.mode == "bundled" and _platform(c)))
        for fault in after.chart.upgrade_faults if upgraded and after.version else ():
            if after.version and fault.holds(after.version) and notes == (fault.severity == "note"):
                path, given = placed(after)
                instead = instead_of(fault, after.version)
                yield Verdict(path, f"{given}, from {before.version}", instead, fault.why, fault.docs)


@rule("UPG019", "warning")
def crds_come_along(c: Choices) -> Iterator[Verdict]:
    """Helm never upgrades a chart's CRDs; Grove's own installer does, where the version has one and it is on."""
    versions = _versions(c.running.grove, c.grove) if c.running else None
    if versions and c.catalog.setting("grove", _INSTALLER, versions[1], c.values["grove"]) is not True:
        keys = c.catalog.settings("grove")[_INSTALLER]
        path, given = placed(c.grove)
        yield Verdict(
            path,
            f"{given}, from {versions[0]}",
            f"the CRDs of {versions[1]} applied before, or grove {keys[0].first} or later with grove.crdInstaller on",
            "Helm never upgrades a chart's CRDs, and nothing else does it here: the operator would meet those of "
            f"{versions[0]}.",
            f"{GROVE}/issues/436",
        )


@rule("UPG012", "note")
def charts_come_from_elsewhere(c: Choices) -> Iterator[Verdict]:
    """A cluster that may pull from some registries only, or a mirror, has to know the new one."""
    for before, after in _pairs(c):
        chart = _chart(c, after)
        if before.chart and chart and _place(before.chart) != _place(chart):
            yield Verdict(
                placed(after)[0],
                _place(chart),
                f"access to {_place(chart)}, or a mirror of it",
                f"What runs came from {_place(before.chart)}; charts and images of this version are elsewhere.",
                after.chart.source,
            )


def _chart(c: Choices, d: Dependency) -> str | None:
    if d.mode not in _OURS or d.version is None:
        return None
    return reference(d.config, d.chart.chart, d.chart.repository(d.version), c.config.registry)


def _place(chart: str) -> str:
    """Where a chart lies; a local archive's folder."""
    return chart.rpartition("/")[0]


# Modes and namespaces


@rule("UPG013", acceptable=True)
def bundled_and_separate_are_not_exchanged(c: Choices) -> Iterator[Verdict]:
    """The old release's objects refuse the new release, which comes before the old one is gone."""
    for before, after in _pairs(c):
        if {before.mode, after.mode} == _OURS:
            kept = after.chart.kept
            yield Verdict(
                f"{after.key}.mode",
                f"{after.mode}, from {before.mode}",
                f"{before.mode}, or first external, in the namespace {before.namespace}, with UPG014 accepted",
                "Two releases cannot own the same objects, and the new one comes before the old one is gone."
                + (_STAY.format(objects=", ".join(kept.objects)) if kept else ""),
                kept.source if kept else MODES,
            )


_STAY = (
    " {objects} stay with the old release's marks: before the second step, annotate them with the new one's "
    "meta.helm.sh/release-name and meta.helm.sh/release-namespace."
)


@rule("UPG014", acceptable=True)
def what_runs_is_not_uninstalled(c: Choices) -> Iterator[Verdict]:
    """Disabled or external, this stack uninstalls what it installed."""
    for before, after in _pairs(c):
        if before.mode in _OURS and after.mode in {"disabled", "external"}:
            yield Verdict(
                f"{after.key}.mode",
                f"{after.mode}, from {before.mode}",
                before.mode,
                f"This uninstalls {after.chart.chart}, which this stack installed: workloads lose it. To hand a "
                "separate release over to someone else, take it out of the state first (`pulumi state delete`).",
            )


@rule("UPG015", acceptable=True)
def bundling_later_finds_its_crds(c: Choices) -> Iterator[Verdict]:
    """Helm installs the CRDs of a subchart with the first installation only."""
    for before, after in _pairs(c):
        later = c.running is not None and c.running.platform is not None and before.mode in {"disabled", "external"}
        brings = after is c.grove and after.version and _brings_crds(c, after.version)
        if later and after.mode == "bundled" and not brings:
            yield Verdict(
                f"{after.key}.mode",
                f"bundled, from {before.mode}",
                f"separate, or accept this, once the CRDs of {after.version} are applied",
                "The platform is installed already, and Helm installs a subchart's CRDs with the first installation "
                "only: the upgrade would fail on kinds that are not there.",
                "https://helm.sh/docs/chart_best_practices/custom_resource_definitions/",
            )


def _brings_crds(c: Choices, grove: Version) -> bool:
    """Whether Grove's chart gets the module's own setting to install its CRDs."""
    return any(c.written["grove"].get(key.key) is True for key in c.catalog.keys("grove", _INSTALLER, grove))


@rule("UPG016", "warning")
def workloads_keep_their_provider(c: Choices) -> Iterator[Verdict]:
    """A workload stays what it was made with."""
    before = c.running.grove if c.running and c.running.platform else None
    if before is None or c.grove.mode is None or before.on == c.grove.on or c.version is None:
        return
    for change in c.catalog.platform.changes:
        if change.kind == "field-immutable" and change.holds(c.version):
            yield Verdict(
                "grove.mode", f"{c.grove.mode}, from {before.mode}", change.remedy, change.what, change.source
            )


@rule("UPG017", acceptable=True)
def releases_stay_in_their_namespace(c: Choices) -> Iterator[Verdict]:
    """A release in another namespace is another release: the old one is uninstalled first."""
    moved = [
        (f"{after.key}.namespace", before, after.namespace)
        for before, after in _pairs(c)
        if before.mode == after.mode == "separate"
    ]
    if c.running and c.running.platform:
        moved.append(("namespace", c.running.platform, c.namespace))
    for path, before, namespace in moved:
        if before.namespace and before.namespace != namespace:
            yield Verdict(
                path,
                f"{shown(namespace)}, from {before.namespace}",
                shown(before.namespace),
                "Helm cannot move a release: the old one is uninstalled, with everything that its hooks take along, "
                "and the new one installed. Objects that the old one leaves behind refuse the new one.",
                f"{KAI}/issues/661" if path.startswith("kai") else None,
            )
