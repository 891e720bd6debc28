"""Archives of charts, taken apart and packed again with changes."""

import io
import tarfile
from pathlib import Path
from typing import Any

import yaml


def rows(archive: Path) -> dict[str, bytes]:
    """Return the files of an archive by name."""
    with tarfile.open(archive) as files:
        return {name: files.extractfile(name).read() for name in files.getnames()}  # type: ignore[union-attr]


def edit(files: dict[str, bytes], name: str, changes: dict[str, Any]) -> None:
    """Replace fields at the top level of a YAML file."""
    files[name] = yaml.safe_dump(yaml.safe_load(files[name]) | changes).encode()


def pack(files: dict[str, bytes], archive: Path) -> Path:
    """Write files as an archive, and return it."""
    with tarfile.open(archive, "w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return archive
