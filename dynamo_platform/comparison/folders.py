"""Reads the objects in folders of rendered YAML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dynamo_platform.config.yamltext import MAX_MANIFEST_BYTES, YamlTextError, load_documents
from dynamo_platform.errors import UserError
from dynamo_platform.rendering.objects import Key, Object, Objects, read_objects

_SUFFIXES = {".json", ".yaml", ".yml"}


class FolderError(UserError):
    """A folder has no objects, or one that cannot be read."""


def read_folder(folder: Path) -> Objects:
    """Read the objects in a folder and its subfolders. Other documents are ignored.

    Raises:
        FolderError: a file is not YAML or has an invalid object, or there is no object.
    """
    objects = {key: item for file in _yaml_files(folder) for key, item in _read_file(file).items()}
    if not objects:
        raise FolderError(f"There is no Kubernetes object in the YAML files of {folder}.")
    return {"": objects}


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in _SUFFIXES and file.is_file())


def _read_file(file: Path) -> dict[Key, Object]:
    manifests = list(_parse_documents(file))
    try:
        objects = read_objects(manifests, manifests, "", hooks=True)
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        raise _invalid_object(file) from error
    if not all(isinstance(part, str) for key in objects for part in key.order):
        raise _invalid_object(file)
    return objects


def _invalid_object(file: Path) -> FolderError:
    return FolderError(
        f"{file} has an invalid object. `metadata` must be a mapping, name and annotations must be text, and a "
        "CustomResourceDefinition needs versions. `kubectl apply --dry-run=server` shows what is wrong."
    )


def _parse_documents(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as stream:
        data = stream.read(MAX_MANIFEST_BYTES + 1)
    try:
        documents = list(load_documents(data))
    except YamlTextError as error:
        raise FolderError(f"{file} cannot be read as YAML: {error.problem}.") from error
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("kind"), str) and document.get("apiVersion"):
            yield document
