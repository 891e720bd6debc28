"""A chart repository and an OCI registry, as static files behind one TLS server on loopback.

The OCI distribution specification defines the paths from which clients pull, so publishing a chart means writing files
to these paths. `python -m sandbox.registry` is the server.
"""

import argparse
import base64
import hashlib
import json
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certifi
import trustme
import yaml

from sandbox.paths import Paths
from sandbox.processes import POLL_SECONDS, Process, free_port, stop
from sandbox.sources import Chart, read_metadata

OCI_FOLDERS = {"kai-scheduler": "kai-scheduler/kai-scheduler", "grove-charts": "ai-dynamo/grove"}
"""The repository of each chart that upstream publishes in an OCI registry; the chart's name is appended to it.

The platform's chart is in a chart repository.
"""

OCI = "v2"
"""The registry's folder: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints"""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
ARCHIVE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
"""Media types: https://helm.sh/docs/topics/registries/#helm-chart-manifest"""

READY_SECONDS = 20.0
RELEASE_SECONDS = 1


class Registry:
    """The server and its files. It keeps its port, so that the chart sources of stacks do not change."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._server = Process.named("registry", paths)
        self._port_file = paths.registry / "port"
        self._login_file = paths.registry / "login"

    def oci(self, chart: str) -> str:
        """Return the OCI repository of a chart."""
        return f"oci://127.0.0.1:{self._port}/{OCI_FOLDERS[chart]}"

    @property
    def repository(self) -> str:
        """The URL of the chart repository."""
        return f"https://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the server unless it is running."""
        if self._server.pid():
            return
        create_certificates(self._paths)
        self._paths.registry.mkdir(parents=True, exist_ok=True)
        if self._port is None or not _is_free(self._port):
            self._port_file.write_text(str(free_port()))
        command = [
            sys.executable,
            "-m",
            "sandbox.registry",
            f"--folder={self._paths.served}",
            f"--port={self._port}",
            f"--certificate={self._paths.tls / 'server.pem'}",
            f"--key={self._paths.tls / 'server.key'}",
            f"--login={self._login_file}",
        ]
        self._server.start(command)
        self._server.wait(self._answers, READY_SECONDS)

    def require_login(self, user: str, password: str) -> None:
        """Answer only requests with this user and password from now on, as a private registry does."""
        self._login_file.parent.mkdir(parents=True, exist_ok=True)
        self._login_file.write_text(f"{user}:{password}")

    def stop(self) -> None:
        """Stop the server."""
        stop([self._server])

    def publish(self, charts: Iterable[Chart]) -> list[Chart]:
        """Publish new charts; return those that replaced different content of the same version."""
        record = self._paths.registry / "published.json"
        published: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
        digests = {chart: hashlib.sha256(chart.archive.read_bytes()).hexdigest() for chart in charts}
        changed = [chart for chart, digest in digests.items() if published.get(str(chart)) != digest]
        for folder in (self._paths.registry, self._paths.served / OCI):
            folder.mkdir(parents=True, exist_ok=True)
        for chart in changed:
            if chart.name in OCI_FOLDERS:
                push(chart, self._paths.served / OCI / OCI_FOLDERS[chart.name] / chart.name)
            else:
                shutil.copyfile(chart.archive, self._paths.served / chart.archive.name)
        if any(chart.name not in OCI_FOLDERS for chart in changed):
            (self._paths.served / "index.yaml").write_text(yaml.safe_dump(build_index(self._paths.served)))
        record.write_text(json.dumps(published | {str(chart): digests[chart] for chart in changed}, indent=2))
        return [chart for chart in changed if str(chart) in published]

    @property
    def _port(self) -> int | None:
        return int(self._port_file.read_text()) if self._port_file.exists() else None

    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self._paths.tls / "ca.pem"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(f"{self.repository}/{OCI}/", timeout=READY_SECONDS):
                return True
        except urllib.error.HTTPError as error:
            return error.code == HTTPStatus.UNAUTHORIZED
        except OSError:
            return False


def push(chart: Chart, repository: Path) -> None:
    """Write a chart as an artifact of an OCI repository, tagged with its version."""
    content = chart.archive.read_bytes()
    about = json.dumps(read_metadata(chart.archive), default=str).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, about),
        "layers": [_descriptor(ARCHIVE, content)],
    }
    written = json.dumps(manifest).encode()
    for kind in ("blobs", "manifests"):
        (repository / kind).mkdir(parents=True, exist_ok=True)
    for blob in (content, about):
        (repository / "blobs" / _digest(blob)).write_bytes(blob)
    # Tags cannot contain a plus sign; Helm replaces it with an underscore.
    for reference in (_digest(written), chart.version.replace("+", "_")):
        (repository / "manifests" / reference).write_bytes(written)


def build_index(folder: Path) -> dict[str, object]:
    """Return the index of a chart repository: https://helm.sh/docs/topics/chart_repository/#the-index-file."""
    entries: dict[str, list[dict[str, object]]] = {}
    for archive in sorted(folder.glob("*.tgz")):
        about = read_metadata(archive)
        about |= {"urls": [archive.name], "digest": hashlib.sha256(archive.read_bytes()).hexdigest()}
        entries.setdefault(about["name"], []).append(about)
    return {"apiVersion": "v1", "entries": entries}


class Handler(SimpleHTTPRequestHandler):
    """Serves files; manifests get their media type, and their digest, by which clients request them next.

    If the file `login` exists, each request needs the user and password in it.
    """

    def __init__(self, *args: Any, login: Path, directory: str) -> None:
        self._login = login
        super().__init__(*args, directory=directory)

    def send_head(self) -> Any:
        """Send the headers of an answer, and return the file that follows."""
        if self._login.exists():
            expected = base64.b64encode(self._login.read_bytes()).decode()
            if self.headers["Authorization"] != f"Basic {expected}":
                self.send_response(HTTPStatus.UNAUTHORIZED)
                self.send_header("WWW-Authenticate", 'Basic realm="sandbox"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
        return super().send_head()

    def guess_type(self, path: str | Path) -> str:  # type: ignore[override]
        """Return the media type of a file."""
        return MANIFEST if Path(path).parent.name == "manifests" else super().guess_type(str(path))

    def send_response(self, code: int, message: str | None = None) -> None:
        """Start a response."""
        super().send_response(code, message)
        file = Path(self.translate_path(self.path))
        if code == HTTPStatus.OK and file.parent.name == "manifests":
            self.send_header("Docker-Content-Digest", _digest(file.read_bytes()))


class Server(ThreadingHTTPServer):
    """Accepts bursts of connections: if the queue is full, a client retries only after a second."""

    request_queue_size = 128


def serve(folder: Path, port: int, certificate: Path, key: Path, login: Path) -> None:
    """Serve the files of `folder` until the process ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(("127.0.0.1", port), partial(Handler, login=login, directory=str(folder)))
    # The handshake runs in the connection's thread, so that a silent client does not block the others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


def create_certificates(paths: Paths) -> None:
    """Create a certificate authority, the server's certificate, and a bundle with the authority and the system's."""
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


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _is_free(port: int) -> bool:
    """Return whether nothing listens; a killed server may keep its port for a moment."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Serve the charts."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.registry", description=main.__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the folder to serve")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file")
    parser.add_argument("--key", type=Path, required=True, help="PEM file")
    parser.add_argument("--login", type=Path, required=True, help="if it exists: the USER:PASSWORD that is required")
    arguments = parser.parse_args()
    serve(arguments.folder, arguments.port, arguments.certificate, arguments.key, arguments.login)


if __name__ == "__main__":
    main()
