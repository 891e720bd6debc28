"""Every object as YAML, in folders to apply one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dynamo_platform.planning.model import Gate, Plan, Queue, Release
from dynamo_platform.rendering.helm import Rendered
from dynamo_platform.rendering.objects import Key, Manifest, annotations_of, flat, key_of
from dynamo_platform.trees import digest, value_at

from .readme import apply_command, objects_readme, wait_commands
from .stages import (
    CREATED_AT,
    NOT_HELMS_TO_DELETE,
    Annotate,
    Files,
    Stage,
    StageObject,
    plain,
    queue_objects,
    steps_by_stage,
)

HOOK = "helm.sh/hook"
_HOOKS = (HOOK, "argocd.argoproj.io/hook")


def as_objects(plan: Plan, rendered: Sequence[Rendered], annotate: Annotate = plain) -> Files:
    """Every object as YAML, in folders to be applied one after the other.

    Args:
        plan: what is planned.
        rendered: its releases, of which :func:`unrepeatable` has nothing to say.
        annotate: what a tool that applies the objects needs in each, such as :func:`with_sync_wave`; default nothing.
    """
    objects = {each.release.name: list(_ordinary(each)) for each in rendered}
    made = [each for several in objects.values() for each in several]
    defined = {(spec["group"], spec["names"]["kind"]) for spec in (each.crd for each in made) if spec}
    stages = [Stage("crds-and-namespaces", _clusters(plan, made))]
    for title, steps in steps_by_stage(plan):
        match steps[0]:
            case Release():
                stages.append(Stage(title, [each.ranked(defined) for each in objects[title] if not each.apart]))
            case Gate():
                stages.append(Stage(title, [], wait_commands(steps)))
            case Queue():
                stages.append(Stage(title, queue_objects(steps, protect=plan.protect)))
    left_out = [hook for each in rendered for hook in _left_out(each)]
    files = {"README.md": objects_readme(plan, _commands(stages), left_out)}
    for number, stage in enumerate(stages, 1):
        files |= stage.files(number, annotate)
    return files


def created(rendered: Rendered, manifests: Iterable[Manifest]) -> Iterator[tuple[Key, Manifest, set[str]]]:
    """What an install or upgrade makes, with the events of hooks."""
    for key, manifest, events in _all(rendered, manifests):
        if not events or (rendered.release.hooks and events & CREATED_AT):
            yield key, manifest, events


def _commands(stages: Sequence[Stage]) -> list[str]:
    """What applies the stages, in order."""
    commands: list[str] = []
    for number, stage in enumerate(stages, 1):
        commands += stage.waiting or [apply_command(number, stage.title)]
        if any(each.crd for each in stage.objects):
            commands.append("kubectl wait --for=condition=Established --timeout=60s crd --all")
    return commands


def _left_out(rendered: Rendered) -> Iterator[str]:
    """The hooks that do not become objects, each with the reason."""
    release = rendered.release
    made = {key for key, _, _ in created(rendered, rendered.first)}
    for key, _, events in _all(rendered, rendered.first):
        if key not in made:
            off = events & CREATED_AT and not release.hooks
            reason = "the release's hooks are off" if off else f"a hook of {', '.join(sorted(events))}"
            yield f"{release.name}: {key.title} ({reason})"


def _all(rendered: Rendered, manifests: Iterable[Manifest]) -> Iterator[tuple[Key, Manifest, set[str]]]:
    for each in manifests:
        for manifest in flat(each):
            events = annotations_of(manifest).get(HOOK, "")
            key = key_of(manifest, rendered.release.namespace)
            yield key, manifest, {event.strip() for event in events.split(",") if event}


def _ordinary(rendered: Rendered) -> Iterator[StageObject]:
    """A release's objects as ordinary ones: without hooks' annotations, and safe to apply again."""
    made = list(created(rendered, rendered.first))
    config_maps = {key.name: manifest for key, manifest, _ in made if key.kind == "ConfigMap"}
    for key, manifest, events in made:
        metadata = {
            name: value for name, value in manifest["metadata"].items() if name not in {"annotations", "namespace"}
        }
        if key.namespace:
            metadata["namespace"] = key.namespace
        if kept := {name: text for name, text in annotations_of(manifest).items() if not name.startswith(_HOOKS)}:
            metadata["annotations"] = kept
        ordinary = {**manifest, "metadata": metadata}
        if key.kind == "Job":
            ordinary = _job(ordinary, config_maps)
        elif key.kind == "Secret":
            ordinary = _empty_secret(ordinary)
        yield StageObject(
            key._replace(name=ordinary["metadata"]["name"]),
            ordinary,
            late=bool(events & {"post-install", "post-upgrade"}),
            lasting=key.kind in NOT_HELMS_TO_DELETE,
        )


def _job(manifest: Mapping[str, Any], config_maps: Mapping[str, Manifest]) -> dict[str, Any]:
    """A Job whose name says what it does: its spec cannot be changed, and a new one has to run.

    It stays when it has finished: one that deletes itself would be made and run again.
    """
    spec = {key: value for key, value in manifest["spec"].items() if key != "ttlSecondsAfterFinished"}
    volumes = value_at(spec, "template.spec.volumes") or ()
    mounted = [(volume.get("configMap") or {}).get("name", "") for volume in volumes]
    told = digest([spec, [config_maps[name].get("data") for name in mounted if name in config_maps]])
    metadata = manifest["metadata"]
    return {**manifest, "metadata": metadata | {"name": f"{metadata['name'][:50]}-{told}"}, "spec": spec}


def _empty_secret(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret that its operator fills, without keys (and the type that asks for them): what is there then stays."""
    return {key: value for key, value in manifest.items() if key not in {"data", "stringData", "type"}}


def _clusters(plan: Plan, made: Iterable[StageObject]) -> list[StageObject]:
    """What is in the first stage: the releases' namespaces, and what the charts have of the same kinds."""
    keys = [Key("v1", "Namespace", None, release.namespace) for release in plan.releases]
    namespaces = {
        # With the label that Helm gives to a namespace which it makes.
        key: StageObject(key, _object(key, labels={"name": key.name}), lasting=True)
        for key in keys
    }
    return list((namespaces | {each.key: each for each in made if each.apart}).values())


def _object(key: Key, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": key.api_version, "kind": key.kind, "metadata": {"name": key.name, **metadata}}
