"""Folders of rendered YAML, as objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dynamo_platform.config.yamltext import ManifestLoader
from dynamo_platform.errors import UserError
from dynamo_platform.rendering.objects import Key, Object, Objects, read

_SUFFIXES = {".json", ".yaml", ".yml"}


class FolderError(UserError):
    """A folder has no objects that can be read; the text says where."""


def read_folder(folder: Path) -> Objects:
    """The objects in a folder and those below it; documents that are none are left out.

    Raises:
        FolderError: a file is not YAML, or has what no cluster would take for an object, or there is no object.
    """
    objects = {key: item for file in _files(folder) for key, item in _objects(file).items()}
    if not objects:
        raise FolderError(f"There is no Kubernetes object in the YAML of {folder}.")
    return {"": objects}


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in _SUFFIXES and file.is_file())


def _objects(file: Path) -> dict[Key, Object]:
    manifests = list(_manifests(file))
    try:
        objects = read(manifests, manifests, "", hooks=True)
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        raise _malformed(file) from error
    if not all(isinstance(part, str) for key in objects for part in key.order):
        raise _malformed(file)
    return objects


def _malformed(file: Path) -> FolderError:
    return FolderError(
        f"{file} has an object that no cluster takes: metadata is a mapping with a name and annotations as text, and a "
        "CustomResourceDefinition has versions. `kubectl apply --dry-run=server` says more."
    )


def _manifests(file: Path) -> Iterator[dict[str, Any]]:
    try:
        documents = list(yaml.load_all(file.read_bytes(), Loader=ManifestLoader))
    except yaml.YAMLError as error:
        raise FolderError(f"{file} is no YAML: {' '.join(str(error).split())}.") from error
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("kind"), str) and document.get("apiVersion"):
            yield document
