"""Makes a virtual environment: `python -m sandbox.venv FOLDER REQUIREMENT…`, each a package or `-r FILE`.

Standard library only: there is no environment yet when it runs.
"""

import subprocess
import sys
from pathlib import Path

from sandbox.progress import Progress


def make(folder: Path, requirements: list[str], progress: Progress) -> int:
    """Make or mend the environment in `folder` with the newest packages that fit; return an exit code."""
    with progress.step(f"virtual environment {folder.name}"):
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--upgrade", *requirements]
        return _run([sys.executable, "-m", "venv", str(folder)]) or _run(install)


def _run(command: list[str]) -> int:
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(make(Path(sys.argv[1]), sys.argv[2:], Progress()))
