"""Creates a virtual environment: `python -m sandbox.venv FOLDER locked|oldest|newest`.

Standard library only, because it runs before any package is installed.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from sandbox import uv
from sandbox.errors import SandboxError
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress


def requirements(kind: str) -> list[str]:
    """Return the arguments of pip and uv that select what to install.

    Args:
        kind: `locked` is requirements-dev.txt. `oldest` and `newest` are the two ends of the ranges in pyproject.toml,
            plus the packages that the unit tests import.
    """
    if kind == "locked":
        return ["--require-hashes", "--requirement", str(CHECKOUT / "requirements-dev.txt")]
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    dependencies: list[str] = project["project"]["dependencies"]
    tools: list[str] = project["dependency-groups"]["test"]
    if kind == "oldest":
        dependencies = [re.sub(r">=([\d.]+),<.*", r"==\1", each) for each in dependencies]
    return dependencies + tools


def create(folder: Path, kind: str, progress: Progress) -> None:
    """Create or repair the environment in `folder`, with the newest allowed packages.

    Raises:
        CalledProcessError: a command failed and has printed why.
    """
    with progress.step(f"virtual environment {folder.name}"):
        _run([sys.executable, "-m", "venv", str(folder)])
        install(folder / "bin" / "python", requirements(kind), progress)


def install(python: Path, wanted: list[str], progress: Progress) -> None:
    """Install into the environment of `python` with uv, or with pip if uv fails.

    Raises:
        CalledProcessError: pip failed and has printed why.
    """
    arguments = ["install", "--quiet", "--upgrade", *wanted]
    # Python caches bytecode when it imports a module, unless PYTHONDONTWRITEBYTECODE is set.
    compiling = ["--compile-bytecode"] if sys.dont_write_bytecode else []
    try:
        if uv.run(["pip", *arguments, *compiling, f"--python={python}"], python) == 0:
            return
        progress.note("! uv failed. Trying pip.")
    except (SandboxError, OSError) as error:
        progress.note(f"! uv is not available ({error}). Installing with pip, which is slower.")
    _run([str(python), "-m", "pip", *arguments])


def _run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    try:
        create(Path(sys.argv[1]), sys.argv[2], Progress())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
