"""Rules about chart values that the charts themselves fail on: here they are refused before anything is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dynamo_platform.findings import shown
from dynamo_platform.planning.choices import Choices
from dynamo_platform.trees import value_at

from .base import DYNAMO, Verdict, rule

_VALIDATION = f"{DYNAMO}/blob/v1.0.1/deploy/helm/charts/platform/components/operator/templates"
_ELECTION = "dynamo-operator.controllerManager.leaderElection"
_REGISTRY = "dynamo-operator.dynamo.dockerRegistry"
_RESERVED = "DYN_OPERATOR_ALLOW_GMS_SNAPSHOT"


def _given(c: Choices, key: str) -> tuple[str, Any] | None:
    """Where the configuration's values have a key of the platform's chart, and what stands there, be it null."""
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


def _is_restricted(c: Choices) -> bool:
    """Whether the operator is restricted to a namespace."""
    values, version = c.config.values or {}, c.version
    return bool(version and c.catalog.setting("dynamo-platform", "operator.restricted", version, values))


@rule("CHT001")
def removed_keys_are_gone(c: Choices) -> Iterator[Verdict]:
    """Keys of older versions, which the chart fails on even where they say false."""
    for removed in c.catalog.platform.refusals.removed:
        for key, instead in removed.keys.items() if c.version and removed.holds(c.version) else ():
            if given := _given(c, key):
                path, value = given
                yield Verdict(
                    path,
                    shown(value),
                    instead,
                    f"The chart of dynamo-platform {c.version} fails where this key is there, whatever it says.",
                    removed.source,
                )


@rule("CHT002")
def values_are_those_the_chart_takes(c: Choices) -> Iterator[Verdict]:
    """Keys with a few values, which the chart checks."""
    for only in c.catalog.platform.refusals.only:
        given = _given(c, only.key)
        own_lock = only.key.startswith(_ELECTION) and _is_restricted(c)
        if given and c.version and only.holds(c.version) and (given[1] or "") not in only.values and not own_lock:
            path, value = given
            yield Verdict(
                path,
                shown(value),
                " or ".join(map(shown, only.values)),
                f"{only.why} The chart of dynamo-platform {c.version} fails on anything else.",
                only.source,
            )


@rule("CHT003")
def leader_election_has_a_namespace_of_its_own(c: Choices) -> Iterator[Verdict]:
    """The lock of operators that watch the whole cluster cannot be in one release's namespace."""
    given = _given(c, f"{_ELECTION}.namespace")
    if given and given[1] == c.namespace and not _is_restricted(c):
        yield Verdict(
            given[0],
            shown(given[1]),
            "no value, which is kube-system, or a namespace that all platforms share",
            "An operator that watches the whole cluster shares its lock with every other; the chart fails on the "
            "release's own namespace.",
            f"{_VALIDATION}/_validation.tpl",
        )


@rule("CHT004")
def docker_registry_is_complete(c: Choices) -> Iterator[Verdict]:
    """A pull secret that the chart makes needs all its parts."""
    registry = value_at(c.values["dynamo-platform"], _REGISTRY) if c.config.values else None
    if not isinstance(registry, dict) or registry.get("useKubernetesSecret") is not True:
        return
    needed = ["server"] + (["username", "password"] if not registry.get("existingSecretName") else [])
    for name in needed:
        if not registry.get(name):
            yield Verdict(
                f"values.{_REGISTRY}.{name}",
                shown(registry.get(name)) if registry.get(name) is not None else "nothing",
                "a value, or useKubernetesSecret false",
                "The chart makes a pull secret of server, username and password (existingSecretName stands for the "
                "last two), and fails where one is missing.",
                f"{_VALIDATION}/_helpers.tpl",
            )


@rule("CHT005")
def restricted_operator_leaves_crds_alone(c: Choices) -> Iterator[Verdict]:
    """CRDs are the cluster's, an operator of one namespace must not apply them."""
    refusal = c.catalog.platform.refusals.restricted_upgrades_crds
    values = c.config.values or {}
    upgrades = value_at(values, refusal.key)
    if c.version and refusal.holds(c.version) and _is_restricted(c) and upgrades is not False:
        yield Verdict(
            f"values.{refusal.key}",
            "nothing" if upgrades is None else shown(upgrades),
            "false, with the CRDs applied before",
            "The operator is restricted to a namespace, and CRDs are the cluster's: the chart fails on both together.",
            refusal.source,
        )


@rule("CHT006")
def webhooks_serve_the_whole_cluster(c: Choices) -> Iterator[Verdict]:
    """Workloads outside the selected namespaces would go unchecked."""
    refusal = c.catalog.platform.refusals.webhook_selector
    given = _given(c, refusal.key)
    if given and given[1] and c.version and refusal.holds(c.version):
        yield Verdict(
            given[0],
            shown(given[1]),
            "the key left out",
            "The operator's webhooks serve the whole cluster; the chart fails on a selector.",
            refusal.source,
        )


@rule("CHT011")
def volcano_does_not_go_with_kai(c: Choices) -> Iterator[Verdict]:
    """Both would schedule the same pods."""
    refusal = c.catalog.platform.refusals.volcano_with_kai
    given = _given(c, refusal.key)
    if given and given[1] and c.kai.on and c.version and refusal.holds(c.version):
        yield Verdict(
            given[0],
            shown(given[1]),
            "false, or kaiScheduler.mode disabled",
            f"KAI Scheduler is {c.kai.mode}, and the chart takes one scheduler of the two.",
            refusal.source,
        )


@rule("CHT007")
def bundled_pair_has_its_grace_period(c: Choices) -> Iterator[Verdict]:
    """With both bundled the chart insists on the grace period, and on its spelling."""
    refusal, wanted = c.catalog.platform.refusals.staleness, c.catalog.kai_and_grove.staleness.value
    both = c.kai.mode == c.grove.mode == "bundled"
    if not (both and c.version and refusal.holds(c.version)):
        return
    given = _given(c, refusal.key)
    if given and given[1] != wanted:
        yield Verdict(
            given[0],
            shown(given[1]),
            f"{shown(wanted)}, which is written where nothing is said",
            "It is a duration: -1 stops the scheduler from starting, and any other period lets it evict gangs that "
            "Grove is still building. The chart fails on both.",
            refusal.source,
        )


@rule("CHT008")
def operator_environment_has_no_reserved_name(c: Choices) -> Iterator[Verdict]:
    """One variable is the chart's own."""
    refusal = c.catalog.platform.refusals.reserved_env
    given = _given(c, refusal.key)
    for i, entry in enumerate(given[1] if given and isinstance(given[1], list) else ()):
        if c.version and refusal.holds(c.version) and isinstance(entry, dict) and entry.get("name") == _RESERVED:
            yield Verdict(
                f"values.{refusal.key}[{i}].name",
                _RESERVED,
                "dynamo-operator.featureGates.gmsSnapshot",
                f"The chart of dynamo-platform {c.version} sets this variable itself and fails on another.",
                refusal.source,
            )


@rule("CHT009")
def lpx_has_its_grove(c: Choices) -> Iterator[Verdict]:
    """LPX workloads are Grove's."""
    refusal = c.catalog.platform.refusals.lpx_without_grove
    given = _given(c, refusal.key)
    if given and given[1] and not c.grove.on and c.version and refusal.holds(c.version):
        yield Verdict(
            given[0],
            shown(given[1]),
            "false, or grove.mode separate, bundled or external",
            "LPX workloads are Grove's, and Grove is disabled: the chart fails.",
            refusal.source,
        )


@rule("CHT010")
def kai_config_has_one_maker(c: Choices) -> Iterator[Verdict]:
    """KAI Scheduler's chart makes its Config in the release or by a Job."""
    kai, refusal = c.kai, c.catalog.kai_scheduler.refusals.kai_config_twice
    if kai.mode not in {"separate", "bundled"} or not kai.version or not refusal.holds(kai.version):
        return
    by_job, inline = (
        c.catalog.setting("kai-scheduler", setting, kai.version, c.values["kai-scheduler"])
        for setting in ("kaiConfig.byJob", "kaiConfig.inline")
    )
    if inline is True and by_job is not False:
        yield Verdict(
            f"kaiScheduler.values.{refusal.key}",
            "true",
            "false, or kaiConfigDeployer.enabled false too",
            "Config/kai-config is made once: as an object of the release, or by the deployer's Job. The chart fails on "
            "both together.",
            refusal.source,
        )
