"""The GitOps back-end: a plan as files, for clusters that get them by other means than Pulumi.

A plan becomes a mapping from path to text, in folders that sort in the order in which a cluster has to get them. The
same plan and charts make the same bytes. There is no I/O here.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from .catalog import Catalog
from .findings import Finding
from .keys import nearest_recording, recorded
from .objects import Key, Manifest, annotations_of, flat, key_of
from .plan import Gate, Plan, Queue, Release, Step, digest
from .rendering import generated, secret_contents, undecided
from .values import merged, value_at
from .versions import Version

if TYPE_CHECKING:
    from .helm import Rendered

Files = dict[str, str]
"""Texts by path."""

INDEX = "releases.yaml"
"""The list of releases, for programs that read the values form."""

_HOOK = "helm.sh/hook"
_HOOKS = (_HOOK, "argocd.argoproj.io/hook")
_WAVE = "argocd.argoproj.io/sync-wave"
_OPTIONS = "argocd.argoproj.io/sync-options"
_MADE = {"pre-install", "post-install", "pre-upgrade", "post-upgrade"}
_WORKLOADS = {"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"}
_NOT_HELMS_TO_DELETE = ("CustomResourceDefinition", "Namespace")
_TOGETHER: Mapping[type[Step], str] = {Gate: "gates", Queue: "queues"}
_INLINE_CONFIG: dict[str, Any] = {"kaiConfig": {"render": True}, "kaiConfigDeployer": {"enabled": False}}
_MONITORS = ("monitoring.podMonitors", "monitoring.metricsService")


def with_inline_config(plan: Plan, catalog: Catalog) -> tuple[Release, ...]:
    """A plan's releases, with KAI Scheduler's Config among its objects where that version can, not made by a Job."""
    mode = plan.modes["kai-scheduler"]
    releases = {release.name: release for release in plan.releases}
    if mode == "separate":
        release = releases["kai-scheduler"]
        version, values = Version.parse(release.version), _INLINE_CONFIG
    elif mode == "bundled":
        release = releases[catalog.platform.chart]
        minor = catalog.minor(Version.parse(release.version))
        assert minor  # noqa: S101  a plan is of a known minor
        version, values = minor.kai_scheduler.bundled, {"kai-scheduler": _INLINE_CONFIG}
    else:
        return plan.releases
    versions = recorded("kai-scheduler")
    if "kaiConfig.render" in versions[nearest_recording(version, versions)]:
        releases[release.name] = release._replace(values=merged(release.values, values))
    return tuple(releases.values())


def undecided_monitors(plan: Plan, catalog: Catalog) -> list[Finding]:
    """An error for each monitor that a cluster would have to decide."""
    if not plan.rendering.open_apis:
        return []
    platform = next(release for release in plan.releases if release.name == catalog.platform.chart)
    version = Version.parse(platform.version)
    return [
        undecided(setting)
        for setting in _MONITORS
        if not any(
            isinstance(value_at(platform.values, key.key), bool)
            for key in catalog.keys("dynamo-platform", setting, version)
        )
    ]


def unfit(rendered: Iterable[Rendered]) -> list[Finding]:
    """An error about each release with objects that come out otherwise each time, or with contents of Secrets.

    Args:
        rendered: both renderings with the same APIs, so that nothing else differs.
    """
    findings = []
    for each in rendered:
        first, again = (
            {key: manifest for key, manifest, _ in _made(each, which)} for which in (each.first, each.again)
        )
        moving = [
            f"{key.title} ({_differing(first.get(key), again.get(key))})"
            for key in sorted(first.keys() | again.keys(), key=lambda key: key.order)
            if first.get(key) != again.get(key)
        ]
        if moving:
            findings.append(generated(each.release, moving))
        if secrets := [key.title for key, manifest in first.items() if key.kind == "Secret" and _contents(manifest)]:
            findings.append(secret_contents(each.release, sorted(secrets)))
    return findings


def as_objects(plan: Plan, rendered: Sequence[Rendered], *, argocd: bool) -> Files:
    """Every object as YAML, in folders to be applied one after the other.

    Args:
        plan: what is planned.
        rendered: its releases, of which :func:`unfit` has nothing to say.
        argocd: whether objects carry Argo CD's sync waves.
    """
    objects = {each.release.name: list(_ordinary(each)) for each in rendered}
    made = [each for several in objects.values() for each in several]
    defined = {(spec["group"], spec["names"]["kind"]) for spec in (each.crd for each in made) if spec}
    stages = [_Stage("crds-and-namespaces", _clusters(plan, made))]
    for title, steps in _grouped(plan):
        match steps[0]:
            case Release():
                stages.append(_Stage(title, [each.ranked(defined) for each in objects[title] if not each.apart]))
            case Gate():
                stages.append(_Stage(title, [], _waiting(steps)))
            case Queue():
                stages.append(_Stage(title, _queues(steps, protect=plan.protect)))
    files = {"README.md": _objects_readme(plan, stages, [each for one in rendered for each in _left_out(one)])}
    for number, stage in enumerate(stages, 1):
        files |= stage.files(number, argocd=argocd)
    return files


def as_values(plan: Plan) -> Files:
    """The releases as values files with an index, and the queues as objects, in folders by order."""
    files: Files = {}
    releases: list[dict[str, Any]] = []
    commands: list[str] = []
    for number, (title, steps) in enumerate(_grouped(plan), 1):
        match steps[0]:
            case Release() as release:
                path = f"{number}-{title}/values.yaml"
                files[path] = (
                    f"# Helm values of {title} {release.version} from {release.source}\n{_dump([release.values])}"
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
                commands.append(_helm(release, path))
            case Gate():
                files |= _Stage(title, [], _waiting(steps)).files(number, argocd=False)
                commands += _waiting(steps)
            case Queue():
                files |= _Stage(title, _queues(steps, protect=False)).files(number, argocd=False)
                commands.append(_apply(number, title))
    files[INDEX] = f"# In this order\n{_dump([{'releases': releases}])}"
    files["README.md"] = _values_readme(plan, commands)
    return dict(sorted(files.items()))


class _Placed(NamedTuple):
    """An object and where it goes within a stage.

    Attributes:
        key: which.
        manifest: as it is written.
        late: whether it was a hook that ran after the release.
        rank: what comes before what; lower ones first.
        lasting: whether no tool should delete it on its own.
    """

    key: Key
    manifest: Manifest
    late: bool = False
    rank: int = 0
    lasting: bool = False

    @property
    def apart(self) -> bool:
        """Whether it goes into the first stage, with what Helm never deletes."""
        return self.key.kind in _NOT_HELMS_TO_DELETE

    @property
    def crd(self) -> Mapping[str, Any] | None:
        """The spec of a CustomResourceDefinition."""
        return self.manifest["spec"] if self.key.kind == "CustomResourceDefinition" else None

    def ranked(self, defined: set[tuple[str, str]]) -> _Placed:
        """What workloads need, workloads, then what needs them: objects of the kinds that these charts define.

        Custom resources of other kinds, as cert-manager's, are needed by workloads.
        """
        if (self.key.api_version.partition("/")[0], self.key.kind) in defined:
            return self._replace(rank=4 if self.late else 3)
        return self._replace(rank=2 if self.key.kind in _WORKLOADS else 1)


class _Stage(NamedTuple):
    """A folder: objects to apply together, or a note about what to wait for."""

    title: str
    objects: Sequence[_Placed]
    waiting: Sequence[str] = ()

    def files(self, number: int, *, argocd: bool) -> Files:
        """Its files, by their paths."""
        folder = f"{number}-{self.title}"
        if self.waiting:
            return {f"{folder}/README.md": _gates_readme(self.waiting)}
        texts: dict[str, list[Manifest]] = {}
        for each in self.objects:
            name = re.sub(r"[^\w.-]", "-", each.key.name)
            manifest = _for_argocd(each, 10 * number + each.rank) if argocd else each.manifest
            texts.setdefault(f"{folder}/{each.rank}-{each.key.kind.lower()}-{name}.yaml", []).append(manifest)
        return {path: _dump(texts[path]) for path in sorted(texts)}


def _grouped(plan: Plan) -> list[tuple[str, list[Step]]]:
    """The plan's steps by stage, in order: each release, the gates, the queues."""
    grouped = groupby(plan.steps, lambda step: _TOGETHER.get(type(step), step.name))
    return [(title, list(steps)) for title, steps in grouped]


def _made(rendered: Rendered, manifests: Iterable[Manifest]) -> Iterator[tuple[Key, Manifest, set[str]]]:
    """What an install or upgrade makes, with the events of hooks."""
    for key, manifest, events in _all(rendered, manifests):
        if not events or (rendered.release.hooks and events & _MADE):
            yield key, manifest, events


def _left_out(rendered: Rendered) -> Iterator[tuple[Release, Key, set[str]]]:
    """The hooks that do not become objects."""
    made = {key for key, _, _ in _made(rendered, rendered.first)}
    for key, _, events in _all(rendered, rendered.first):
        if key not in made:
            yield rendered.release, key, events


def _all(rendered: Rendered, manifests: Iterable[Manifest]) -> Iterator[tuple[Key, Manifest, set[str]]]:
    for each in manifests:
        for manifest in flat(each):
            events = annotations_of(manifest).get(_HOOK, "")
            key = key_of(manifest, rendered.release.namespace)
            yield key, manifest, {event.strip() for event in events.split(",") if event}


def _ordinary(rendered: Rendered) -> Iterator[_Placed]:
    """A release's objects as ordinary ones: without hooks' annotations, and safe to apply again."""
    made = list(_made(rendered, rendered.first))
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
        yield _Placed(
            key._replace(name=ordinary["metadata"]["name"]),
            ordinary,
            late=bool(events & {"post-install", "post-upgrade"}),
            lasting=key.kind in _NOT_HELMS_TO_DELETE,
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


def _contents(secret: Manifest) -> bool:
    return any(value for field in ("data", "stringData") for value in (secret.get(field) or {}).values())


def _clusters(plan: Plan, made: Iterable[_Placed]) -> list[_Placed]:
    """What is in the first stage: the releases' namespaces, and what the charts have of the same kinds."""
    keys = [Key("v1", "Namespace", None, release.namespace) for release in plan.releases]
    namespaces = {
        # With the label that Helm gives to a namespace which it makes.
        key: _Placed(key, _object(key, labels={"name": key.name}), lasting=True)
        for key in keys
    }
    return list((namespaces | {each.key: each for each in made if each.apart}).values())


def _queues(queues: Sequence[Step], *, protect: bool) -> list[_Placed]:
    """Queues, parents before their children."""
    placed: dict[str, _Placed] = {}
    for queue in queues:
        assert isinstance(queue, Queue)  # noqa: S101  a stage has steps of one kind
        parents = [placed[name].rank for name in queue.depends_on if name in placed]
        key = key_of(queue.manifest, "")
        placed[queue.name] = _Placed(key, queue.manifest, rank=max(parents, default=-1) + 1, lasting=protect)
    return list(placed.values())


def _object(key: Key, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": key.api_version, "kind": key.kind, "metadata": {"name": key.name, **metadata}}


def _for_argocd(placed: _Placed, wave: int) -> Manifest:
    """The object with its sync wave; what Helm would not delete is not Argo CD's to delete."""
    annotations = annotations_of(placed.manifest)
    options = annotations[_OPTIONS].split(",") if _OPTIONS in annotations else []
    if placed.lasting:
        options += ["Prune=false", "Delete=false"]
    if placed.crd:
        # Client-side apply copies an object into an annotation of itself, and these are larger than one may be.
        options.append("ServerSideApply=true")
    ours = {_WAVE: str(wave)} | ({_OPTIONS: ",".join(dict.fromkeys(options))} if options else {})
    metadata = placed.manifest["metadata"]
    return {**placed.manifest, "metadata": {**metadata, "annotations": {**annotations, **ours}}}


def _differing(first: Any, again: Any, path: str = "") -> str:
    """Where two renderings of an object differ first."""
    if isinstance(first, Mapping) and isinstance(again, Mapping):
        key = next(key for key in sorted(first.keys() | again.keys()) if first.get(key) != again.get(key))
        return _differing(first.get(key), again.get(key), f"{path}.{key}" if path else key)
    return path or "name"


def _apply(number: int, title: str) -> str:
    return f"kubectl apply --server-side --force-conflicts -f {number}-{title}"


def _helm(release: Release, path: str) -> str:
    source = f"{release.chart} --repo {release.repository}" if release.repository else release.chart
    where = f"--namespace {release.namespace} --create-namespace"
    how = f"--reset-values --wait --timeout {release.timeout}s{'' if release.hooks else ' --no-hooks'}"
    lines = [f"helm upgrade --install {release.name} {source}", f"--version {release.version} {where}", how]
    return " \\\n    ".join([*lines, f"--values {path}"])


def _waiting(gates: Sequence[Step]) -> list[str]:
    """What waits until gates are open."""
    commands = []
    for gate in gates:
        assert isinstance(gate, Gate)  # noqa: S101  a stage has steps of one kind
        group = gate.api_version.rpartition("/")[0]
        where = f"{gate.kind.lower()}.{group}/{gate.object_name}" + (f" -n {gate.namespace}" if gate.namespace else "")
        commands.append(f"kubectl wait --for=create --timeout={gate.timeout}s {where}")
        ready = f"wait --for=condition={gate.condition}" if gate.condition else "rollout status"
        commands.append(f"kubectl {ready} --timeout={gate.timeout}s {where}")
    return commands


def _readme(plan: Plan, words: str, commands: Sequence[str], more: Sequence[str] = ()) -> str:
    platform = plan.releases[-1]
    block = "\n".join(["```sh", *commands, "```"])
    head = f"# {platform.name} {platform.version}\n\nWritten by `dynamo-platform render`: change the stack, not this."
    return "\n\n".join([head, _wrapped(words), block, *more]) + "\n"


def _objects_readme(plan: Plan, stages: Sequence[_Stage], left_out: Sequence[tuple[Release, Key, set[str]]]) -> str:
    commands: list[str] = []
    for number, stage in enumerate(stages, 1):
        commands += stage.waiting or [_apply(number, stage.title)]
        if any(each.crd for each in stage.objects):
            commands.append("kubectl wait --for=condition=Established --timeout=60s crd --all")
    lines = [f"- {release.name}: {key.title} ({_why(release, events)})" for release, key, events in left_out]
    more = ["## Left out", "\n".join(lines)] if lines else []
    return _readme(plan, "Apply folder by folder, in this order, each time:", commands, more)


def _why(release: Release, events: set[str]) -> str:
    if events & _MADE and not release.hooks:
        return "the release's hooks are off"
    return f"a hook of {', '.join(sorted(events))}"


def _values_readme(plan: Plan, commands: Sequence[str]) -> str:
    off = [release.name for release in plan.releases if not release.hooks]
    hooks = (
        f"The hooks of {off[0]} are off: they would delete the queues and make them anew at every upgrade."
        if off
        else ""
    )
    words = f"`{INDEX}` lists the releases for programs. With the helm command line, in this order, each time: "
    return _readme(plan, words, commands, [_wrapped(hooks)] if hooks else [])


def _gates_readme(commands: Sequence[str]) -> str:
    words = (
        "Nothing to apply here. The next folder needs KAI Scheduler to be ready, which it is when its operator has "
        "made what it runs. Wait for it:"
    )
    return "\n\n".join(["# Gates", _wrapped(words), "\n".join(["```sh", *commands, "```"])]) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, width=120, break_long_words=False, break_on_hyphens=False)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Block style, no aliases, and text of several lines as such."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    return node


_Dumper.add_representer(str, _text)
# Numbers for YAML 1.2 and not for PyYAML, which would leave such text without quotes.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9]*)?[eE][-+]?[0-9]+|0o[0-7]+)$"),
    list("-+0123456789"),
)


def _dump(documents: Iterable[Any]) -> str:
    text: str = yaml.dump_all(
        documents, Dumper=_Dumper, default_flow_style=False, sort_keys=True, allow_unicode=True, width=1 << 20
    )
    return text
