"""From nothing to the table: `make up` in a new clone, without environment, caches and state.

With downloads, a server on loopback stands in for the public places. It serves real binaries: this machine's toolchain,
pack_toolchain as the releases are. Their checksums are their own, so the clone's pins are written anew.
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
"""Seconds on the clock, with downloads."""

TARGET_BUILT = 2310.0
"""Processor seconds, built from source: 55 % of what seven separate modules took."""


def start() -> Result:
    """`make up` with downloads, and once more."""
    with tempfile.TemporaryDirectory() as scratch:
        served = Path(scratch) / "served"
        pins = pack_toolchain(served)
        with serve(served) as address:
            first, again = _measure_make_up(Path(scratch), {SOURCE_ENV: "download", MIRROR_ENV: address}, pins)
    return Result(
        name="start",
        what="from nothing to the table, with downloads; make up once more",
        figure=first.clock,
        target=TARGET,
        unit="s",
        ours=first,
        theirs=again,
        repetitions=1,
    )


def start_built() -> Result:
    """`make up` with builds, which download Go's modules first, and once more."""
    with tempfile.TemporaryDirectory() as scratch:
        modules = Path(scratch) / "modules"
        go = {"GOCACHE": str(Path(scratch) / "go"), "GOMODCACHE": str(modules), "GOFLAGS": "-modcacherw"}
        first, again = _measure_make_up(Path(scratch), {SOURCE_ENV: "build"} | go)
    return Result(
        name="start-built",
        what="processor seconds from nothing to the table, built from source; make up once more",
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
    """Pack this machine's toolchain below `served` as its places have it; return the pins."""
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
    """Serve a folder on loopback; yields the address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
