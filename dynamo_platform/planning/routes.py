"""The route of an upgrade: the updates that lead from one platform version to another, with everything each one needs.

Each update goes over one edge of the catalog. KAI Scheduler and Grove move as little as possible, and only to versions
that work with the platform before and after the update, if there are any. The rules judge each update as they judge it
in a preview, so a route says nothing that the preview does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from dynamo_platform.catalog import Catalog
from dynamo_platform.catalog.edges import Edge, Verification, verified
from dynamo_platform.catalog.platform import Window
from dynamo_platform.config.model import (
    BackendConfig,
    DependencyConfig,
    GroveConfig,
    KaiSchedulerConfig,
    PlatformConfig,
)
from dynamo_platform.findings import Finding, PlatformError, quote_value
from dynamo_platform.versions import Version

from . import rules
from .choices import Choices, Dependency, DependencyKey, parse_version
from .choosing import choose
from .model import Running
from .rules.base import Effect
from .running import from_config, from_version

TITLES = {"UPG021": "A route starts and ends at a known version of the platform."}
"""The titles of the findings about a route itself, by code."""

_WRITTEN = frozenset({"separate", "external"})
"""The modes in which the configuration has the version of KAI Scheduler or Grove."""


class Note(NamedTuple):
    """Something to know about an update.

    Attributes:
        what: what happens.
        remedy: what to do; empty if there is nothing to do.
        source: the page that states it.
        code: the code of the finding in a preview; empty if none says it.
    """

    what: str
    remedy: str
    source: str
    code: str = ""


class RouteStep(NamedTuple):
    """An update of a route.

    Attributes:
        before: the version of each chart before, by name; without charts that are not used.
        after: the version of each chart after.
        settings: what to write into the stack file, by path.
        by_hand_before: what has to be done by hand before the update.
        by_hand_after: what has to be done by hand after it.
        disturbs: what it restarts or disturbs.
        cannot_be_undone: what cannot be undone after it.
        errors: errors of the configuration at this update, which have to be corrected first.
        warnings: the number of warnings about the configuration that there were not before.
        edge: the edge that it goes over; None if the platform keeps its minor version.
        verified: the tests that went over this edge in this mode.
        config: the whole configuration.
    """

    before: Mapping[str, Version]
    after: Mapping[str, Version]
    settings: Mapping[str, Any]
    by_hand_before: tuple[Note, ...]
    by_hand_after: tuple[Note, ...]
    disturbs: tuple[Note, ...]
    cannot_be_undone: tuple[Note, ...]
    errors: tuple[Finding, ...]
    warnings: int
    edge: Edge | None
    verified: tuple[Verification, ...]
    config: PlatformConfig

    @property
    def cost(self) -> tuple[int, int]:
        """The number of errors, then of warnings: of two possible updates, the one with fewer is better."""
        return len(self.errors), self.warnings


def known_version(text: str, name: str, catalog: Catalog) -> Version:
    """The platform version that a route starts or ends at.

    Args:
        text: the version.
        name: what it is, for the finding: ``FROM`` or ``TO``.
        catalog: the facts about upstream's charts.

    Raises:
        PlatformError: the text is not a version, or the catalog does not know its minor version.
    """
    version = parse_version(text)
    known = catalog.platform.known_minors
    if version is not None and not version.has_v and version.minor_line in known:
        return version
    raise PlatformError(
        [
            Finding(
                code="UPG021",
                severity="error",
                path=name,
                given=quote_value(text),
                allowed=f"a full version of {known[0]} to {known[-1]}, for example {catalog.platform.example}",
                why="No supported upgrades are known to or from any other version.",
                docs=catalog.edges.source,
            )
        ]
    )


def find_route(config: PlatformConfig, start: Version, goal: Version, catalog: Catalog) -> tuple[RouteStep, ...]:
    """The updates from one platform version to another, in order.

    Args:
        config: the configuration; its versions of KAI Scheduler and Grove are those after the last update, if they work
            with ``goal``, else the catalog's default ones.
        start: the version that is installed.
        goal: the version to install.
        catalog: the facts about upstream's charts.

    Returns:
        The updates; none if ``start`` is ``goal``.

    Raises:
        PlatformError: the route goes back over a change that cannot be undone, or nothing connects the two versions.
    """
    stops = catalog.stops(start, goal)
    if stops is None:
        raise PlatformError([_unconnected(start, goal, catalog)])
    if start == goal:
        return ()
    finder = _Finder(config, goal, catalog)
    running, current = finder.start(start, stops)
    steps = []
    for stop in stops:
        step = finder.step(running, current, stop)
        steps.append(step)
        running, current = from_config(step.config, catalog), step.config
    if (last := finder.last(running, current)) is not None:
        steps.append(last)
    back = [finding for step in steps for finding in step.errors if finding.code == "UPG001"]
    if back:
        raise PlatformError(back)
    return tuple(steps)


def _unconnected(start: Version, goal: Version, catalog: Catalog) -> Finding:
    return Finding(
        code="UPG021",
        severity="error",
        path="TO",
        given=str(goal),
        allowed=", ".join(map(str, catalog.edges.rows)),
        why=f"No series of supported upgrades leads from {start} to {goal}.",
        docs=catalog.edges.source,
    )


class _Finder:
    """Finds the updates of one route."""

    def __init__(self, config: PlatformConfig, goal: Version, catalog: Catalog) -> None:
        self.catalog = catalog
        self.given = config
        # Rules that only a cluster or a person can satisfy do not depend on the version.
        self.goal = self._at(config, goal, self._fitting(config, goal))

    def start(self, version: Version, stops: Sequence[Version]) -> tuple[Running, PlatformConfig]:
        """What is installed before the first update, and the configuration that installed it.

        If no version of KAI Scheduler or Grove is given, nor known to work with ``version``, it is that of
        the next stop.
        """
        fitting = [self._fitting(self.given, each) for each in (version, *stops)]
        versions = {key: next((found[key] for found in fitting if found[key]), None) for key in fitting[0]}
        config = self._at(self.given, version, versions)
        return from_version(str(version), config, self.catalog), config

    def step(self, running: Running, current: PlatformConfig, stop: Version) -> RouteStep:
        """The update to ``stop`` with the fewest errors and warnings, and then with the fewest changes."""
        options = [list(self._versions(d, current, stop)) for d in self._choices(current).dependencies]
        best: RouteStep | None = None
        for chosen in product(*options):
            step = self._made(running, current, self._at(current, stop, dict(zip(_KEYS, chosen, strict=True))))
            if best is None or step.cost < best.cost:
                best = step
            if best.cost == (0, 0):
                break
        assert best  # noqa: S101  there is always at least one option
        return best

    def last(self, running: Running, current: PlatformConfig) -> RouteStep | None:
        """The update that moves KAI Scheduler and Grove to their versions at the end; None if they are there."""
        now, goal = self._dependency_versions(current), self._dependency_versions(self.goal)
        if all(goal[key] in {None, now[key]} for key in goal):
            return None
        return self._made(running, current, self._at(current, _version(current), goal))

    def _choices(self, config: PlatformConfig, running: Running | None = None) -> Choices:
        return choose(config, self.catalog, provider_given=False, running=running)

    def _dependency_versions(self, config: PlatformConfig) -> dict[DependencyKey, Version | None]:
        return {d.key: d.version if d.mode in _WRITTEN else None for d in self._choices(config).dependencies}

    def _fitting(self, config: PlatformConfig, version: Version) -> dict[DependencyKey, Version | None]:
        """The given versions that work with a platform version, or its default ones."""
        return {
            d.key: (d.version if d.window is None or (d.version and d.window.holds(d.version)) else d.window.pick)
            or d.version
            for d in self._choices(_with_version(config, version)).dependencies
            if d.mode in _WRITTEN
        }

    def _versions(self, d: Dependency, current: PlatformConfig, stop: Version) -> Iterator[Version | None]:
        """The versions of a dependency to consider at a stop, best first: as now, the default, as at the end."""
        if d.mode not in _WRITTEN:
            yield None
            return
        before, after = self._window(d.key, _version(current)), self._window(d.key, stop)
        picks = [window.pick for window in (after, before) if window]
        wanted = [d.version, *picks[:1], self._dependency_versions(self.goal)[d.key], *picks[1:]]
        wanted += reversed(d.chart.versions)
        working = dict.fromkeys(v for v in wanted if v and (after is None or after.holds(v)))
        with_both = [v for v in working if before is None or before.holds(v)]
        yield from (with_both or [*working] or [*filter(None, [d.version])])[:_MOST_OPTIONS]

    def _window(self, key: DependencyKey, version: Version) -> Window | None:
        minor = self.catalog.minor(version)
        return (minor.kai_scheduler if key == "kaiScheduler" else minor.grove) if minor else None

    def _at(
        self, config: PlatformConfig, version: Version, dependencies: Mapping[DependencyKey, Version | None]
    ) -> PlatformConfig:
        """The configuration with other versions."""
        update: dict[str, Any] = {"version": str(version)}
        for key, field, kind in (
            ("kaiScheduler", "kai_scheduler", KaiSchedulerConfig),
            ("grove", "grove", GroveConfig),
        ):
            if chosen := dependencies.get(key):  # type: ignore[call-overload]
                part: DependencyConfig = getattr(config, field) or kind()
                update[field] = part.model_copy(update={"version": str(chosen)})
        return config.model_copy(update=update)

    def _made(self, running: Running, current: PlatformConfig, config: PlatformConfig) -> RouteStep:
        config = config.model_copy(update={"accept": self.given.accept})
        found = rules.judge(self._choices(config, running))
        pinned = self._pinned(config, running, {finding.path for finding in found if finding.code in _UNDECIDED})
        if pinned is not config:
            config, found = pinned, rules.judge(self._choices(pinned, running))
        accept = [f.accept for f in found if f.severity == "error" and f.code.startswith("UPG") and f.accept]
        if accept:
            codes = tuple(dict.fromkeys([*(config.accept or ()), *accept]))
            config = config.model_copy(update={"accept": codes})
        edge = None
        if running.platform and running.platform.version:
            edge = self.catalog.edges.between(running.platform.version.minor_line, _version(config).minor_line)
        notes: dict[Effect, list[Note]] = {effect: [] for effect in _EFFECTS}
        for finding in found:
            if effect := _EFFECT.get(finding.code):
                notes[effect].append(Note(finding.why, finding.allowed, finding.docs, finding.code))
        before = _installed(running, self._choices(current))
        after = _installed(from_config(config, self.catalog), self._choices(config))
        notes["by hand before"] += self._moved_by_others(before, after, config)
        notes["disturbs"] += self._always_disturbed(before, after, config)
        if edge:
            notes["disturbs"] += [Note(text, "", edge.sources[-1]) for text in edge.disturbs]
        notes["disturbs"] += self._outside(before, after, config)
        return RouteStep(
            before=before,
            after=after,
            settings=changed_settings(current, config),
            by_hand_before=tuple(notes["by hand before"]),
            by_hand_after=tuple(notes["by hand after"]),
            disturbs=tuple(notes["disturbs"]),
            cannot_be_undone=tuple(notes["cannot be undone"]),
            errors=tuple(f for f in found if f.severity == "error" and f.accept not in accept),
            warnings=len(_warnings(found) - _warnings(rules.judge(self._choices(current)))),
            edge=edge,
            verified=tuple(each for each in verified() if edge and each.of(edge)),
            config=config,
        )

    def _pinned(self, config: PlatformConfig, running: Running, undecided: set[str]) -> PlatformConfig:
        """The configuration with the modes written out that this update would change otherwise."""
        c = self._choices(config)
        update: dict[str, Any] = {}
        for key, mode in (("nats", running.nats), ("etcd", running.etcd)):
            if f"{key}.mode" in undecided and mode:
                update[key] = (getattr(config, key) or BackendConfig()).model_copy(update={"mode": mode})
        for d, field in ((c.kai, "kai_scheduler"), (c.grove, "grove")):
            if f"{d.key}.mode" in undecided and d.mode:
                update[field] = d.config.model_copy(update={"mode": d.mode})
        return config.model_copy(update=update) if update else config

    def _moved_by_others(
        self, before: Mapping[str, Version], after: Mapping[str, Version], config: PlatformConfig
    ) -> Iterator[Note]:
        """The charts that somebody else installs and has to upgrade first."""
        for d in self._choices(config).dependencies:
            old, new = before.get(d.name), after.get(d.name)
            if d.mode == "external" and old and new and old != new:
                yield Note(f"{d.name} is external: its owner moves it from {old} to {new}.", "", d.chart.source)

    def _always_disturbed(
        self, before: Mapping[str, Version], after: Mapping[str, Version], config: PlatformConfig
    ) -> Iterator[Note]:
        """What every update does that upgrades these charts."""
        moved = [name for name, version in after.items() if before.get(name) != version]
        yield Note(f"These operators restart: {', '.join(moved)}.", "", self.catalog.edges.source)
        if self._choices(config).kai.mode == "bundled":
            queues = self.catalog.platform.queues
            yield Note(
                f"The chart's hooks delete and recreate the queues {' and '.join(queues.names)}.", "", queues.source
            )

    def _outside(
        self, before: Mapping[str, Version], after: Mapping[str, Version], config: PlatformConfig
    ) -> Iterator[Note]:
        """The charts that move before the platform, to a version that does not work with the platform as it is."""
        platform = before.get(self.catalog.platform.chart)
        minor = self.catalog.minor(platform) if platform else None
        for d in self._choices(config).dependencies if platform and minor else ():
            window, new = self._window(d.key, platform) if platform else None, after.get(d.name)
            moves = d.mode in _WRITTEN and new and before.get(d.name) != new
            if moves and minor and window and new and not window.holds(new):
                yield Note(
                    f"Until the platform is upgraded too, {d.name} {new} runs with dynamo-platform {platform}: no "
                    "version is known that works with both.",
                    "",
                    minor.source,
                )


_KEYS: tuple[DependencyKey, DependencyKey] = ("kaiScheduler", "grove")
_MOST_OPTIONS = 6
"""Versions of a dependency to try at one stop."""

_UNDECIDED = frozenset({"UPG003", "UPG004"})
"""Findings about a mode that the configuration leaves to a default which changes."""

_EFFECTS: tuple[Effect, ...] = ("by hand before", "by hand after", "disturbs", "cannot be undone")
_EFFECT = {rule.code: rule.effect for rule in rules.RULES if rule.effect}


def _warnings(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    """The warnings about a configuration itself, as pairs of code and path."""
    return {(f.code, f.path) for f in findings if f.severity == "warning" and f.code not in _EFFECT}


def _version(config: PlatformConfig) -> Version:
    return Version.parse(config.version or "")


def _with_version(config: PlatformConfig, version: Version) -> PlatformConfig:
    return config.model_copy(update={"version": str(version)})


def _installed(running: Running, c: Choices) -> dict[str, Version]:
    versions = {"dynamo-platform": running.platform.version if running.platform else None}
    for installed, d in ((running.kai, c.kai), (running.grove, c.grove)):
        versions[d.name] = installed.version or (d.version if installed.on else None)
    return {name: version for name, version in versions.items() if version}


def changed_settings(before: PlatformConfig, after: PlatformConfig) -> dict[str, Any]:
    """The settings of a route's updates that differ between two configurations, by path; None if one is not set."""
    old, new = _scalars(before), _scalars(after)
    return {path: value for path, value in new.items() if old.get(path) != value}


def _scalars(config: PlatformConfig) -> dict[str, Any]:
    """The settings that an update may change."""
    found: dict[str, Any] = {"version": config.version}
    for key, part in (("kaiScheduler", config.kai_scheduler), ("grove", config.grove)):
        found |= {f"{key}.mode": part and part.mode, f"{key}.version": part and part.version}
    for key, backend in (("nats", config.nats), ("etcd", config.etcd)):
        found[f"{key}.mode"] = backend and backend.mode
    return found | {"accept": list(config.accept) if config.accept else None}


def route_data(steps: Sequence[RouteStep]) -> list[dict[str, Any]]:
    """A route for programs, with camelCase names."""
    return [
        {
            "before": {name: str(version) for name, version in step.before.items()},
            "after": {name: str(version) for name, version in step.after.items()},
            "settings": dict(step.settings),
            "byHandBefore": [note._asdict() for note in step.by_hand_before],
            "byHandAfter": [note._asdict() for note in step.by_hand_after],
            "disturbs": [note._asdict() for note in step.disturbs],
            "cannotBeUndone": [note._asdict() for note in step.cannot_be_undone],
            "errors": [finding.as_dict() for finding in step.errors],
            "reversible": step.edge.reversible if step.edge else None,
            "verified": [str(each) for each in step.verified],
        }
        for step in steps
    ]
