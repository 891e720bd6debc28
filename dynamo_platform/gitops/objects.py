"""A plan as YAML objects, in folders to apply one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dynamo_platform.planning.model import Gate, Namespace, Plan, Queue, Release
from dynamo_platform.rendering.helm import RenderedRelease
from dynamo_platform.rendering.objects import Key, Manifest, annotations_of, flatten, hook_events, key_of
from dynamo_platform.trees import digest, value_at

from .readme import apply_command, kubectl, objects_readme, wait_commands
from .stages import (
    INSTALL_EVENTS,
    KEPT_KINDS,
    Annotate,
    Files,
    Stage,
    StageObject,
    as_rendered,
    queue_objects,
    steps_by_stage,
)

_HOOK_PREFIXES = ("helm.sh/hook", "argocd.argoproj.io/hook")
"""Prefixes of the annotations that make a tool treat an object as a hook."""


def object_files(plan: Plan, rendered: Sequence[RenderedRelease], annotate: Annotate = as_rendered) -> Files:
    """Every object as YAML, in folders to apply one after the other.

    Args:
        plan: the plan.
        rendered: its releases, without findings of :func:`check_rendered`.
        annotate: adds the annotations that a tool needs, such as :func:`with_sync_wave`. Default: none.
    """
    by_release = {each.release.name: list(_stage_objects(each)) for each in rendered}
    objects = [each for release in by_release.values() for each in release]
    defined = {(spec["group"], spec["names"]["kind"]) for spec in (each.crd for each in objects) if spec}
    stages = [Stage("crds-and-namespaces", _first_stage(plan, objects))]
    for title, steps in steps_by_stage(plan):
        match steps[0]:
            case Release():
                stages.append(
                    Stage(title, [each.with_rank(defined) for each in by_release[title] if not each.in_first_stage])
                )
            case Gate():
                stages.append(Stage(title, [], wait_commands(steps, plan.cluster)))
            case Queue():
                stages.append(Stage(title, queue_objects(steps, protect=plan.protect)))
    omitted = [hook for each in rendered for hook in _omitted_hooks(each)]
    files = {"README.md": objects_readme(plan, _apply_commands(plan, stages), omitted)}
    for number, stage in enumerate(stages, 1):
        files |= stage.files(number, annotate)
    return files


def installed_objects(
    rendered: RenderedRelease, manifests: Iterable[Manifest]
) -> Iterator[tuple[Key, Manifest, frozenset[str]]]:
    """The objects that an installation or upgrade creates, each with its hook events."""
    for key, manifest, events in _with_hook_events(rendered, manifests):
        if not events or (rendered.release.hooks and events & INSTALL_EVENTS):
            yield key, manifest, events


def _apply_commands(plan: Plan, stages: Sequence[Stage]) -> list[str]:
    """The commands that apply the stages, in order; the Jobs of a stage are complete before the next one."""
    timeouts = {release.name: release.timeout for release in plan.releases}
    commands: list[str] = []
    for number, stage in enumerate(stages, 1):
        commands += stage.waiting or [apply_command(number, stage.title, plan.cluster)]
        if any(each.crd for each in stage.objects):
            commands.append(f"{kubectl(plan.cluster)} wait --for=condition=Established --timeout=60s crd --all")
        commands += [
            f"{kubectl(plan.cluster)} wait --for=condition=Complete --timeout={timeouts[stage.title]}s "
            f"job.batch/{name} -n {namespace}"
            for _, kind, namespace, name in (each.key for each in stage.objects)
            if kind == "Job"
        ]
    return commands


def _omitted_hooks(rendered: RenderedRelease) -> Iterator[str]:
    """The hooks that are not written, each with the reason."""
    release = rendered.release
    installed = {key for key, _, _ in installed_objects(rendered, rendered.first)}
    for key, _, events in _with_hook_events(rendered, rendered.first):
        if key not in installed:
            off = events & INSTALL_EVENTS and not release.hooks
            reason = "the release's hooks are off" if off else f"a hook of {', '.join(sorted(events))}"
            yield f"{release.name}: {key.title} ({reason})"


def _with_hook_events(
    rendered: RenderedRelease, manifests: Iterable[Manifest]
) -> Iterator[tuple[Key, Manifest, frozenset[str]]]:
    for each in manifests:
        for manifest in flatten(each):
            yield key_of(manifest, rendered.release.namespace), manifest, hook_events(manifest)


def _stage_objects(rendered: RenderedRelease) -> Iterator[StageObject]:
    """A release's objects without hook annotations, so that applying them is idempotent."""
    installed = list(installed_objects(rendered, rendered.first))
    config_maps = {key.name: manifest for key, manifest, _ in installed if key.kind == "ConfigMap"}
    for key, manifest, events in installed:
        metadata = {
            name: value for name, value in manifest["metadata"].items() if name not in {"annotations", "namespace"}
        }
        if key.namespace:
            metadata["namespace"] = key.namespace
        annotations = annotations_of(manifest).items()
        if rest := {name: text for name, text in annotations if not name.startswith(_HOOK_PREFIXES)}:
            metadata["annotations"] = rest
        applicable = {**manifest, "metadata": metadata}
        if key.kind == "Job":
            applicable = _with_digest_in_name(applicable, config_maps)
        elif key.kind == "Secret":
            applicable = _without_data(applicable)
        yield StageObject(
            key._replace(name=applicable["metadata"]["name"]),
            applicable,
            after_release=bool(events & {"post-install", "post-upgrade"}),
            protected=key.kind in KEPT_KINDS,
        )


def _with_digest_in_name(manifest: Mapping[str, Any], config_maps: Mapping[str, Manifest]) -> dict[str, Any]:
    """A Job whose name ends with a digest of what it runs: Jobs are immutable, and a changed Job must run again.

    Its TTL is removed: a finished Job that is deleted would be recreated and run again.
    """
    spec = {key: value for key, value in manifest["spec"].items() if key != "ttlSecondsAfterFinished"}
    volumes = value_at(spec, "template.spec.volumes") or ()
    mounted = [(volume.get("configMap") or {}).get("name", "") for volume in volumes]
    suffix = digest([spec, [config_maps[name].get("data") for name in mounted if name in config_maps]])
    metadata = manifest["metadata"]
    return {**manifest, "metadata": metadata | {"name": f"{metadata['name'][:50]}-{suffix}"}, "spec": spec}


def _without_data(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret without keys, and without the type that requires them, so that an operator's keys are kept."""
    return {key: value for key, value in manifest.items() if key not in {"data", "stringData", "type"}}


def _first_stage(plan: Plan, objects: Iterable[StageObject]) -> list[StageObject]:
    """The releases' namespaces, and the charts' own namespaces and CRDs."""
    labelled = {each.namespace: each for each in plan.namespaces}
    namespaces = (_namespace(release.namespace, labelled.get(release.namespace)) for release in plan.releases)
    return list({each.key: each for each in [*namespaces, *objects] if each.in_first_stage}.values())


def _namespace(name: str, given: Namespace | None) -> StageObject:
    # With the label that Helm sets on namespaces that it creates.
    metadata: dict[str, Any] = {"name": name, "labels": {"name": name, **(given.labels if given else {})}}
    if given and given.annotations:
        metadata["annotations"] = dict(given.annotations)
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return StageObject(key_of(manifest, ""), manifest, protected=True)
