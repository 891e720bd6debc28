"""The rows that only the platform's chart has."""

from typing import Literal

from dynamo_platform.versions import Version

from .model import Chart, ChartQueues, Range, Refusal, Sure, latest
from .reading import MinorVersion, Row


class OtherRange(Range):
    """A range that contradicts the one beside it.

    Attributes:
        source: the page that states it.
    """

    source: str


class Window(Range):
    """The versions of a dependency that work with a platform minor version.

    Attributes:
        bundled: the version that the platform's chart bundles; None if it is not known.
        pick: the version of a separate release if the configuration sets none; None if the range is not known.
        sure: how sure the range is. If it is ``unknown``, the range has no bounds.
        other: the range that other pages of upstream give, if it is ``disputed``.
    """

    sure: Sure
    other: OtherRange | None = None
    bundled: Version | None = None
    pick: Version | None = None


class Minor(Row):
    """A platform minor version that can be installed.

    Attributes:
        minor: such as ``1.5``.
        kai_scheduler: the versions of KAI Scheduler that work with it.
        grove: the versions of Grove that work with it.
        source: the page that states it.
    """

    identity = ("minor",)

    minor: MinorVersion
    kai_scheduler: Window
    grove: Window
    source: str


class PastMinor(Row):
    """A platform minor version that an upgrade may start from, but that can no longer be installed.

    Attributes:
        minor: such as ``0.9``.
        kai_scheduler: the version of KAI Scheduler that it bundles.
        grove: the version of Grove that it bundles.
        source: the page that states it.
    """

    identity = ("minor",)

    minor: MinorVersion
    kai_scheduler: Version
    grove: Version
    source: str


class Default(Range):
    """The chart's default for a setting from ``first`` on, until the next row of that setting.

    Attributes:
        setting: the setting's path.
        value: the default.
        source: the page that states it.
    """

    identity = ("setting", "first")

    first: Version
    setting: str
    value: Literal["bundled", "disabled"]
    source: str


class Monitors(Row):
    """The monitors of the Prometheus operator.

    Attributes:
        api: the API version that a cluster serves if the Prometheus operator's CRDs are installed.
        source: the page that states it.
    """

    api: str
    source: str


class CommonName(Range):
    """The platform versions that request a certificate with the webhook Service's full name as the common name.

    Attributes:
        longest: the limit of a common name, in characters.
        note: what enforces it.
        source: the page that states it.
    """

    below: Version
    longest: int
    note: str
    source: str


class RemovedKeys(Range):
    """Chart values with which the platform's chart fails to render, even if they are false.

    Attributes:
        keys: what to use instead, by dotted path.
        source: the page that states it.
    """

    identity = ("first",)

    first: Version
    keys: dict[str, str]
    source: str


class AllowedValues(Range):
    """A chart value with which the platform's chart fails to render unless it is one of a few.

    Attributes:
        key: the chart value, by dotted path.
        values: the allowed ones.
        why: the reason.
        source: the page that states it.
    """

    identity = ("key", "first")

    first: Version
    key: str
    values: tuple[str, ...]
    why: str
    source: str


class PlatformRefusals(Row):
    """Chart values with which the platform's chart fails to render.

    Attributes:
        removed: values that must not be set.
        only: values that allow a few strings only.
        reserved_env: ``DYN_OPERATOR_ALLOW_GMS_SNAPSHOT`` in the operator's environment.
        restricted_upgrades_crds: an operator that is restricted to a namespace and applies CRDs.
        webhook_selector: webhooks for some namespaces only.
        volcano_with_kai: Volcano together with KAI Scheduler.
        staleness: KAI Scheduler and Grove bundled without the staleness grace period that Grove needs.
        lpx_without_grove: LPX, which needs Grove.
    """

    removed: tuple[RemovedKeys, ...]
    only: tuple[AllowedValues, ...]
    reserved_env: Refusal
    restricted_upgrades_crds: Refusal
    webhook_selector: Refusal
    volcano_with_kai: Refusal
    staleness: Refusal
    lpx_without_grove: Refusal


class Unreached(Range):
    """A chart that the platform's installs, but that settings do not reach.

    Attributes:
        chart: the chart's name, and the key of its values.
        given: the chart value that installs it.
        settings: the paths of the settings.
        source: the page that lists its values.
    """

    identity = ("chart", "given", "first")

    first: Version
    chart: str
    given: str
    settings: tuple[str, ...]
    source: str


class Platform(Chart):
    """The platform's chart.

    Attributes:
        minors: the minor versions that can be installed, oldest first.
        past: the minor versions that an upgrade may start from only, oldest first.
        defaults: the chart's defaults for settings.
        queues: the queues that its hooks create.
        monitors: the monitors that it creates if the cluster serves their API.
        common_name: the versions whose certificate may get too long a common name.
        refusals: chart values with which it fails to render.
        unreached: charts that it installs, but that settings do not reach.
    """

    minors: tuple[Minor, ...]
    past: tuple[PastMinor, ...]
    defaults: tuple[Default, ...]
    queues: ChartQueues
    monitors: Monitors
    common_name: CommonName
    refusals: PlatformRefusals
    unreached: tuple[Unreached, ...]

    @property
    def known_minors(self) -> list[str]:
        """All known minor versions, oldest first."""
        return [*(row.minor for row in self.past), *(row.minor for row in self.minors)]

    @property
    def newest_known(self) -> Minor:
        """The newest minor version for which working versions of KAI Scheduler and Grove are known."""
        return [row for row in self.minors if row.kai_scheduler.pick and row.grove.pick][-1]

    @property
    def example(self) -> Version:
        """The newest version for which working versions of KAI Scheduler and Grove are known."""
        return self.versions_of(self.newest_known.minor)[-1]

    def default(self, setting: str, version: Version) -> Default:
        """The chart's default for a setting.

        Raises:
            KeyError: the catalog knows no default of the setting for that version.
        """
        row = latest([row for row in self.defaults if row.setting == setting], version)
        if row is None:
            raise KeyError(f"{setting} of {version}")
        return row
