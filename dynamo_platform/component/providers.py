"""The Kubernetes provider, which selects the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi_kubernetes import Provider

from dynamo_platform.cluster import kubeconfig
from dynamo_platform.findings import Finding, PlatformError, Severity, listed, quote_value
from dynamo_platform.planning.model import Running

from .stack import read_config

ANY_KUBERNETES_TYPE = "kubernetes:core/v1:Namespace"
"""A type by which Pulumi looks up a resource's Kubernetes provider."""

DEFAULT_PROVIDER_KEYS = ("kubernetes:kubeconfig", "kubernetes:context", "kubernetes:cluster")
"""Stack configuration that selects the default Kubernetes provider's cluster."""


TITLES = {"CLU003": "The kubeconfig does not have the context. An error in an update, a warning in a preview."}
"""The titles of the findings about the provider, by code."""


def with_same_cluster(running: Running | None) -> Running | None:
    """What is installed, with the contexts of the kubeconfig that select its cluster."""
    if running is None or running.context is None:
        return running
    return running._replace(same_cluster=kubeconfig.same_cluster(running.context))


def context_provider(name: str, context: str, running: Running | None, parent: pulumi.Resource) -> Provider:
    """Register the provider for a context of the kubeconfig.

    Credentials come from the environment, so that everyone gets the same preview. The identifier, not the content of
    the kubeconfig, determines whether it is another cluster; a context that is only renamed keeps it.
    """
    same = running is not None and (context == running.context or context in running.same_cluster)
    identifier = running.cluster if same and running and running.cluster else context
    return Provider(
        f"{name}-cluster",
        context=context,
        cluster_identifier=identifier,
        opts=pulumi.ResourceOptions(parent=parent, transformations=[_without_kubeconfig]),
    )


def _without_kubeconfig(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Remove the value of $KUBECONFIG, an input that the SDK adds; the plugin reads the variable on every machine."""
    props = {key: value for key, value in args.props.items() if key != "kubeconfig"}
    return pulumi.ResourceTransformationResult(props, args.opts)


def has_kubernetes_provider(opts: pulumi.ResourceOptions) -> bool:
    """Whether the options contain a Kubernetes provider, or the parent has one."""
    providers = opts.providers.values() if isinstance(opts.providers, Mapping) else (opts.providers or ())
    if any(isinstance(each, Provider) for each in (opts.provider, *providers)):
        return True
    return opts.parent is not None and opts.parent.get_provider(ANY_KUBERNETES_TYPE) is not None


def configures_default_provider() -> bool:
    """Whether the stack's configuration, and not only the kubeconfig, selects the default provider's cluster."""
    return not read_config().keys().isdisjoint(DEFAULT_PROVIDER_KEYS)


def check_context(context: str | None) -> None:
    """Check that the kubeconfig has the context, without which an update would fail midway or use another cluster.

    A preview needs no cluster, so it only warns. A machine without any kubeconfig is not checked.

    Raises:
        PlatformError: in an update, the kubeconfig does not have the context.
    """
    if context is None:
        return
    files = kubeconfig.files()
    known = {name for path in files for name in kubeconfig.contexts(path)}
    if not files or context in known:
        return
    preview = pulumi.runtime.is_dry_run()
    finding = unknown_context(context, sorted(known), files, "warning" if preview else "error")
    if not preview:
        raise PlatformError([finding])
    pulumi.log.warn(str(finding))


def unknown_context(context: str, known: Sequence[str], files: Sequence[Path], severity: Severity) -> Finding:
    """The finding about a context that is not in the kubeconfig.

    Args:
        context: the context in the configuration.
        known: the contexts of the kubeconfig.
        files: the files of the kubeconfig.
        severity: error or warning.
    """
    return Finding(
        code="CLU003",
        severity=severity,
        path="cluster.context",
        given=quote_value(context),
        allowed=listed(known) or "a context of the kubeconfig",
        why=f"The kubeconfig ({', '.join(map(str, files))}) has no such context. No other cluster is used instead.",
        docs="docs/findings.md#clu003",
    )
