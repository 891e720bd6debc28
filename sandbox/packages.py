"""Installs commands that are published as packages of PyPI. Standard library only: it makes environments too."""

import subprocess
import sys
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.locks import made_once


def folder_of(package: str, cache: Path) -> Path:
    """Return the folder of the cache that holds a package such as `uv==1.2.3`, once it is installed."""
    return cache / package.replace("==", "-")


def installed(package: str, cache: Path, python: Path | str = sys.executable) -> Path:
    """Install a package by itself with the pip of `python` unless the cache holds it; return its folder.

    Only wheels are taken: where there is none, building takes longer than doing without.

    Raises:
        SandboxError: pip cannot install it.
        OSError: the cache cannot be written.
    """
    folder = folder_of(package, cache)
    with made_once(folder) as made:
        if made is None:
            return folder
        result = subprocess.run(
            [
                *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--only-binary=:all:", "--no-deps", "--target", made, package),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or ["pip says nothing"])[-1].removeprefix("ERROR: ")
            raise SandboxError(f"{package} could not be installed: {reason}")
    return folder
