"""From nothing to the table: `make up` in a new clone, with empty caches, against its target.

A server on loopback stands in for the public places. It serves real binaries: this machine's toolchain, packed as the
releases are. Their checksums are their own, so the clone's pins are written anew.
"""

import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measure import Result, clean, seconds_of
from sandbox.downloads import MIRROR, PINS, this_platform
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress
from sandbox.tools import SOURCE, TOOLS, Toolchain

TARGET = 180.0


def start() -> Result:
    """`make up` in a clone without environment, caches and state, downloads included; `make up` once more."""
    with tempfile.TemporaryDirectory() as scratch:
        clone, cache, served = (Path(scratch) / name for name in ("clone", "cache", "served"))
        subprocess.run(["git", "clone", "--quiet", CHECKOUT, clone], check=True)
        (clone / PINS.relative_to(CHECKOUT)).write_text(json.dumps(packed(served)))
        with serving(served) as address:
            env = clean(os.environ) | {
                "XDG_CACHE_HOME": str(cache),
                "HOME": str(Path(scratch) / "home"),
                MIRROR: address,
                SOURCE: "download",
            }
            try:
                first = seconds_of(["make", "up"], folder=clone, env=env)
                again = seconds_of(["make", "up"], folder=clone, env=env)
            finally:
                seconds_of(["make", "down"], folder=clone, env=env)
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


def packed(served: Path) -> dict[str, dict[str, dict[str, object]]]:
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
def serving(folder: Path) -> Iterator[str]:
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
