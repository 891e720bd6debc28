"""`make up` in a new clone, without virtual environment, caches and state.

With downloads, a server on loopback replaces the public ones. It serves this machine's toolchain, packed like the
official releases. The checksums differ, so the clone gets new pins.
"""

import hashlib
import json
import os
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measure import Result, Seconds, clean_env, measure
from sandbox.commands import git
from sandbox.downloads import MIRROR_ENV, PINS, this_platform
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress
from sandbox.tools import SOURCE_ENV, TOOLS, Toolchain

TARGET = 180.0
"""Wall-clock seconds, with downloads."""

TARGET_BUILT = 2310.0
"""CPU seconds, built from source: 55 % of the time of seven separate modules."""


def start() -> Result:
    """`make up` with downloads, then `make up` again."""
    with tempfile.TemporaryDirectory() as scratch:
        served = Path(scratch) / "served"
        pins = pack_toolchain(served)
        with serve(served) as address:
            first, again = _measure_make_up(Path(scratch), {SOURCE_ENV: "download", MIRROR_ENV: address}, pins)
    return Result(
        name="start",
        what="make up in a new clone, with downloads; make up again",
        figure=first.clock,
        target=TARGET,
        unit="s",
        ours=first,
        theirs=again,
        repetitions=1,
    )


def start_built() -> Result:
    """`make up` with builds, including the download of Go modules, then `make up` again."""
    with tempfile.TemporaryDirectory() as scratch:
        modules = Path(scratch) / "modules"
        go = {"GOCACHE": str(Path(scratch) / "go"), "GOMODCACHE": str(modules), "GOFLAGS": "-modcacherw"}
        first, again = _measure_make_up(Path(scratch), {SOURCE_ENV: "build"} | go)
    return Result(
        name="start-built",
        what="CPU seconds of make up in a new clone, built from source; make up again",
        figure=first.processor,
        target=TARGET_BUILT,
        unit="s",
        ours=first,
        theirs=again,
        repetitions=1,
    )


def _measure_make_up(scratch: Path, settings: dict[str, str], pins: object = None) -> tuple[Seconds, Seconds]:
    clone = scratch / "clone"
    git(scratch, "clone", "--quiet", str(CHECKOUT), str(clone))
    if pins:
        (clone / PINS.relative_to(CHECKOUT)).write_text(json.dumps(pins))
    env = clean_env(os.environ) | {"XDG_CACHE_HOME": str(scratch / "cache"), "HOME": str(scratch / "home")} | settings
    try:
        first, again = (measure(["make", "up"], folder=clone, env=env) for _ in range(2))
    finally:
        measure(["make", "down"], folder=clone, env=env)
    return first, again


def pack_toolchain(served: Path) -> dict[str, dict[str, dict[str, object]]]:
    """Pack this machine's toolchain into `served`, at the paths of the official releases; return the pins."""
    commands = Toolchain(Progress()).provide()
    pins = json.loads(PINS.read_text())
    made: dict[str, dict[str, dict[str, object]]] = {}
    for tool in TOOLS:
        pin = pins[tool.name][this_platform()]
        files = {}
        for url in pin["files"]:
            parts = urlsplit(url)
            file = served / parts.netloc / parts.path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.name.endswith(".tar.gz"):
                with tarfile.open(file, "w:gz", compresslevel=6) as archive:
                    for command in tool.commands:
                        archive.add(commands[command], f"{tool.name}/{command}")
            else:
                command = next(name for name in tool.commands if file.name in {name, f"{name}-{this_platform()}"})
                file.write_bytes(commands[command].read_bytes())
            files[url] = hashlib.sha256(file.read_bytes()).hexdigest()
        made[tool.name] = {this_platform(): {**pin, "files": files}}
    return made


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yield the URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Do not log requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
