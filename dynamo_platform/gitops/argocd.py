"""Argo CD: sync waves and sync options as annotations."""

from __future__ import annotations

from dynamo_platform.rendering.objects import Manifest, annotations_of

from .stages import StageObject

_WAVE = "argocd.argoproj.io/sync-wave"
_OPTIONS = "argocd.argoproj.io/sync-options"


def with_sync_wave(item: StageObject, wave: int) -> Manifest:
    """The object's manifest with its sync wave, and with sync options that keep what Helm would not delete."""
    annotations = annotations_of(item.manifest)
    options = annotations[_OPTIONS].split(",") if _OPTIONS in annotations else []
    if item.protected:
        options += ["Prune=false", "Delete=false"]
    if item.crd:
        # Client-side apply copies the object into an annotation, and CRDs exceed the size limit of annotations.
        options.append("ServerSideApply=true")
    ours = {_WAVE: str(wave)} | ({_OPTIONS: ",".join(dict.fromkeys(options))} if options else {})
    metadata = item.manifest["metadata"]
    return {**item.manifest, "metadata": {**metadata, "annotations": {**annotations, **ours}}}
