"""Installs commands that are published as packages of PyPI. Standard library only: it makes environments too."""

import sys
from pathlib import Path

from sandbox.commands import CommandError, run
from sandbox.errors import SandboxError
from sandbox.locks import create_once


def package_folder(package: str, cache: Path) -> Path:
    """Return the folder of the cache that holds a package such as `uv==1.2.3`, once it is installed."""
    return cache / package.replace("==", "-")


def install_package(package: str, cache: Path, python: Path | str = sys.executable) -> Path:
    """Install a package by itself with the pip of `python` unless the cache holds it; return its folder.

    Only wheels are taken: where there is none, building takes longer than doing without.

    Raises:
        SandboxError: pip cannot install it.
        OSError: the cache cannot be written.
    """
    folder = package_folder(package, cache)
    with create_once(folder) as made:
        if made is None:
            return folder
        options = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-deps", "--target", made)
        try:
            run([python, "-m", "pip", "install", *options, package])
        except CommandError as error:
            reason = error.output.strip().rpartition("\n")[2].removeprefix("ERROR: ")
            raise SandboxError(f"{package} could not be installed: {reason}") from error
    return folder
