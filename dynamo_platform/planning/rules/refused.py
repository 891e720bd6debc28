"""Rules about chart values that the charts themselves refuse: here they are refused before a chart is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dynamo_platform.catalog.model import Range, Refusal
from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices
from dynamo_platform.trees import value_at

from .base import DYNAMO, Verdict, rule
from .kai_config import kai_config

_VALIDATION = f"{DYNAMO}/blob/v1.0.1/deploy/helm/charts/platform/components/operator/templates"
_ELECTION = "dynamo-operator.controllerManager.leaderElection"
_REGISTRY = "dynamo-operator.dynamo.dockerRegistry"
_RESERVED = "DYN_OPERATOR_ALLOW_GMS_SNAPSHOT"


def _find_value(c: Choices, key: str) -> tuple[str, Any] | None:
    """The path and the value, possibly null, of a platform chart value in the configuration; None if it is not set."""
    places = [("values", c.config.values or {}, key)]
    places += [
        (f"{d.key}.values", d.values, key.removeprefix(f"{d.name}."))
        for d in c.dependencies
        if d.mode == "bundled" and key.startswith(f"{d.name}.")
    ]
    for at, values, path in places:
        above, _, name = path.rpartition(".")
        beside = value_at(values, above) if above else values
        if isinstance(beside, Mapping) and name in beside:
            return f"{at}.{path}", beside[name]
    return None


def _refuses(c: Choices, refusal: Range) -> bool:
    """Whether the platform's version is in a range that refuses something."""
    return c.version is not None and refusal.holds(c.version)


def _refused_value(
    c: Choices, refusal: Refusal, *, allowed: str, why: str, is_refused: Callable[[Any], bool] = bool
) -> Iterator[Verdict]:
    """The verdict about a chart value that a range of versions refuses."""
    given = _find_value(c, refusal.key)
    if given and _refuses(c, refusal) and is_refused(given[1]):
        yield Verdict(given[0], quote_value(given[1]), allowed, why, refusal.source)


def _is_restricted(c: Choices) -> bool:
    """Whether the operator is restricted to a namespace."""
    version = c.version or c.catalog.platform.versions[-1]
    return bool(c.catalog.setting("dynamo-platform", "operator.restricted", version, c.config.values or {}))


@rule("CHT001")
def removed_keys_are_gone(c: Choices) -> Iterator[Verdict]:
    """The chart refuses some keys of older versions, even if they are false."""
    for removed in c.catalog.platform.refusals.removed:
        for key, instead in removed.keys.items() if _refuses(c, removed) else ():
            if given := _find_value(c, key):
                path, value = given
                yield Verdict(
                    path,
                    quote_value(value),
                    instead,
                    f"The chart of dynamo-platform {c.version} refuses this key, with any value.",
                    removed.source,
                )


@rule("CHT002")
def values_are_those_the_chart_takes(c: Choices) -> Iterator[Verdict]:
    """Some keys of the chart accept only certain values."""
    for only in c.catalog.platform.refusals.only:
        given = _find_value(c, only.key)
        own_lock = only.key.startswith(_ELECTION) and _is_restricted(c)
        if given and _refuses(c, only) and (given[1] or "") not in only.values and not own_lock:
            path, value = given
            yield Verdict(
                path,
                quote_value(value),
                " or ".join(map(quote_value, only.values)),
                f"{only.why} The chart of dynamo-platform {c.version} refuses anything else.",
                only.source,
            )


@rule("CHT003")
def leader_election_has_a_namespace_of_its_own(c: Choices) -> Iterator[Verdict]:
    """Operators that watch the whole cluster share a lock, which cannot be in one release's namespace."""
    given = _find_value(c, f"{_ELECTION}.namespace")
    if given and given[1] == c.namespace and not _is_restricted(c):
        yield Verdict(
            given[0],
            quote_value(given[1]),
            "no value (the default is kube-system), or a namespace that all platforms share",
            "An operator that watches the whole cluster shares its lock with all others; the chart refuses the "
            "release's own namespace.",
            f"{_VALIDATION}/_validation.tpl",
        )


@rule("CHT004")
def docker_registry_is_complete(c: Choices) -> Iterator[Verdict]:
    """A pull secret that the chart creates needs all its parts."""
    registry = value_at(c.values["dynamo-platform"], _REGISTRY) if c.config.values else None
    if not isinstance(registry, dict) or registry.get("useKubernetesSecret") is not True:
        return
    needed = ["server"] + (["username", "password"] if not registry.get("existingSecretName") else [])
    for name in needed:
        if not registry.get(name):
            yield Verdict(
                f"values.{_REGISTRY}.{name}",
                quote_value(registry.get(name)) if registry.get(name) is not None else "nothing",
                "a value, or useKubernetesSecret false",
                "The chart creates a pull secret from server, username and password (or existingSecretName for the "
                "last two), and fails if one is missing.",
                f"{_VALIDATION}/_helpers.tpl",
            )


@rule("CHT005")
def restricted_operator_leaves_crds_alone(c: Choices) -> Iterator[Verdict]:
    """An operator that is restricted to a namespace must not apply CRDs, which are cluster-scoped."""
    refusal = c.catalog.platform.refusals.restricted_upgrades_crds
    values = c.config.values or {}
    upgrades = value_at(values, refusal.key)
    if _refuses(c, refusal) and _is_restricted(c) and upgrades is not False:
        yield Verdict(
            f"values.{refusal.key}",
            "nothing" if upgrades is None else quote_value(upgrades),
            "false, and apply the CRDs beforehand",
            "The operator is restricted to a namespace, and CRDs are cluster-scoped: the chart refuses both together.",
            refusal.source,
        )


@rule("CHT006")
def webhooks_serve_the_whole_cluster(c: Choices) -> Iterator[Verdict]:
    """Workloads outside the selected namespaces would not be validated."""
    refusal = c.catalog.platform.refusals.webhook_selector
    why = "The operator's webhooks serve the whole cluster; the chart refuses a selector."
    yield from _refused_value(c, refusal, allowed="remove the key", why=why)


@rule("CHT011")
def volcano_does_not_go_with_kai(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler and Volcano would schedule the same pods."""
    refusal = c.catalog.platform.refusals.volcano_with_kai
    why = f"KAI Scheduler is {c.kai.mode}, and the chart accepts only one of the two schedulers."
    if c.kai.on:
        yield from _refused_value(c, refusal, allowed="false, or kaiScheduler.mode disabled", why=why)


@rule("CHT007")
def bundled_pair_has_its_grace_period(c: Choices) -> Iterator[Verdict]:
    """If KAI Scheduler and Grove are both bundled, the chart requires a grace period of exactly -1s."""
    refusal, wanted = c.catalog.platform.refusals.staleness, c.catalog.kai_and_grove.staleness.value
    why = (
        "With -1, which has no unit, the scheduler does not start, and with any other period it evicts gangs that "
        "Grove has not completed yet. The chart refuses both."
    )
    if c.kai.mode == c.grove.mode == "bundled":
        allowed = f"{quote_value(wanted)}, the default here"
        yield from _refused_value(c, refusal, allowed=allowed, why=why, is_refused=lambda given: given != wanted)


@rule("CHT008")
def operator_environment_has_no_reserved_name(c: Choices) -> Iterator[Verdict]:
    """The chart sets one of the operator's environment variables itself."""
    refusal = c.catalog.platform.refusals.reserved_env
    given = _find_value(c, refusal.key)
    for i, entry in enumerate(given[1] if given and isinstance(given[1], list) else ()):
        if _refuses(c, refusal) and isinstance(entry, dict) and entry.get("name") == _RESERVED:
            yield Verdict(
                f"values.{refusal.key}[{i}].name",
                _RESERVED,
                "dynamo-operator.featureGates.gmsSnapshot",
                f"The chart of dynamo-platform {c.version} sets this variable itself and refuses a second value.",
                refusal.source,
            )


@rule("CHT009")
def lpx_has_its_grove(c: Choices) -> Iterator[Verdict]:
    """LPX workloads need Grove."""
    refusal = c.catalog.platform.refusals.lpx_without_grove
    allowed = "false, or grove.mode separate, bundled or external"
    if not c.grove.on:
        why = "LPX workloads need Grove, and Grove is disabled: the chart refuses this."
        yield from _refused_value(c, refusal, allowed=allowed, why=why)


@rule("CHT010")
def kai_config_is_created_once(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler's chart creates its Config either in the release or with a Job."""
    refusal = c.catalog.kai_scheduler.refusals.kai_config_twice
    config = kai_config(c, refusal)
    if config and config.inline is True and config.by_job is not False:
        yield Verdict(
            f"kaiScheduler.values.{refusal.key}",
            "true",
            "false, or kaiConfigDeployer.enabled false too",
            "Config/kai-config is created once: as an object of the release, or by the deployer's Job. The chart "
            "refuses both together.",
            refusal.source,
        )
