"""The commands that repair what differs."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple

from dynamo_platform.planning.model import Plan
from dynamo_platform.rendering.objects import CRD, Key

from .planned import Planned


class Commands(NamedTuple):
    """The commands for a stack on its cluster.

    Attributes:
        plan: the stack's plan.
        stack: the stack's name.
        context: the kubeconfig context; None for the current one.
    """

    plan: Plan
    stack: str
    context: str | None

    @property
    def up(self) -> str:
        """The update that compares the stack's own resources with the cluster."""
        return f"pulumi up --refresh --stack {shlex.quote(self.stack)}"

    def kubectl(self, arguments: str) -> str:
        """A kubectl command on the cluster."""
        context = f" --context {shlex.quote(self.context)}" if self.context else ""
        return f"kubectl{context} {arguments}"

    def describe(self, key: Key) -> str:
        """The command that shows an object with its events."""
        return self.kubectl(f"describe {resource(key)}")

    def patch(self, key: Key, patch: str) -> str:
        """The command that changes some fields of an object."""
        return self.kubectl(f"patch {resource(key)} --type json -p '{patch}'")

    def rewrite(self, planned: Planned, *, missing: bool) -> str:
        """The command that writes an object again, as planned."""
        release = next((each for each in self.plan.releases if each.name == planned.release), None)
        if release is None:
            return self.up
        apply = self.kubectl("apply --server-side --force-conflicts -f -")
        repository = f" --repo {shlex.quote(release.repository)}" if release.repository else ""
        chart = f"{shlex.quote(release.chart)}{repository} --version {release.version}"
        helm = f"helm --kube-context {shlex.quote(self.context)}" if self.context else "helm"
        if (planned.if_missing if missing else planned.if_edited) == "upgrade":
            hooks = "" if release.hooks else " --no-hooks"
            return f"{helm} upgrade {release.name} {chart} -n {release.namespace} --reuse-values{hooks}"
        if planned.key.kind == CRD:
            return f"helm show crds {chart} | {apply}"
        if missing:
            return f"echo {shlex.quote(json.dumps(planned.manifest, separators=(',', ':')))} | {apply}"
        return f"{helm} get manifest {release.name} -n {release.namespace} | {apply}"


def resource(key: Key) -> str:
    """An object as kubectl's argument: ``deployment.apps grove-operator -n grove-system``."""
    group = key.api_version.rpartition("/")[0]
    kind = f"{key.kind.lower()}.{group}" if group else key.kind.lower()
    return f"{kind} {shlex.quote(key.name)}" + (f" -n {key.namespace}" if key.namespace else "")
