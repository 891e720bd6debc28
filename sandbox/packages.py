"""Commands that packages of PyPI carry, installed into the cache. Standard library only: it makes environments too."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.locks import exclusive


def folder_of(package: str, cache: Path) -> Path:
    """Return the folder of the cache that holds a package such as `uv==1.2.3`, once it is installed."""
    return cache / package.replace("==", "-")


def installed(package: str, cache: Path, python: Path | str = sys.executable) -> Path:
    """Install a package by itself with the pip of `python` unless the cache holds it; return its folder.

    It appears in the cache whole or not at all. Only wheels are taken: where there is none, building takes longer than
    doing without.

    Raises:
        SandboxError: pip cannot install it.
        OSError: the cache cannot be written.
    """
    folder = folder_of(package, cache)
    with exclusive(cache / f"{folder.name}.lock"):
        if folder.is_dir():
            return folder
        for left in cache.glob(f".{folder.name}.*"):  # by one that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=cache) as scratch:
            made = Path(scratch, "packages")
            result = subprocess.run(
                [
                    *(python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--no-deps"),
                    *("--target", made, package),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode:
                reason = (result.stderr.strip().splitlines() or ["pip says nothing"])[-1].removeprefix("ERROR: ")
                raise SandboxError(f"{package} could not be installed: {reason}")
            made.rename(folder)
    return folder
