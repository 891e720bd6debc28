"""Where charts are pulled from: an OCI registry and a static chart repository, both with TLS on loopback.

`python -m sandbox.registry` serves the static repository.
"""

import argparse
import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
import trustme
import yaml

from sandbox.errors import SandboxError
from sandbox.paths import Paths
from sandbox.processes import POLL_SECONDS, Process, free_port, stop
from sandbox.sources import Chart

OCI_FOLDERS = {"kai-scheduler": "kai-scheduler/kai-scheduler", "grove-charts": "ai-dynamo/grove"}
"""The charts that upstream publishes in an OCI registry, by their folder there; the platform's is in a repository."""

HEALTH = {"registry": "/v2/", "repository": "/"}
"""The servers, by what each answers when it is ready."""

READY_SECONDS = 20.0
RELEASE_SECONDS = 1
PUSHES = 4
"""Charts that are pushed at the same time."""


class Registry:
    """The two servers. They keep their ports from one start to the next, so that a stack's sources stay the same."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._servers = {name: Process.named(name, paths) for name in HEALTH}

    def oci(self, chart: str) -> str:
        """Return the repository of a chart in the OCI registry."""
        return f"oci://127.0.0.1:{self._port('registry')}/{OCI_FOLDERS[chart]}"

    @property
    def repository(self) -> str:
        """The static chart repository."""
        return f"https://127.0.0.1:{self._port('repository')}"

    def start(self, env: Mapping[str, str]) -> None:
        """Start what does not run yet, with the commands on `env`'s PATH."""
        trust(self._paths)
        self._paths.repository.mkdir(parents=True, exist_ok=True)
        self._paths.registry.mkdir(parents=True, exist_ok=True)
        self._launch("registry", self._registry_command, env)
        self._launch("repository", self._repository_command, env)
        for name, server in self._servers.items():
            server.wait(partial(self._answers, name), READY_SECONDS)

    def stop(self) -> None:
        """Stop both servers."""
        stop(list(self._servers.values()))

    def push(self, charts: Iterable[Chart], env: Mapping[str, str]) -> list[Chart]:
        """Publish the charts that are not there yet; return those that replaced other content of the same version."""
        record = self._paths.registry / "pushed.json"
        pushed: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
        digests = {chart: hashlib.sha256(chart.archive.read_bytes()).hexdigest() for chart in charts}
        changed = [chart for chart, digest in digests.items() if pushed.get(str(chart)) != digest]
        with ThreadPoolExecutor(PUSHES) as threads:
            list(threads.map(partial(self._publish, env=env), changed))
        if any(chart.name not in OCI_FOLDERS for chart in changed):
            self._helm(["repo", "index", str(self._paths.repository)], env)
        record.write_text(json.dumps(pushed | {str(chart): digests[chart] for chart in changed}, indent=2))
        return [chart for chart in changed if str(chart) in pushed]

    def _publish(self, chart: Chart, env: Mapping[str, str]) -> None:
        if chart.name in OCI_FOLDERS:
            self._helm(["push", str(chart.archive), self.oci(chart.name)], env)
        else:
            shutil.copyfile(chart.archive, self._paths.repository / chart.archive.name)

    def _helm(self, arguments: list[str], env: Mapping[str, str]) -> None:
        result = subprocess.run(
            ["helm", *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if result.returncode:
            message = f"`helm {' '.join(arguments)}` failed:\n{result.stderr.strip()}"
            raise SandboxError(message)

    def _launch(self, name: str, command: Callable[[int], list[str]], env: Mapping[str, str]) -> None:
        if self._servers[name].pid():
            return
        port = self._port(name)
        if port is None or not _free(port):
            port = free_port()
            self._port_file(name).write_text(str(port))
        self._servers[name].start(command(port), env)

    def _port(self, name: str) -> int | None:
        file = self._port_file(name)
        return int(file.read_text()) if file.exists() else None

    def _port_file(self, name: str) -> Path:
        return self._paths.registry / f"{name}.port"

    def _answers(self, name: str) -> bool:
        context = ssl.create_default_context(cafile=str(self._paths.tls / "ca.pem"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(f"https://127.0.0.1:{self._port(name)}{HEALTH[name]}", timeout=READY_SECONDS):
                return True
        except OSError:
            return False

    def _registry_command(self, port: int) -> list[str]:
        config = self._paths.registry / "config.yaml"
        settings = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self._paths.registry / "storage")}},
            "http": {
                "addr": f"127.0.0.1:{port}",
                "tls": {
                    "certificate": str(self._paths.tls / "server.pem"),
                    "key": str(self._paths.tls / "server.key"),
                },
            },
        }
        config.write_text(yaml.safe_dump(settings))
        return ["registry", "serve", str(config)]

    def _repository_command(self, port: int) -> list[str]:
        return [
            sys.executable,
            "-m",
            "sandbox.registry",
            f"--folder={self._paths.repository}",
            f"--port={port}",
            f"--certificate={self._paths.tls / 'server.pem'}",
            f"--key={self._paths.tls / 'server.key'}",
        ]


def trust(paths: Paths) -> None:
    """Make the certificate authority, the servers' certificate, and the bundle of it and the system's roots."""
    if paths.bundle.exists():
        return
    paths.tls.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="dynamo-platform sandbox")
    server = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(paths.tls / "ca.pem"))
    server.cert_chain_pems[0].write_to_path(str(paths.tls / "server.pem"))
    server.private_key_pem.write_to_path(str(paths.tls / "server.key"))
    roots = Path(ssl.get_default_verify_paths().cafile or certifi.where()).read_text()
    paths.bundle.write_text(f"{roots}\n{authority.cert_pem.bytes().decode()}")


def serve(folder: Path, port: int, certificate: Path, key: Path) -> None:
    """Serve the files of `folder` until the process ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    # The handshake belongs to the connection's own thread: a client that never speaks must not hold up the others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


def _free(port: int) -> bool:
    """Whether nothing listens; a server that was ended lets go a moment after it stops counting as a process."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Serve the static chart repository."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.registry", description=main.__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="archives and index.yaml")
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM")
    parser.add_argument("--key", type=Path, required=True, help="PEM")
    arguments = parser.parse_args()
    serve(arguments.folder, arguments.port, arguments.certificate, arguments.key)


if __name__ == "__main__":
    main()
