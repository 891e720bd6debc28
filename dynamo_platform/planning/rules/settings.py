"""Rules about typed settings: the chosen versions have keys for them, and they fit together."""

from collections.abc import Iterator
from typing import NamedTuple

from dynamo_platform.catalog.model import SettingKey
from dynamo_platform.config.model import DependencyConfig
from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices, Part
from dynamo_platform.planning.settings import needed_grace_period

from .base import MODES, Verdict, rule


class _Place(NamedTuple):
    """A chart that a setting is meant for, and the keys that its version has for it."""

    part: Part
    keys: list[SettingKey]

    def __str__(self) -> str:
        return f"{self.part.name} {self.part.version}"


def _given(c: Choices) -> dict[str, tuple[object, list[_Place]]]:
    """What the configuration says, by path: the value, and every chart that it is meant for."""
    given: dict[str, tuple[object, list[_Place]]] = {}
    for part in c.parts if c.minor else ():
        for setting in part.settings:
            if setting.given:
                keys = c.catalog.keys(part.name, setting.path, part.version)
                given.setdefault(setting.path, (setting.value, []))[1].append(_Place(part, keys))
    return given


def _readers(c: Choices, path: str, places: list[_Place]) -> str:
    """Which versions of these charts do all that a setting says."""
    names = []
    for place in places:
        rows = c.catalog.settings(place.part.name).get(path, ())
        firsts = [key.first for key in rows if key.first and not key.lacks]
        names += [f"{place.part.name} {str(first).removesuffix('-0')} or later" for first in sorted(firsts)[:1]]
    return " and ".join(names) or "no value"


@rule("SET001", acceptable=True)
def setting_is_read(c: Choices) -> Iterator[Verdict]:
    """A setting that the chosen version has no key for does nothing."""
    for path, (value, places) in _given(c).items():
        if not any(place.keys for place in places):
            yield Verdict(
                path,
                shown(value),
                _readers(c, path, places),
                f"{' and '.join(map(str, places))} cannot be told: the setting would do nothing.",
            )


@rule("SET002", "warning")
def setting_reaches_everything(c: Choices) -> Iterator[Verdict]:
    """A setting for several charts, of which some versions have no key, or one that does less."""
    for path, (value, places) in _given(c).items():
        unread = [place for place in places if not place.keys]
        if unread and len(unread) < len(places):
            yield Verdict(
                path,
                shown(value),
                _readers(c, path, unread),
                f"{' and '.join(map(str, unread))} cannot be told, and does as it did.",
            )
        for place in places:
            for key in place.keys:
                if key.lacks:
                    why = f"With {place} it does not reach {key.lacks}."
                    yield Verdict(path, shown(value), _readers(c, path, [place]), why, key.source)


@rule("SET003")
def settings_of_a_dependency_have_their_release(c: Choices) -> Iterator[Verdict]:
    """What this stack does not install it cannot set up."""
    for d in c.dependencies:
        own = type(d.config).model_fields.items() if d.mode in {"external", "disabled"} else ()
        for name, field in own:
            value = getattr(d.config, name) if name not in DependencyConfig.model_fields else None
            if value is not None:
                yield Verdict(
                    f"{d.key}.{field.alias}",
                    shown(value),
                    f"nothing while {d.key}.mode is {d.mode}",
                    "This stack does not install it.",
                    MODES,
                )


@rule("SET004")
def gangs_of_grove_are_not_evicted(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler must not evict gangs that Grove is still building."""
    given = c.config.kai_scheduler.staleness_grace_period if c.config.kai_scheduler else None
    needed = needed_grace_period(c)
    if given is not None and needed is not None and given != needed and c.kai.mode in {"separate", "bundled"}:
        yield Verdict(
            "kaiScheduler.stalenessGracePeriod",
            shown(given),
            f"{shown(needed)}, which is written where nothing is said",
            f"Grove {c.grove.version} builds gangs pod by pod, and KAI Scheduler would evict what is not complete yet. "
            "With both bundled the chart fails on it.",
            c.catalog.kai_and_grove.staleness.source,
        )


@rule("CRT001")
def certificate_goes_with_own(c: Choices) -> Iterator[Verdict]:
    """A certificate of one's own needs its authority; the other modes make both."""
    certificates = c.config.webhook_certificates
    if certificates is None:
        return
    if certificates.mode == "own":
        if certificates.ca_bundle is None:
            yield Verdict(
                "webhookCertificates.caBundle",
                "nothing",
                "the certificate authority in base64, on one line",
                "With a certificate of your own nobody else tells the API server whom to trust, and it refuses every "
                "object of the platform.",
            )
        return
    for name, value in (("secret", certificates.secret), ("caBundle", certificates.ca_bundle)):
        if value is not None:
            yield Verdict(
                f"webhookCertificates.{name}",
                shown(value),
                "nothing, or webhookCertificates.mode own",
                f"The certificate is made and its authority announced by {_MAKERS[certificates.mode or 'automatic']}.",
            )


_MAKERS = {"automatic": "the operator", "cert-manager": "cert-manager"}


@rule("CRT002", acceptable=True)
def common_name_fits_a_certificate(c: Choices) -> Iterator[Verdict]:
    """Old versions name the certificate after the webhook Service in full."""
    known, certificates = c.catalog.platform.common_name, c.config.webhook_certificates
    if not (certificates and certificates.mode == "cert-manager" and c.version and known.holds(c.version)):
        return
    name = f"{c.catalog.platform.chart}-dynamo-operator-webhook-service.{c.namespace}.svc"
    if len(name) > known.longest:
        yield Verdict(
            "webhookCertificates.mode",
            "cert-manager",
            f"automatic, own, dynamo-platform {str(known.below).removesuffix('-0')} or later, or a namespace of at "
            f"most {len(c.namespace) - len(name) + known.longest} characters",
            f"{known.note} {name} has {len(name)}.",
            known.source,
        )
