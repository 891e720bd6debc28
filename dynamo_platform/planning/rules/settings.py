"""Rules about typed settings: the chosen versions support them, and they are consistent."""

from collections.abc import Iterator
from typing import NamedTuple, get_args

from dynamo_platform.catalog.model import Chart, PartName, SettingKey
from dynamo_platform.config.model import DependencyConfig
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices, Part
from dynamo_platform.planning.settings import needed_grace_period
from dynamo_platform.planning.sources import repository_host
from dynamo_platform.trees import value_at

from .base import MODES, Verdict, release_of, rule, unusable_settings
from .reading import value_read


class _Target(NamedTuple):
    """A chart that a setting applies to.

    Attributes:
        part: the chart.
        keys: the chart values that its version reads the setting from; none if it does not support the setting.
    """

    part: Part
    keys: list[SettingKey]

    def __str__(self) -> str:
        return f"{self.part.name} {self.part.version}"


def _given_settings(c: Choices) -> dict[str, tuple[object, list[_Target]]]:
    """The settings of the configuration, by path: the value, and every chart that it applies to."""
    given: dict[str, tuple[object, list[_Target]]] = {}
    for part in c.parts if c.minor else ():
        for setting in part.settings:
            if setting.given:
                keys = c.catalog.keys(part.name, setting.path, part.version)
                given.setdefault(setting.path, (setting.value, []))[1].append(_Target(part, keys))
    return given


def _supporting_versions(c: Choices, path: str, targets: list[_Target]) -> str:
    """The versions of these charts that support all of a setting."""
    names = []
    for target in targets:
        rows = c.catalog.settings(target.part.name).get(path, ())
        firsts = [key.first for key in rows if key.first and not key.lacks]
        names += [f"{target.part.name} {release_of(first)} or later" for first in sorted(firsts)[:1]]
    return " and ".join(names) or "no value"


def _not_supported(targets: list[_Target]) -> str:
    return f"{' and '.join(map(str, targets))} {'do' if len(targets) > 1 else 'does'} not support this setting"


@rule("SET001", acceptable=True)
def setting_is_read(c: Choices) -> Iterator[Verdict]:
    """A setting that the chosen version does not support has no effect."""
    for path, (value, targets) in _given_settings(c).items():
        if not any(target.keys for target in targets):
            yield Verdict(
                path,
                quote_value(value),
                _supporting_versions(c, path, targets),
                f"{_not_supported(targets)}, so it would have no effect.",
            )


@rule("SET002", "warning")
def setting_reaches_everything(c: Choices) -> Iterator[Verdict]:
    """Some of the charts do not support the setting, or support only a part of it."""
    for path, (value, targets) in _given_settings(c).items():
        unread = [target for target in targets if not target.keys]
        if unread and len(unread) < len(targets):
            yield Verdict(
                path,
                quote_value(value),
                _supporting_versions(c, path, unread),
                f"{_not_supported(unread)}, so it has no effect there.",
            )
        for target in targets:
            for key in target.keys:
                if key.lacks:
                    why = f"With {target} it does not apply to {key.lacks}."
                    yield Verdict(path, quote_value(value), _supporting_versions(c, path, [target]), why, key.source)
        for row in c.catalog.platform.unreached:
            installed = c.version and row.holds(c.version) and value_read(c, "dynamo-platform", row.given) is True
            if path in row.settings and installed and not value_at(c.values["dynamo-platform"], row.chart):
                why = f"{row.given} installs the {row.chart} chart, whose values are not written."
                yield Verdict(path, quote_value(value), f"the same in values.{row.chart}", why, row.source)


@rule("SET010")
def mirrors_are_of_upstreams_registries(c: Choices) -> Iterator[Verdict]:
    """A mirror of a registry that upstream does not use has no effect."""
    registry = c.config.registry
    if registry is None:
        return
    charts: tuple[Chart, ...] = (c.catalog.platform, c.catalog.kai_scheduler, c.catalog.grove)
    hosts = {repository_host(row.url) for chart in charts for row in chart.repositories}
    parts: tuple[PartName, ...] = get_args(PartName)
    hosts |= {key.registry for part in parts for key in c.catalog.settings(part).get("registry.mirror", ())}
    for host, mirror in (registry.mirrors or {}).items():
        if host not in hosts:
            yield Verdict(
                f"registry.mirrors.{host}",
                quote_value(mirror),
                ", ".join(sorted(hosts)),
                "No chart and no image of this stack comes from this registry.",
            )
    if registry.mirror_charts is not None and not (registry.mirror or registry.mirrors):
        yield Verdict(
            "registry.mirrorCharts",
            quote_value(registry.mirror_charts),
            "nothing, or registry.mirror",
            "There is no mirror, so it has no effect.",
        )


_TOLERATIONS = "https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/"


@rule("SET005")
def tolerations_are_complete(c: Choices) -> Iterator[Verdict]:
    """Kubernetes refuses pods with a toleration whose parts contradict each other."""
    for i, each in enumerate((c.config.placement and c.config.placement.tolerations) or ()):
        path = f"placement.tolerations[{i}]"
        exists = each.operator == "Exists"
        if each.key is None and not exists:
            why = "Without a key a toleration is for every taint, whatever its value; Kubernetes wants that written."
            yield Verdict(f"{path}.key", "nothing", "a key, or operator: Exists", why, _TOLERATIONS)
        if exists and each.value:
            why = "With operator Exists every value is tolerated, so Kubernetes refuses one."
            yield Verdict(f"{path}.value", quote_value(each.value), "no value, or operator: Equal", why, _TOLERATIONS)
        if each.toleration_seconds is not None and each.effect != "NoExecute":
            seconds, why = (
                quote_value(each.toleration_seconds),
                "Only the effect NoExecute evicts pods, after this time.",
            )
            yield Verdict(f"{path}.tolerationSeconds", seconds, "no time, or effect: NoExecute", why, _TOLERATIONS)


@rule("SET003")
def settings_of_a_dependency_have_their_release(c: Choices) -> Iterator[Verdict]:
    """A stack cannot configure a dependency that it does not install."""
    for d in c.dependencies:
        if d.mode in {"external", "disabled"}:
            own = [name for name in type(d.config).model_fields if name not in DependencyConfig.model_fields]
            why = f"With mode {d.mode}, this stack does not install it."
            yield from unusable_settings(d, own, f"no value while {d.key}.mode is {d.mode}", why)
    monitor = c.config.monitoring.grove_service_monitor if c.config.monitoring else None
    if monitor is not None and c.grove.mode in {"external", "disabled"}:
        path, allowed = "monitoring.groveServiceMonitor", f"no value while grove.mode is {c.grove.mode}"
        yield Verdict(path, quote_value(monitor), allowed, "This stack does not install Grove.", MODES)


@rule("SET004")
def gangs_of_grove_are_not_evicted(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler must not evict gangs that Grove has not completed yet."""
    given = c.config.kai_scheduler.staleness_grace_period if c.config.kai_scheduler else None
    needed = needed_grace_period(c)
    if given is not None and needed is not None and given != needed and c.kai.mode in {"separate", "bundled"}:
        yield Verdict(
            "kaiScheduler.stalenessGracePeriod",
            quote_value(given),
            f"{quote_value(needed)}, the default here",
            f"Grove {c.grove.version} creates gangs pod by pod, and KAI Scheduler would evict incomplete ones. If both "
            "are bundled, the chart refuses any other value.",
            c.catalog.kai_and_grove.staleness.source,
        )


@rule("CRT001")
def certificate_goes_with_own(c: Choices) -> Iterator[Verdict]:
    """Your own certificate needs its authority; the other modes create both."""
    certificates = c.config.webhook_certificates
    if certificates is None:
        return
    if certificates.mode == "own":
        if certificates.ca_bundle is None:
            yield Verdict(
                "webhookCertificates.caBundle",
                "nothing",
                "the certificate of the authority, in base64 on one line",
                "Without it, the API server does not trust your certificate, and rejects every object of the platform.",
            )
        return
    for name, value in (("secret", certificates.secret), ("caBundle", certificates.ca_bundle)):
        if value is not None:
            yield Verdict(
                f"webhookCertificates.{name}",
                quote_value(value),
                "nothing, or webhookCertificates.mode own",
                f"{_ISSUERS[certificates.mode or 'automatic']} creates the certificate and publishes its authority.",
            )


_ISSUERS = {"automatic": "The operator", "cert-manager": "cert-manager"}


@rule("CRT002", acceptable=True)
def common_name_fits_a_certificate(c: Choices) -> Iterator[Verdict]:
    """Old versions use the webhook Service's full name as the certificate's common name."""
    known, certificates = c.catalog.platform.common_name, c.config.webhook_certificates
    if not (certificates and certificates.mode == "cert-manager" and c.version and known.holds(c.version)):
        return
    name = f"{c.catalog.platform.chart}-dynamo-operator-webhook-service.{c.namespace}.svc"
    if len(name) > known.longest:
        yield Verdict(
            "webhookCertificates.mode",
            "cert-manager",
            f"automatic, own, dynamo-platform {release_of(known.below)} or later, or a namespace of at most "
            f"{len(c.namespace) - len(name) + known.longest} characters",
            f"{known.note} {name} has {len(name)}.",
            known.source,
        )
