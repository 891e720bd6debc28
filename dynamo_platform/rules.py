"""Compatibility rules: one function, one code, one message each. A new rule is a function here and a test.

A rule looks at the choices and yields where something is wrong, what is given, what is allowed, why, and where to read.
Facts about versions come from the catalog; a rule only says what follows from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .choices import Backend, Choices, Dependency, parse_version
from .findings import Finding, Severity, shown
from .values import dependency_leaves, platform_leaves
from .versions import Version

_DYNAMO = "https://github.com/ai-dynamo/dynamo"
_KAI = "https://github.com/kai-scheduler/KAI-Scheduler"
_GUIDE = "README.md#configuration"
_MODES = "README.md#modes"

PROMETHEUS_API = "monitoring.coreos.com/v1"
"""The API of the Prometheus operator's monitors."""

CHART_QUEUES = ("dynamo-default", "dynamo")
"""The two queues that are always there with KAI Scheduler on."""


class Verdict(NamedTuple):
    """What a rule yields; the rule adds its code, and its severity unless the verdict has its own."""

    path: str
    given: str
    allowed: str
    why: str
    docs: str
    severity: Severity | None = None


class Rule(NamedTuple):
    """A rule: its code, how grave it is, whether ``accept`` may turn it into a note, and its function."""

    code: str
    severity: Severity
    acceptable: bool
    judge: Callable[[Choices], Iterator[Verdict]]

    def __call__(self, c: Choices) -> Iterator[Finding]:
        """The rule's findings; accepted ones come as notes."""
        for verdict in self.judge(c):
            severity = verdict.severity or self.severity
            if severity == "warning" or self.acceptable:
                severity = "note" if self.code in (c.config.accept or ()) else severity
            yield Finding(
                code=self.code,
                severity=severity,
                path=verdict.path,
                given=verdict.given,
                allowed=verdict.allowed,
                why=verdict.why,
                docs=verdict.docs,
            )


RULES: list[Rule] = []


def rule(
    code: str, severity: Severity = "error", *, acceptable: bool = False
) -> Callable[[Callable[[Choices], Iterator[Verdict]]], Rule]:
    """Register a function as a rule."""

    def register(judge: Callable[[Choices], Iterator[Verdict]]) -> Rule:
        RULES.append(made := Rule(code, severity, acceptable, judge))
        return made

    return register


def judge(c: Choices) -> list[Finding]:
    """Everything that the rules have to say."""
    return [finding for each in RULES for finding in each(c)]


# Profile


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
            _GUIDE,
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
                _MODES,
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
                _GUIDE,
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
            _GUIDE,
        )


@rule("CLU001")
def one_answer_to_which_cluster(c: Choices) -> Iterator[Verdict]:
    """A context beside an explicit provider would be ignored."""
    if c.provider_given and c.config.cluster and c.config.cluster.context is not None:
        yield Verdict(
            "cluster.context",
            shown(c.config.cluster.context),
            "no context beside a Kubernetes provider",
            "The component was given a provider, and that decides the cluster.",
            _GUIDE,
        )


@rule("CLU002")
def kubernetes_is_new_enough(c: Choices) -> Iterator[Verdict]:
    """Each band has its Kubernetes floor; the chart checks it from 1.4 on."""
    if c.band is None or c.config.kubernetes_version is None:
        return
    given, floor = (
        tuple(int(part) for part in text.removeprefix("v").split(".")[:2])
        for text in (c.config.kubernetes_version, c.band.kubernetes)
    )
    if given < floor:
        yield Verdict(
            "kubernetesVersion",
            shown(c.config.kubernetes_version),
            f">= {c.band.kubernetes}",
            f"dynamo-platform {c.version} needs it.",
            c.band.source,
        )


@rule("CLU004", acceptable=True)
def monitors_have_their_api(c: Choices) -> Iterator[Verdict]:
    """Monitors that are forced on fail the release where the Prometheus operator's CRDs are missing."""
    monitoring, served = c.config.monitoring, c.config.api_versions
    if monitoring is None or served is None or PROMETHEUS_API in served:
        return
    for path, forced in (("podMonitors", monitoring.pod_monitors), ("metricsService", monitoring.metrics_service)):
        if forced:
            yield Verdict(
                f"monitoring.{path}",
                "true",
                f"false, auto, or {PROMETHEUS_API} among apiVersions",
                "By apiVersions the cluster does not serve the Prometheus operator's kinds, and the release would fail "
                "with `no matches for kind`.",
                _GUIDE,
            )


# Platform version


@rule("VER001")
def platform_version_is_given(c: Choices) -> Iterator[Verdict]:
    """There is no default version: it would move with this module."""
    if c.config.version is None:
        newest = c.catalog.platform.minors[-1].versions[-1]
        yield Verdict(
            "version",
            "nothing",
            f'a full version in quotes, for example "{newest}"',
            "A default would move with an update of this module, and an upgrade of the platform is a decision.",
            _GUIDE,
        )


@rule("VER002")
def platform_version_is_a_version(c: Choices) -> Iterator[Verdict]:
    """MAJOR.MINOR.PATCH, without a v."""
    text = c.config.version
    if text is None or (c.version is not None and not c.version.has_v):
        return
    why = "The platform's chart versions are MAJOR.MINOR.PATCH without a v."
    if text.count(".") == 1:
        why += " Without quotes, YAML reads 1.5 as a number, and 1.10 as 1.1."
    yield Verdict("version", shown(text), _platform_versions(c), why, c.catalog.platform.source)


@rule("VER003")
def platform_is_not_older_than_1_0(c: Choices) -> Iterator[Verdict]:
    """0.8 and 0.9 look at the live cluster and need a chart of their own for the CRDs."""
    if c.version is not None and not c.version.has_v and c.version < Version.parse("1.0.0-0"):
        yield Verdict(
            "version",
            shown(c.config.version),
            _platform_versions(c),
            "Before 1.0 the chart decides by what the cluster serves at that moment, so nothing can be decided here. "
            "Install 1.0 or later; a running 0.9 first has its dynamo-crds release uninstalled (its CRDs stay).",
            f"{_DYNAMO}/pull/6754",
        )


@rule("VER004")
def platform_minor_is_known(c: Choices) -> Iterator[Verdict]:
    """The chart keys of an unknown minor are unknown."""
    if c.version and not c.version.has_v and c.minor is None and c.version >= Version.parse("1.0.0-0"):
        yield Verdict(
            "version",
            shown(c.config.version),
            _platform_versions(c),
            "The catalog has no row for this minor version, and its chart keys may differ; a newer release of this "
            "module may know it.",
            c.catalog.platform.source,
        )


@rule("VER005", "warning")
def platform_patch_is_listed(c: Choices) -> Iterator[Verdict]:
    """A patch or pre-release without a row takes its minor's band."""
    if c.version and not c.version.has_v and c.minor and c.version not in c.minor.versions:
        yield Verdict(
            "version",
            shown(c.config.version),
            ", ".join(map(str, c.minor.versions)),
            f"The catalog does not list this version; it is treated as {c.minor.minor}, band {c.minor.band}.",
            c.minor.source,
        )


def _platform_versions(c: Choices) -> str:
    known = [minor.minor for minor in c.catalog.platform.minors]
    newest = c.catalog.platform.minors[-1].versions[-1]
    return f'a full version of {known[0]} to {known[-1]}, for example "{newest}"'


# KAI Scheduler and Grove


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
                    _MODES,
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
                    _MODES,
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
            f"{_KAI}/pull/1870",
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
            _MODES,
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
            _MODES,
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


# NATS, etcd, discovery


@rule("NET001")
def backend_address_goes_with_external(c: Choices) -> Iterator[Verdict]:
    """An external backend has an address, the others have none."""
    for backend in (c.nats, c.etcd):
        if backend.mode == "external" and backend.address is None:
            yield _address(backend, "nothing", "where it listens, for example " + _EXAMPLES[backend.key])
        if backend.mode != "external" and backend.mode is not None and backend.address is not None:
            yield _address(backend, shown(backend.address), f"no address, or {backend.key}.mode external")


_EXAMPLES = {"nats": "nats://nats.messaging.svc:4222", "etcd": "etcd.storage.svc:2379"}


def _address(backend: Backend, given: str, allowed: str) -> Verdict:
    return Verdict(
        f"{backend.key}.address",
        given,
        allowed,
        f"{backend.key} is {backend.mode}: the operator is told the address of an external one only.",
        _GUIDE,
    )


@rule("NET002")
def discovery_has_its_etcd(c: Choices) -> Iterator[Verdict]:
    """No chart version checks it."""
    if c.config.discovery_backend == "etcd" and c.etcd.mode == "disabled":
        yield Verdict(
            "discoveryBackend",
            "etcd",
            "kubernetes, or etcd.mode bundled or external",
            "There is no etcd to register workers in.",
            _GUIDE,
        )


# Queues


@rule("QUE001")
def queues_need_kai(c: Choices) -> Iterator[Verdict]:
    """Without KAI Scheduler there is no such kind."""
    if c.config.queues and c.kai.mode == "disabled":
        yield Verdict(
            "queues",
            ", ".join(queue.name for queue in c.config.queues),
            "no queues while kaiScheduler.mode is disabled",
            "Queues are objects of KAI Scheduler.",
            _MODES,
        )


@rule("QUE002")
def the_charts_queues_are_the_charts(c: Choices) -> Iterator[Verdict]:
    """With KAI bundled, hooks of the platform chart make the two queues and make them again."""
    for i, queue in enumerate(c.config.queues or ()):
        if c.kai.mode == "bundled" and queue.name in CHART_QUEUES:
            yield Verdict(
                f"queues[{i}]",
                queue.name,
                "another name, or kaiScheduler.mode separate",
                "With KAI Scheduler bundled the chart owns this queue and makes it again, unlimited, at every upgrade.",
                _MODES,
            )


@rule("QUE003")
def queue_names_differ(c: Choices) -> Iterator[Verdict]:
    """Queues are cluster-scoped objects."""
    names = Counter(queue.name for queue in c.config.queues or ())
    for i, queue in enumerate(c.config.queues or ()):
        if names[queue.name] > 1:
            yield Verdict(f"queues[{i}].name", queue.name, "each name once", "Two queues cannot share a name.", _GUIDE)


@rule("QUE004")
def queue_parents_exist(c: Choices) -> Iterator[Verdict]:
    """A parent is a queue of this page, one of the two that are always there, or one of KAI's own."""
    queues = c.config.queues or ()
    known = {queue.name for queue in queues} | set(CHART_QUEUES) | {"default-parent-queue"}
    for i, queue in enumerate(queues):
        if queue.parent is not None and queue.parent not in known:
            yield Verdict(
                f"queues[{i}].parent",
                queue.parent,
                ", ".join(sorted(known - {queue.name})),
                "A queue below a parent that does not exist is never given anything.",
                _GUIDE,
            )


@rule("QUE005")
def queue_tree_has_no_loop(c: Choices) -> Iterator[Verdict]:
    """Following the parents ends at a top-level queue."""
    queues = c.config.queues or ()
    parents = {"dynamo": "dynamo-default"} | {queue.name: queue.parent for queue in queues}
    for i, queue in enumerate(queues):
        seen, name = [queue.name], queue.parent
        while name and name not in seen:
            seen.append(name)
            name = parents.get(name)
        if name == queue.name:
            yield Verdict(
                f"queues[{i}].parent", shown(queue.parent), "a tree", " → ".join([*seen, name]) + " is a loop.", _GUIDE
            )


# Pass-through values


@rule("VAL001", acceptable=True)
def values_do_not_undo_settings(c: Choices) -> Iterator[Verdict]:
    """``values`` are merged last; over a typed setting they would win without a word."""
    for d in c.dependencies:
        if d.mode in {"separate", "bundled"}:
            yield from _undone(f"{d.key}.values", d.values, dependency_leaves(c, d))
    yield from _undone("values", c.config.values or {}, platform_leaves(c))


def _undone(path: str, values: Mapping[str, Any], leaves: Mapping[str, Any]) -> Iterator[Verdict]:
    for leaf, written in leaves.items():
        node: Any = values
        at = path
        for step in leaf.split("."):
            if not isinstance(node, Mapping) or step not in node:
                break
            node, at = node[step], f"{at}.{step}"
            if node is None or not isinstance(node, Mapping):
                if node is not written and node != written:
                    yield Verdict(
                        at,
                        shown(node),
                        f"{shown(written)}, or the typed setting that decides it",
                        f"`values` are merged last, and this would undo {leaf}: {shown(written)}.",
                        _GUIDE,
                    )
                break
