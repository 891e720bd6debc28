"""Makes a virtual environment: `python -m sandbox.venv FOLDER locked|oldest|newest`.

Standard library only: there is no environment yet when it runs.
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
    """Return what pip and uv are told to install.

    Args:
        kind: `locked` is requirements-dev.txt. `oldest` and `newest` are the two ends of the ranges in pyproject.toml,
            with what the unit tests import besides.
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
    """Make or mend the environment in `folder`, with the newest packages that fit.

    Raises:
        CalledProcessError: of what failed, which has said why.
    """
    with progress.step(f"virtual environment {folder.name}"):
        _run([sys.executable, "-m", "venv", str(folder)])
        install(folder / "bin" / "python", requirements(kind), progress)


def install(python: Path, wanted: list[str], progress: Progress) -> None:
    """Install into the environment of `python` with uv, and with pip where uv cannot.

    Raises:
        CalledProcessError: pip's, which has said why.
    """
    arguments = ["install", "--quiet", "--upgrade", *wanted]
    # Python compiles what it imports and keeps it, unless PYTHONDONTWRITEBYTECODE is set.
    compiling = ["--compile-bytecode"] if sys.dont_write_bytecode else []
    try:
        if uv.run(["pip", *arguments, *compiling, f"--python={python}"], python) == 0:
            return
        progress.note("! uv failed; trying pip")
    except (SandboxError, OSError) as error:
        progress.note(f"! No uv ({error}): installing with pip, which is slower")
    _run([str(python), "-m", "pip", *arguments])


def _run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    try:
        create(Path(sys.argv[1]), sys.argv[2], Progress())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
