"""Rules about the platform's version."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices
from dynamo_platform.trees import value_at
from dynamo_platform.versions import Version

from .base import DYNAMO, Verdict, rule
from .faults import affects, fault_of, versions_without

_FIRST_VERSION = Version.parse("1.0.0-0")
"""The first version that can be planned, pre-releases included."""


@rule("VER001")
def platform_version_is_given(c: Choices) -> Iterator[Verdict]:
    """There is no default version: it would change with this module."""
    if c.config.version is None:
        yield Verdict(
            "version",
            "nothing",
            f'a full version in quotes, for example "{c.catalog.platform.example}"',
            "A default would change with an update of this module, which would upgrade the platform unexpectedly.",
        )


@rule("VER002")
def platform_version_is_a_version(c: Choices) -> Iterator[Verdict]:
    """The version is MAJOR.MINOR.PATCH, without a v."""
    text = c.config.version
    if text is None or _valid_version(c):
        return
    why = "The platform's chart versions are MAJOR.MINOR.PATCH without a v."
    if text.count(".") == 1:
        why += " Without quotes, YAML reads 1.5 as a number, and 1.10 as 1.1."
    yield _version_verdict(c, _supported_versions(c), why, c.catalog.platform.source)


@rule("VER003")
def platform_is_not_older_than_1_0(c: Choices) -> Iterator[Verdict]:
    """Versions before 1.0 cannot be planned: their charts depend on the APIs that the cluster serves at that moment."""
    version = _valid_version(c)
    if version and version < _FIRST_VERSION:
        yield _version_verdict(
            c,
            _supported_versions(c),
            "Before 1.0 the chart depends on the APIs that the cluster serves at that moment, so it cannot be planned. "
            "Install 1.0 or later. Before an upgrade from 0.9, uninstall its dynamo-crds release (the CRDs stay).",
            f"{DYNAMO}/pull/6754",
        )


@rule("VER004")
def platform_minor_is_known(c: Choices) -> Iterator[Verdict]:
    """The catalog does not list the minor version, so its chart values are not known."""
    version = _valid_version(c)
    if version and c.minor is None and version >= _FIRST_VERSION:
        yield _version_verdict(
            c,
            _supported_versions(c),
            "The catalog does not list this minor version, and its chart values may differ. A newer release of this "
            "module may support it.",
            c.catalog.platform.source,
        )


@rule("VER005", "warning")
def platform_patch_is_listed(c: Choices) -> Iterator[Verdict]:
    """The catalog does not list the patch version or pre-release. It is treated like its minor version."""
    version = _valid_version(c)
    listed = [str(each) for each in c.catalog.platform.versions_of(c.minor.minor)] if c.minor else []
    # Build metadata counts: a chart is pulled by its whole version.
    if version and c.minor and str(version) not in listed:
        why = f"The catalog does not list this version; it is treated like {c.minor.minor}."
        yield _version_verdict(c, ", ".join(listed), why, c.minor.source)


@rule("VER006", acceptable=True, faults=True)
def platform_has_no_known_fault(c: Choices) -> Iterator[Verdict]:
    """The version has a fault that upstream documents."""
    for fault in c.catalog.platform.faults if c.version and c.minor else ():
        if c.version and affects(c, fault, c.version, "dynamo-platform"):
            verdict = _version_verdict(c, versions_without(fault, c.version), fault.why, fault.docs)
            yield verdict._replace(severity=fault.severity, about=fault_of(c.version, fault))


@rule("VER007", "warning")
def operator_brings_its_crds(c: Choices) -> Iterator[Verdict]:
    """From 1.3 the chart contains no CRDs. If the operator does not apply them, nothing does."""
    keys = c.catalog.keys("dynamo-platform", "operator.upgradesCRDs", c.version) if c.version else []
    off = [key.key for key in keys if value_at(c.config.values or {}, key.key) is False]
    for change in c.catalog.platform.changes:
        if c.version and off and change.kind == "crds-leave-chart" and change.holds(c.version):
            yield Verdict(
                f"values.{off[0]}",
                "false",
                "true, or apply the CRDs before each installation and upgrade",
                f"The chart of dynamo-platform {c.version} contains no CRDs, and with this value the operator does not "
                "apply its own.",
                change.source,
            )


@rule("VER008", acceptable=True)
def platform_is_pulled_from_its_repository(c: Choices) -> Iterator[Verdict]:
    """Upstream publishes the platform's chart over HTTPS only, not in the OCI registry that its pages once named."""
    published = c.catalog.platform.repository(c.version or c.catalog.platform.versions[-1])
    nowhere = f"oci://{published.partition('://')[2].partition('/')[0]}/"
    for name, given in (("repository", c.config.repository), ("chart", c.config.chart)):
        if given and given.startswith(nowhere):
            yield Verdict(
                name,
                quote_value(given),
                f"no {name}; the default is {published}",
                "That host has no OCI registry; it responds with 404.",
                f"{DYNAMO}/issues/12372",
            )


def _valid_version(c: Choices) -> Version | None:
    """The platform's version; None if it is not set or not MAJOR.MINOR.PATCH without a v."""
    return c.version if c.version and not c.version.has_v else None


def _version_verdict(c: Choices, allowed: str, why: str, docs: str) -> Verdict:
    return Verdict("version", quote_value(c.config.version), allowed, why, docs, about=c.config.version)


def _supported_versions(c: Choices) -> str:
    known = [minor.minor for minor in c.catalog.platform.minors]
    return f'a full version of {known[0]} to {known[-1]}, for example "{c.catalog.platform.example}"'
