"""The releases, gates, webhooks, operator flags and images against the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from dynamo_platform.cluster.observe import LiveObject, is_rolled_out, pods_of, reason_of
from dynamo_platform.cluster.reader import Unread
from dynamo_platform.cluster.webhooks import DENIED, classify
from dynamo_platform.planning.model import Gate, Plan, Release
from dynamo_platform.rendering.objects import images_of, key_of
from dynamo_platform.trees import walk

from .commands import Commands
from .model import Check, HelmRelease, Snapshot
from .planned import Planned
from .reading import key_of_gate

MAX_PATHS = 3
"""Paths of differing chart values that a check names."""

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_OPERATOR_CONFIGURATION = "OperatorConfiguration"
"""The kind of the document in the ConfigMap that Dynamo's operator reads when it starts."""
_ORCHESTRATORS = "orchestrators"
_FLAGS = {"kai-scheduler": "kaiScheduler", "grove": "grove"}
"""The keys of KAI Scheduler and Grove among the orchestrators."""
_MANAGED_BY = "app.kubernetes.io/managed-by"
_KAI_OPERATOR = "kai-operator"
"""The Deployment of KAI Scheduler's operator, and its name in the label of the Deployments that it creates."""

_REGISTRATIONS = "get validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide"

NOT_RENDERED = "the charts were not rendered"


def check_releases(plan: Plan, snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    """Whether Helm has each release in its version, with its values, and deployed."""
    for release in plan.releases:
        found = snapshot.releases[release.name]
        title = release.name
        if isinstance(found, Unread):
            yield Check("releases", title, "not checked", seen=found.why)
        elif found is None:
            yield Check("releases", title, "differs", "", release.version, "not installed", "refresh", commands.up)
        else:
            problems = [
                Check("releases", title, "differs", path, expected, seen, "refresh", commands.up)
                for path, expected, seen in _release_differences(release, found)
            ]
            yield from problems or [Check("releases", title, "ok", seen=f"{found.version} (revision {found.revision})")]


def _release_differences(release: Release, found: HelmRelease) -> Iterator[tuple[str, str, str]]:
    """What differs, as path, expected and seen."""
    if found.version != release.version:
        yield "version", release.version, found.version
    if found.status != "deployed":
        yield "status", "deployed", found.status
    wanted, given = (dict(walk(_without_nulls(values))) for values in (release.values, found.values))
    paths = sorted(path for path in wanted.keys() | given.keys() if wanted.get(path) != given.get(path))
    if paths:
        more = f" and {len(paths) - MAX_PATHS} more" if len(paths) > MAX_PATHS else ""
        yield "values", "as planned", f"others at {', '.join(paths[:MAX_PATHS])}{more}"


def _without_nulls(value: Any) -> Any:
    """Chart values as the provider passes them to Helm, in any of its versions."""
    if isinstance(value, Mapping):
        cleaned = {key: _without_nulls(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item is not None and item != {}}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def check_gates(plan: Plan, snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    """Whether the objects that the gates wait for are ready now."""
    for gate in plan.steps:
        if isinstance(gate, Gate):
            yield _check_gate(gate, snapshot, commands)


def _check_gate(gate: Gate, snapshot: Snapshot, commands: Commands) -> Check:
    key = key_of_gate(gate)
    live = snapshot.objects[key]
    if isinstance(live, Unread):
        return Check("gates", key.title, "not checked", seen=live.why)
    if live is None:
        seen = "does not exist"
    elif gate.condition is None:
        seen = gate.ready if is_rolled_out(live) else "not rolled out"
    else:
        seen = _condition(live, gate.condition)
    if seen == gate.ready:
        return Check("gates", key.title, "ok", seen=seen)
    return Check("gates", key.title, "differs", "", gate.ready, seen, "none", commands.describe(key))


def _condition(live: LiveObject, kind: str) -> str:
    """The condition's name if it is true for the newest generation; else its state and the reason."""
    generation = live["metadata"].get("generation")
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition["type"] == kind:
            if condition.get("observedGeneration", generation) != generation:
                return f"{kind} of an older generation"
            return kind if condition["status"] == "True" else f"{kind} {condition['status']}{reason_of(condition)}"
    return f"no condition {kind}"


def check_webhooks(snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    """Whether the API server would create a small object of each kind, which calls its webhooks."""
    for kind, answer in snapshot.answers.items():
        if isinstance(answer, Unread):
            yield Check("webhooks", kind, "not checked", seen=answer.why)
        elif answer is None:
            yield Check("webhooks", kind, "differs", "", "answers", "the cluster does not serve this kind", "none")
        elif not answer.error:
            yield Check("webhooks", kind, "ok", seen="answers")
        elif re.search(DENIED, answer.error, re.DOTALL):
            # It may be the policy of someone else that refuses the test object.
            yield Check("webhooks", kind, "not checked", seen=f"the test object was refused: {answer.error}")
        else:
            service = re.search(r'Post "https://[^./"]*\.([^./"]*)\.svc', answer.error)
            show = f"get services,endpointslices,pods -n {service[1]}" if service else _REGISTRATIONS
            yield Check(
                "webhooks", kind, "differs", "", "answers", _cause(answer.error), "none", commands.kubectl(show)
            )


def _cause(error: str) -> str:
    """An error of a webhook without its address, and what it means."""
    text = re.sub(r'failed to call webhook: Post "[^"]*": |Internal error occurred: ', "", error)
    failure = classify(error)
    return f"{text}. {failure.cause.meaning}" if failure else text


def check_operator(plan: Plan, snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    """Whether Dynamo's operator runs with the planned flags."""
    found = snapshot.lists["ConfigMap"]
    if isinstance(found, Unread):
        yield Check("operator", "", "not checked", seen=found.why)
        return
    configured = next(((each, text) for each in found or () for text in _configurations(each)), None)
    if configured is None:
        yield Check("operator", "", "not checked", seen=f"no ConfigMap holds its {_OPERATOR_CONFIGURATION}")
        return
    config_map, configuration = configured
    flags = configuration[_ORCHESTRATORS] or {}
    title = key_of({**config_map, "kind": "ConfigMap"}, "").title
    for name, mode in plan.modes.items():
        wanted, seen = mode != "disabled", bool((flags.get(_FLAGS[name]) or {}).get("enabled"))
        if wanted == seen:
            yield Check("operator", name, "ok", seen="on" if seen else "off")
        else:
            texts = ("on" if wanted else "off", "on" if seen else "off")
            path = f"{_ORCHESTRATORS}.{_FLAGS[name]}.enabled"
            yield Check("operator", title, "differs", path, *texts, "upgrade", commands.up)
    changed = _changed(config_map)
    for pod in _pods_with(config_map, snapshot):
        started = (pod.get("status") or {}).get("startTime", "")
        if started and started < changed:
            deployment = pod["metadata"]["name"].rsplit("-", 2)[0]
            yield Check(
                "operator",
                f"Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}",
                "differs",
                "",
                "started with the newest configuration",
                f"started at {started}, before the ConfigMap changed at {changed}",
                "none",
                commands.kubectl(f"rollout restart deployment {deployment} -n {pod['metadata']['namespace']}"),
            )


def _configurations(config_map: LiveObject) -> Iterator[Mapping[str, Any]]:
    for text in (config_map.get("data") or {}).values():
        if _OPERATOR_CONFIGURATION in text:
            try:
                document = yaml.safe_load(text)
            except yaml.YAMLError:
                continue
            # Grove's operator has a configuration of the same kind.
            if isinstance(document, Mapping) and _ORCHESTRATORS in document:
                yield document


def _changed(item: LiveObject) -> str:
    """When an object was last changed."""
    metadata = item["metadata"]
    times = [each.get("time", "") for each in metadata.get("managedFields") or ()]
    return str(max([metadata["creationTimestamp"], *times]))


def _pods_with(config_map: LiveObject, snapshot: Snapshot) -> Iterator[LiveObject]:
    """The pods that mount a ConfigMap."""
    metadata = config_map["metadata"]
    for pod in snapshot.listed("Pod"):
        if pod["metadata"]["namespace"] == metadata["namespace"] and any(
            (volume.get("configMap") or {}).get("name") == metadata["name"]
            for volume in pod["spec"].get("volumes") or ()
        ):
            yield pod


def check_workloads(planned: Sequence[Planned] | None, snapshot: Snapshot, commands: Commands) -> Iterator[Check]:
    """Whether the platform's workloads are rolled out, and their pods run the planned images and no others.

    The images of KAI Scheduler's operands have the tag of its operator, unless its configuration sets others.
    """
    unread = [found for kind in (*_WORKLOADS, "Pod") if isinstance(found := snapshot.lists[kind], Unread)]
    if planned is None or unread:
        yield Check("workloads", "", "not checked", seen=unread[0].why if unread else NOT_RENDERED)
        return
    keys = {each.key for each in planned}
    images = {image for each in planned for image in images_of(each.manifest)}
    tags = {_tag(image) for each in planned if each.key.name == _KAI_OPERATOR for image in images_of(each.manifest)}
    for kind in _WORKLOADS:
        for workload in snapshot.listed(kind):
            key = key_of({**workload, "apiVersion": "apps/v1", "kind": kind}, "")
            is_operand = (workload["metadata"].get("labels") or {}).get(_MANAGED_BY) == _KAI_OPERATOR and tags
            if key not in keys and not is_operand:
                continue
            if kind != "DaemonSet" and not is_rolled_out(workload):
                yield Check(
                    "workloads",
                    key.title,
                    "differs",
                    "",
                    "rolled out",
                    "not rolled out",
                    "none",
                    commands.describe(key),
                )
            namespace = workload["metadata"]["namespace"]
            pods = [pod for pod in snapshot.listed("Pod") if pod["metadata"]["namespace"] == namespace]
            running = sorted({image for pod in pods_of(workload, pods) for image in _pod_images(pod)})
            others = [each for each in running if each not in images and not (is_operand and _tag(each) in tags)]
            if others:
                yield Check(
                    "images",
                    key.title,
                    "differs",
                    "",
                    "planned images",
                    ", ".join(others),
                    "none",
                    commands.describe(key),
                )
            else:
                yield Check("images", key.title, "ok", seen=", ".join(running))


def _pod_images(pod: LiveObject) -> Iterator[str]:
    spec = pod["spec"]
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        yield container["image"]


def _tag(image: str) -> str:
    return image.rpartition(":")[2]
