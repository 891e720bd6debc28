"""A plan as Helm values with an index, and its queues as objects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dynamo_platform.planning.model import Gate, Namespace, Plan, Queue, Release
from dynamo_platform.planning.sources import is_local
from dynamo_platform.rendering.objects import key_of

from .readme import apply_command, helm_command, values_readme, wait_commands
from .stages import Files, Stage, StageObject, queue_objects, steps_by_stage
from .yamlfiles import dump

INDEX = "releases.yaml"
"""The file that lists the releases, for programs."""


def values_files(plan: Plan, project: Path, out: Path) -> Files:
    """A values file for each release with an index, and the queues as objects, in numbered folders.

    Args:
        plan: the plan.
        project: the folder that local charts are relative to.
        out: the folder of the files, which paths in them are relative to.
    """
    files: Files = {}
    releases: list[dict[str, Any]] = []
    commands: list[str] = []
    for number, (title, steps) in enumerate(steps_by_stage(plan), 1):
        match steps[0]:
            case Release() as given:
                chart = os.path.relpath(project / given.chart, out) if is_local(given.chart) else given.chart
                release = given._replace(chart=chart)
                path = f"{number}-{title}/values.yaml"
                files[path] = (
                    f"# Helm values of {title} {release.version} from {release.source}\n{dump([release.values])}"
                )
                releases.append(
                    {
                        "name": release.name,
                        "namespace": release.namespace,
                        "chart": release.chart,
                        "repository": release.repository,
                        "version": release.version,
                        "hooks": release.hooks,
                        "timeout": release.timeout,
                        "values": path,
                    }
                )
                commands.append(helm_command(release, path, plan.cluster))
            case Gate():
                files |= Stage(title, [], wait_commands(steps, plan.cluster)).files(number)
                commands += wait_commands(steps, plan.cluster)
            case Namespace() as namespace:
                key = key_of(namespace.manifest, "")
                files |= Stage(title, [StageObject(key, namespace.manifest)]).files(number)
                commands.append(apply_command(number, title, plan.cluster))
            case Queue():
                files |= Stage(title, queue_objects(steps, protect=False)).files(number)
                commands.append(apply_command(number, title, plan.cluster))
    files[INDEX] = f"# Install the releases in this order.\n{dump([{'releases': releases}])}"
    files["README.md"] = values_readme(plan, commands, INDEX)
    return dict(sorted(files.items()))
