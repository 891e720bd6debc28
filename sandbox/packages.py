"""Installs commands that are published on PyPI. Standard library only: it helps to create the virtual environment."""

import sys
from pathlib import Path

from sandbox.commands import CommandError, run
from sandbox.errors import SandboxError
from sandbox.locks import create_once


def package_folder(package: str, cache: Path) -> Path:
    """Return the folder in the cache for a package such as `uv==1.2.3`."""
    return cache / package.replace("==", "-")


def install_package(package: str, cache: Path, python: Path | str = sys.executable) -> Path:
    """Install a package without dependencies into the cache, with the pip of `python`; return its folder.

    Only wheels are installed: building from source would take longer than the package saves.

    Raises:
        SandboxError: pip cannot install it.
        OSError: the cache cannot be written.
    """
    folder = package_folder(package, cache)
    with create_once(folder) as target:
        if target is None:
            return folder
        options = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-deps", "--target", target)
        try:
            run([python, "-m", "pip", "install", *options, package])
        except CommandError as error:
            reason = error.output.strip().rpartition("\n")[2].removeprefix("ERROR: ")
            raise SandboxError(f"{package} could not be installed: {reason}") from error
    return folder
