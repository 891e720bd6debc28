"""What releases put into the cluster: each rendered object as a key and a digest, and what changed between two sets.

A chart is rendered twice, with and without the optional APIs that nothing is known about. What only one of the two has
is left to the cluster; what differs within an object (a generated certificate, a random password, a checksum of these)
is generated anew each time and does not count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import Any, NamedTuple

from dynamo_platform.catalog import load
from dynamo_platform.trees import digest

Manifest = Mapping[str, Any]
Objects = Mapping[str, Mapping["Key", "Object"]]
"""The objects of each release, by its name."""

CRD = "CustomResourceDefinition"

_GENERATED = "(generated)"

_OF_THE_CHART = ("app.kubernetes.io/version", "helm.sh/chart")
"""Labels that every version changes on every object."""

_HOOK = "helm.sh/hook"
_POLICY = "helm.sh/resource-policy"


class Key(NamedTuple):
    """Which object.

    Attributes:
        api_version: ``apps/v1``.
        kind: ``Deployment``.
        namespace: None for a cluster-scoped one.
        name: its name; ``*`` stands for a random part.
    """

    api_version: str
    kind: str
    namespace: str | None
    name: str

    @property
    def title(self) -> str:
        """Kind, namespace and name."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def order(self) -> tuple[str, str, str, str]:
        """What lists of objects are sorted by."""
        return self.kind, self.namespace or "", self.name, self.api_version

    def __str__(self) -> str:
        return f"{self.api_version} {self.title}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """The key of its text."""
        api_version, kind, where = text.split(" ")
        namespace, _, name = where.rpartition("/")
        return cls(api_version, kind, namespace or None, name)


class Object(NamedTuple):
    """What is known of an object.

    Attributes:
        digest: of its content, without what is generated. A Secret's content is nowhere else.
        images: the images that it runs, sorted.
        hook: the events at which Helm makes it (``pre-install,pre-upgrade``), with its weight; None for no hook.
        kept: whether Helm leaves it in the cluster when it leaves the chart or the release is uninstalled.
        uncertain: whether the cluster decides if it is there.
        versions: of a CustomResourceDefinition: the versions that it serves; the one that objects are stored in ends
            with ``*``.
    """

    digest: str
    images: tuple[str, ...] = ()
    hook: str | None = None
    kept: bool = False
    uncertain: bool = False
    versions: tuple[str, ...] = ()

    @property
    def stored(self) -> str | None:
        """The version that a CustomResourceDefinition's objects are stored in."""
        return next((version[:-1] for version in self.versions if version.endswith("*")), None)

    def __str__(self) -> str:
        marks = [
            *([f"hook={self.hook}"] if self.hook else ()),
            *(["kept"] if self.kept else ()),
            *(["uncertain"] if self.uncertain else ()),
            *([f"versions={','.join(self.versions)}"] if self.versions else ()),
        ]
        return " ".join([self.digest, *marks, *(f"image={image}" for image in self.images)])

    @classmethod
    def parse(cls, text: str) -> Object:
        """The object of its text."""
        digest, *marks = text.split(" ")
        pairs = [mark.partition("=")[::2] for mark in marks]
        named = dict(pairs)
        return cls(
            digest=digest,
            images=tuple(value for name, value in pairs if name == "image"),
            hook=named.get("hook"),
            kept="kept" in named,
            uncertain="uncertain" in named,
            versions=tuple(named["versions"].split(",")) if "versions" in named else (),
        )


def read(
    rendered: Iterable[Manifest],
    again: Iterable[Manifest],
    namespace: str,
    *,
    hooks: bool,
    crds: Collection[str] = (),
) -> dict[Key, Object]:
    """The objects of a release.

    Args:
        rendered: its manifests.
        again: the same, rendered once more, without the optional APIs.
        namespace: the release's.
        hooks: whether Helm runs the release's hooks.
        crds: names of the CustomResourceDefinitions that it has in ``crds/``, which Helm never deletes.
    """
    first, second = (_by_key(manifests, namespace, hooks=hooks) for manifests in (rendered, again))
    objects = {key: _object(key, _settled(first[key], second[key])) for key in first.keys() & second.keys()}
    rest = {key: second[key] for key in second.keys() - first.keys()}
    for key in sorted(first.keys() - second.keys(), key=lambda key: key.order):
        twin = next((other for other in sorted(rest, key=lambda key: key.order) if _random_part(key, other)), None)
        if twin is None:
            objects[key] = _object(key, first[key])._replace(uncertain=True)
        else:
            settled = _settled(first[key], rest.pop(twin))
            objects[key._replace(name=_random_part(key, twin))] = _object(key, settled)
    objects |= {key: _object(key, manifest)._replace(uncertain=True) for key, manifest in rest.items()}
    return {
        key: objects[key]._replace(kept=objects[key].kept or (key.kind == CRD and key.name in crds))
        for key in sorted(objects, key=lambda key: key.order)
    }


def key_of(manifest: Manifest, namespace: str) -> Key:
    """The key of a manifest of a release in ``namespace``."""
    kind, metadata = manifest["kind"], manifest.get("metadata") or {}
    given = metadata.get("namespace") or namespace
    return Key(manifest["apiVersion"], kind, None if kind in _cluster_scoped() else given, metadata.get("name", ""))


@cache
def _cluster_scoped() -> frozenset[str]:
    return frozenset(load().kinds.cluster_scoped)


def _by_key(manifests: Iterable[Manifest], namespace: str, *, hooks: bool) -> dict[Key, Manifest]:
    return {
        key_of(manifest, namespace): manifest
        for each in manifests
        for manifest in flat(each)
        if _is_made(annotations_of(manifest).get(_HOOK), hooks=hooks)
    }


def _is_made(events: str | None, *, hooks: bool) -> bool:
    """Whether an install or upgrade makes it: Helm's tests are made by `helm test` alone."""
    return events is None or (hooks and not all(event.strip().startswith("test") for event in events.split(",")))


def annotations_of(manifest: Manifest) -> Mapping[str, str]:
    """A manifest's annotations."""
    return (manifest.get("metadata") or {}).get("annotations") or {}


def flat(manifest: Manifest) -> Iterator[Manifest]:
    """A List's items, each for itself."""
    if manifest.get("kind", "").endswith("List") and isinstance(manifest.get("items"), Sequence):
        for item in manifest["items"]:
            yield from flat(item)
    else:
        yield manifest


def _random_part(key: Key, other: Key) -> str:
    """The name that two objects share where a random part of it differs, and else nothing."""
    if key[:3] != other[:3]:
        return ""
    same = "".join(
        one for one, two in takewhile(lambda pair: pair[0] == pair[1], zip(key.name, other.name, strict=False))
    )
    start = same[: max(same.rfind("-"), same.rfind(".")) + 1]
    return f"{start}*" if start else ""


def _settled(first: Any, second: Any) -> Any:
    """What two renderings agree on."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return {key: _settled(first.get(key), second.get(key)) for key in first.keys() | second.keys()}
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return [_settled(one, other) for one, other in zip(first, second, strict=True)]
    return first if first == second else _GENERATED


def _object(key: Key, manifest: Manifest) -> Object:
    annotations = annotations_of(manifest)
    return Object(
        digest=digest(_normal(manifest)),
        # A Secret's keys may have any name.
        images=() if key.kind == "Secret" else tuple(sorted(set(_images(manifest)))),
        hook=_hook(annotations),
        kept=annotations.get(_POLICY) == "keep",
        versions=_versions(manifest) if key.kind == CRD else (),
    )


def _hook(annotations: Mapping[str, str]) -> str | None:
    events = annotations.get(_HOOK)
    if events is None:
        return None
    weight = annotations.get(f"{_HOOK}-weight", "0")
    return ",".join(sorted(event.strip() for event in events.split(","))) + f":{weight}"


def _versions(crd: Manifest) -> tuple[str, ...]:
    return tuple(
        f"{version['name']}{'*' if version.get('storage') else ''}"
        for version in crd["spec"].get("versions") or ()
        if version.get("served", True) or version.get("storage")
    )


def _normal(manifest: Manifest) -> Any:
    """The content without what says nothing: nulls, empty maps, status, labels that follow the chart's version.

    The namespace is the key's: Helm leaves it out where the release's is meant, and Pulumi's provider adds it.
    """
    content = {key: value for key, value in manifest.items() if key != "status"}
    metadata = {key: value for key, value in (content.get("metadata") or {}).items() if key != "namespace"}
    labels = {key: text for key, text in (metadata.get("labels") or {}).items() if key not in _OF_THE_CHART}
    return _without_nothing(content | {"metadata": metadata | {"labels": labels}})


def _without_nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        cleaned = {key: _without_nothing(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item is not None and item != {}}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    # The provider hands over every number as a fraction.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _images(value: Any) -> Iterator[str]:
    """Images of containers, and of custom resources that name one as ``{repository, name, tag}``."""
    if isinstance(value, Mapping):
        match value.get("image"):
            case str(image) if image.split() == [image]:
                yield image
            case {"repository": str(repository), "name": str(name), **more}:
                yield f"{repository}/{name}" + (f":{more['tag']}" if more.get("tag") else "")
        for item in value.values():
            yield from _images(item)
    elif isinstance(value, list):
        for item in value:
            yield from _images(item)


def to_plain(objects: Objects) -> dict[str, dict[str, str]]:
    """The objects as text by text, for state and JSON."""
    return {release: {str(key): str(item) for key, item in items.items()} for release, items in objects.items()}


def from_plain(plain: Mapping[str, Mapping[str, str]]) -> dict[str, dict[Key, Object]]:
    """The objects of :func:`to_plain`."""
    return {
        release: {Key.parse(key): Object.parse(item) for key, item in items.items()} for release, items in plain.items()
    }
