"""Folders of rendered YAML, as objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dynamo_platform.objects import Objects, read

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SUFFIXES = {".json", ".yaml", ".yml"}


class FolderError(Exception):
    """A folder has no objects that can be read; the text says where."""


def read_folder(folder: Path) -> Objects:
    """The objects in a folder and those below it; documents that are none are left out.

    Raises:
        FolderError: a file is not YAML, or there is no object.
    """
    manifests = [each for file in _files(folder) for each in _manifests(file)]
    if not manifests:
        raise FolderError(f"There is no Kubernetes object in the YAML of {folder}.")
    return {"": read(manifests, manifests, "", hooks=True)}


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in _SUFFIXES and file.is_file())


def _manifests(file: Path) -> Iterator[dict[str, Any]]:
    try:
        documents = list(yaml.load_all(file.read_bytes(), Loader=_LOADER))
    except yaml.YAMLError as error:
        raise FolderError(f"{file} is no YAML: {' '.join(str(error).split())}.") from error
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("kind"), str) and document.get("apiVersion"):
            yield document
