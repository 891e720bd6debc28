"""Finds and runs uv: the one on PATH, else a pinned one in the cache.

`python -m sandbox.uv ARGUMENT…` runs it. Standard library only: it creates the virtual environment.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox import commands
from sandbox.errors import SandboxError
from sandbox.packages import install_package
from sandbox.paths import CACHE

UV = "uv==0.13.8"
"""The PyPI package, for machines without uv."""

MIN_VERSION = (0, 7)
"""The oldest uv that supports every option and variable used here."""

UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
"""The uv variable for each pip setting that selects package sources."""


def run(arguments: list[str], python: Path) -> int:
    """Run uv with the package sources that the pip of `python` is configured for; return its exit code.

    Raises:
        SandboxError, OSError: uv is neither on PATH nor can it be installed.
    """
    uv = find(python)
    settings = pip_settings(python)
    options = ["--no-index"] if settings.get("no-index", "").lower() in {"1", "true", "yes", "on"} else []
    return subprocess.run(
        [uv, *arguments, *options], env=os.environ | uv_variables(settings), stdin=subprocess.DEVNULL, check=False
    ).returncode


def find(python: Path) -> Path:
    """Return the uv on PATH if its version is supported, else the pinned one, installed with the pip of `python`.

    Raises:
        SandboxError: it could not be installed, or does not run on this machine.
        OSError: the cache cannot be written.
    """
    on_path = shutil.which("uv")
    if on_path and _supported(Path(on_path)):
        return Path(on_path)
    uv = install_package(UV, CACHE, python) / "bin" / "uv"
    if not _supported(uv):
        raise SandboxError(f"{uv} does not run on this machine")
    return uv


def pip_settings(python: Path) -> dict[str, str]:
    """Return the settings of `pip install` from pip's configuration files and variables."""
    listed = commands.run([python, "-m", "pip", "config", "list"]).stdout
    found: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the last wins, as with pip
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.+)$", listed, re.MULTILINE):
            found[name] = ast.literal_eval(value)
    return found


def uv_variables(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment variables that make uv use the package sources in pip's `settings`."""
    # Like pip: trust the system's certificates, and take the newest version from all indexes.
    chosen = {"UV_NATIVE_TLS": "true", "UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name, variable in UV_VARIABLES.items():
        if name in settings:
            chosen[variable] = ("," if name == "find-links" else " ").join(settings[name].split())
    return chosen


def _supported(uv: Path) -> bool:
    try:
        version = re.match(r"uv (\d+)\.(\d+)", commands.run([uv, "--version"]).stdout)
    except (OSError, SandboxError):
        return False
    return version is not None and (int(version[1]), int(version[2])) >= MIN_VERSION


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:], Path(sys.executable)))
    except (SandboxError, OSError) as error:
        sys.exit(f"error: {error}")
