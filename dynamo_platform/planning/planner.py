"""The plan: what will be installed, in what order and with which values, decided before anything changes.

``make_plan`` is a pure function of the configuration, the catalog and the current installation. In a plan, each step
comes after everything it depends on; a back-end carries the steps out and decides nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dynamo_platform.catalog import Catalog, catalog_with
from dynamo_platform.catalog.model import LocalChart
from dynamo_platform.config.model import PlatformConfig
from dynamo_platform.config.reading import parse
from dynamo_platform.findings import Finding, PlatformError, by_severity

from . import rules
from .choosing import choose
from .model import Plan, Rendering, Running
from .sources import is_local
from .steps import steps_of

HERE = Path()
"""The current folder."""

ASSUMED_KUBERNETES = "1.33"
"""The Kubernetes version that charts are rendered for if the configuration does not set one."""


def plan_of(
    data: Mapping[str, Any],
    catalog: Catalog | None = None,
    *,
    stack: bool,
    running: Running | None = None,
    provider_given: bool = False,
    problems: Sequence[Finding] = (),
    folder: Path = HERE,
) -> Plan:
    """Read a configuration and plan it; errors of both are reported together.

    Args:
        data: the configuration as a mapping.
        catalog: the facts about upstream's charts. Default: as for :func:`make_plan`.
        stack: whether its names are camelCase, as in stack configuration (otherwise Python's snake_case).
        running: what this stack installed before; None for a new one.
        provider_given: whether the caller passes a Kubernetes provider, which then selects the cluster.
        problems: findings about entries that were already removed from ``data``.
        folder: as for :func:`make_plan`.

    Raises:
        PlatformError: the configuration has errors; the exception lists all of them.
    """
    config, unreadable = parse(data, stack=stack)
    known = [*problems, *_independent(unreadable, problems)]
    return make_plan(
        config, catalog, running, provider_given=provider_given, problems=known, stack=stack, folder=folder
    )


def make_plan(
    config: PlatformConfig,
    catalog: Catalog | None = None,
    running: Running | None = None,
    *,
    provider_given: bool = False,
    problems: Sequence[Finding] = (),
    stack: bool = False,
    folder: Path = HERE,
) -> Plan:
    """Plan a configuration.

    Args:
        config: the user's configuration.
        catalog: the facts about upstream's charts. Default: the catalog of this package, with the file that the
            configuration names.
        running: what this stack installed before; None for a new one.
        provider_given: whether the caller passes a Kubernetes provider, which then selects the cluster.
        problems: findings from reading the configuration.
        stack: whether names in findings are camelCase, as in stack configuration (otherwise snake_case).
        folder: the folder that local charts and the catalog's file are relative to. Default: the current folder.

    Raises:
        PlatformError: the configuration has errors; the exception lists all of them.
        TypeError: ``config`` is not a model.
    """
    if not isinstance(config, PlatformConfig):
        raise TypeError(f"make_plan takes a PlatformConfig, not a {type(config).__name__}; plan_of takes a mapping")
    if catalog is None:
        catalog, wrong = catalog_with(config.catalog, folder)
        problems = [*problems, *wrong]
    local = _local_charts(config, folder)
    c = choose(config, catalog, provider_given=provider_given, running=running, local=local)
    judged = [f if stack else _in_python(f) for f in rules.judge(c)]
    findings = [*problems, *_independent(judged, problems)]
    if any(f.severity == "error" for f in findings):
        raise PlatformError(findings)
    assert config.profile  # noqa: S101  a plan without errors has a profile
    return Plan(
        profile=config.profile,
        cluster=config.cluster.context if config.cluster else None,
        modes={d.name: str(d.mode) for d in c.dependencies},
        steps=tuple(steps_of(c)),
        protect=c.protect,
        rendering=_rendering(config, c.catalog),
        preview_objects=config.preview_objects is not False,
        findings=by_severity(findings),
        catalog=c.catalog,
    )


def _local_charts(config: PlatformConfig, folder: Path) -> dict[str, LocalChart]:
    """What the local charts of a configuration say about themselves, by their path in it."""
    charts = [part.chart for part in (config, config.kai_scheduler, config.grove) if part and part.chart]
    local = [chart for chart in charts if is_local(chart)]
    if not local:
        return {}
    from dynamo_platform.catalog.local import read_local_chart  # noqa: PLC0415  reads archives and YAML

    return {chart: read_local_chart(folder / chart) for chart in local}


def _rendering(config: PlatformConfig, catalog: Catalog) -> Rendering:
    served = config.api_versions
    return Rendering(
        kubernetes_version=config.kubernetes_version or ASSUMED_KUBERNETES,
        # Without any, Helm would use the versions of the cluster that it can reach.
        api_versions=("v1", *(api for api in served or () if api != "v1")),
        open_apis=(catalog.platform.monitors.api,) if served is None else (),
        groups=catalog.known_groups,
    )


def _independent(findings: Iterable[Finding], problems: Sequence[Finding]) -> Iterator[Finding]:
    """The findings that are not about an entry that could not be read."""
    unread = {problem.path for problem in problems}
    for finding in findings:
        above = (finding.path[: end.start()] for end in re.finditer(r"[.\[]|$", finding.path))
        if unread.isdisjoint(above):
            yield finding


def _in_python(finding: Finding) -> Finding:
    """The finding with the names of settings as in Python."""
    from dynamo_platform.config.fields import in_python  # noqa: PLC0415  needed only for a finding

    path, allowed, why = map(in_python, (finding.path, finding.allowed, finding.why))
    return finding._replace(path=path, allowed=allowed, why=why)
