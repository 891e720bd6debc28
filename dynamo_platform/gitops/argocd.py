"""Argo CD: sync waves and sync options as annotations."""

from __future__ import annotations

from dynamo_platform.rendering.objects import Manifest, annotations_of

from .stages import StageObject

_WAVE = "argocd.argoproj.io/sync-wave"
_OPTIONS = "argocd.argoproj.io/sync-options"


def with_sync_wave(placed: StageObject, wave: int) -> Manifest:
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
