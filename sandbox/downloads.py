"""Downloads released binaries into the cache, pinned by version and SHA-256. Each tool is installed atomically.

`sandbox/toolchain/downloads.json` has the pins, each with the public source of its checksum.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

import pooch  # type: ignore[import-untyped]
import requests

from sandbox.errors import SandboxError
from sandbox.locks import create_once
from sandbox.progress import Progress

PINS = Path(__file__).parent / "toolchain" / "downloads.json"
MIRROR_ENV = "TOOLCHAIN_MIRROR"
"""Environment variable: the base URL of a mirror that serves https://HOST/PATH at URL/HOST/PATH."""

TIMEOUT_SECONDS = 5.0
"""The timeout for connecting, and between two reads."""

ATTEMPTS = 2  # an interrupted connection is retried once
CHUNK_BYTES = 1 << 16
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Download:
    """The released binaries of a tool for one platform: SHA-256 by URL."""

    name: str
    version: str
    files: dict[str, str]

    @property
    def folder(self) -> str:
        """The name of the tool's folder in the cache."""
        digest = hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()
        return f"{self.name}-{self.version}-{digest[:12]}"


class UnavailableError(Exception):
    """A file cannot be downloaded; the message has the server and the reason."""


def this_platform() -> str:
    """Return this machine's platform, such as `linux-amd64`."""
    machine = platform.machine()
    return f"{platform.system().lower()}-{ARCHITECTURES.get(machine, machine)}"


def find_pin(name: str, on: str | None = None) -> Download | None:
    """Return the pin of a tool for a platform (default: this machine's), or None."""
    pin = json.loads(PINS.read_text()).get(name, {}).get(on or this_platform())
    return Download(name, pin["version"], pin["files"]) if pin else None


class Downloader:
    """Downloads tools in parallel; a server that did not answer once is not tried again."""

    def __init__(self, cache: Path, progress: Progress) -> None:
        self._cache = cache
        self._progress = progress
        self._unreachable: dict[str, str] = {}

    def find_downloaded(self, name: str) -> Path | None:
        """Return the folder of a tool's commands if it is in the cache."""
        download = find_pin(name)
        folder = self._cache / download.folder if download else None
        return folder if folder and folder.is_dir() else None

    def download(self, tools: dict[str, tuple[str, ...]]) -> dict[str, str]:
        """Download tools; return the reason for each one that is not available.

        Args:
            tools: the commands of each tool.

        Raises:
            SandboxError: the mirror is not a URL, a checksum differs from its pin, an archive lacks a command, or the
                disk is full.
        """
        pins = {name: find_pin(name) for name in tools}
        why = {name: f"no binary is pinned for {this_platform()}" for name, pin in pins.items() if pin is None}
        why |= {pin.name: silent for pin in pins.values() if pin and (silent := self._unreachable_reason(pin))}
        wanted = [pin for pin in pins.values() if pin and pin.name not in why]
        if not wanted:
            return why
        mirror_url("https://example.com/")  # report an invalid mirror once, not for each file
        with suppress(UnavailableError), self._progress.step("official binaries") as report:
            why |= self._fetch_all(wanted, tools, report)
            if all(pin.name in why for pin in wanted):
                raise UnavailableError("nothing was downloaded")  # marks the step as failed
        return why

    def _fetch_all(
        self, pins: list[Download], tools: dict[str, tuple[str, ...]], report: Callable[[str], None]
    ) -> dict[str, str]:
        counted = TotalProgress(report)
        with ThreadPoolExecutor(len(pins)) as threads:
            tasks = {pin.name: threads.submit(self._fetch, pin, tools[pin.name], counted) for pin in pins}
            try:
                wait(tasks.values())
            except BaseException:
                counted.cancel()
                raise
        why = {}
        for name, task in tasks.items():
            error = task.exception()
            if isinstance(error, UnavailableError):
                why[name] = str(error)
            elif error:
                raise error
        return why

    def _unreachable_reason(self, download: Download) -> str:
        hosts = {urlsplit(url).netloc for url in download.files}
        return "; ".join(f"{host}: {why}" for host, why in self._unreachable.items() if host in hosts)

    def _fetch(self, download: Download, commands: tuple[str, ...], counted: "TotalProgress") -> None:
        with create_once(self._cache / download.folder) as folder:
            if folder is None:
                return
            for url, checksum in download.files.items():
                unpack(self._get(url, checksum, folder.parent, counted), commands, folder)
            if lacking := set(commands) - {file.name for file in folder.iterdir()}:
                message = (
                    f"The download of {download.name} {download.version} does not contain {', '.join(sorted(lacking))}."
                )
                raise SandboxError(message)

    def _get(self, url: str, checksum: str, folder: Path, counted: "TotalProgress") -> Path:
        host, file = urlsplit(url).netloc, PurePosixPath(urlsplit(url).path).name
        bar = counted.add_file()
        for attempt in range(1, ATTEMPTS + 1):
            if host in self._unreachable:
                break
            try:
                got = pooch.retrieve(
                    mirror_url(url),
                    f"sha256:{checksum}",
                    fname=file,
                    path=folder,
                    downloader=pooch.HTTPDownloader(
                        progressbar=bar,
                        chunk_size=CHUNK_BYTES,
                        timeout=TIMEOUT_SECONDS,
                        hooks={"response": reject_html},
                    ),
                )
                return Path(got)
            except requests.RequestException as error:
                bar.reset()
                if attempt == ATTEMPTS or not _interrupted(error):
                    self._unreachable[host] = _reason(error)
            except ValueError as error:
                got_checksum = next((each for each in re.findall("[0-9a-f]{64}", str(error)) if each != checksum), "-")
                message = (
                    f"Checksum mismatch for {file} from {host}{_mirror_note()}: expected SHA-256 {checksum}, "
                    f"got {got_checksum}. The file was deleted. "
                    f"{PINS.relative_to(PINS.parents[2])} has the pins; TOOLCHAIN=build builds from source instead."
                )
                raise SandboxError(message) from error
        raise UnavailableError(f"{host}{_mirror_note()}: {self._unreachable[host]}")


class TotalProgress:
    """The progress of all files together, shown in one step."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._bars: list[FileProgress] = []
        self.cancelled = False

    def add_file(self) -> "FileProgress":
        """Return the progress of one more file."""
        bar = FileProgress(self)
        self._bars.append(bar)
        return bar

    def show(self) -> None:
        """Report the total."""
        arrived, total = sum(bar.arrived for bar in self._bars), sum(bar.total for bar in self._bars)
        self._report(f"{arrived / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{arrived / 1e6:.0f} MB")

    def cancel(self) -> None:
        """Stop every download when it receives its next bytes."""
        self.cancelled = True


class FileProgress:
    """A progress bar for pooch, which sets `total` and calls `update`."""

    def __init__(self, sum_of: TotalProgress) -> None:
        self.total = 0
        self.arrived = 0
        self._sum = sum_of

    def update(self, count: int) -> None:
        """Add received bytes.

        Raises:
            CancelledError: the downloads are cancelled.
        """
        if self._sum.cancelled:
            raise CancelledError
        self.arrived += count
        self._sum.show()

    def reset(self) -> None:
        """Start again at 0. Pooch calls this at the end, and then adds the full size."""
        self.arrived = 0

    def close(self) -> None:
        """Do nothing: pooch requires the method."""


def mirror_url(url: str) -> str:
    """Return the URL to download a file from: its own, or the one on the mirror.

    Raises:
        SandboxError: the mirror is not a URL.
    """
    mirror = os.environ.get(MIRROR_ENV, "").rstrip("/")
    if not mirror:
        return url
    if not mirror.startswith(("https://", "http://")):
        raise SandboxError(f"{MIRROR_ENV} is not a URL. Set it to one that begins with https:// or http://.")
    parts = urlsplit(url)
    return f"{mirror}/{parts.netloc}{parts.path}"


def reject_html(response: requests.Response, **_: Any) -> None:
    """Reject an HTML page with status 200, which some proxies send instead of the file. Redirects may have one.

    Raises:
        requests.exceptions.InvalidHeader: the response is HTML.
    """
    kind = response.headers.get("Content-Type", "").lower()
    if response.status_code == HTTPStatus.OK and kind.startswith("text/html"):
        raise requests.exceptions.InvalidHeader("a web page instead of the file", response=response)


def unpack(file: Path, commands: Iterable[str], folder: Path) -> None:
    """Extract a tool's commands into `folder` from a download, which is an archive or the command itself."""
    for command, content in _members(file, tuple(commands)):
        target = folder / command
        with content, target.open("wb") as file_object:
            shutil.copyfileobj(content, file_object)
        target.chmod(0o755)


def _members(file: Path, commands: tuple[str, ...]) -> Iterator[tuple[str, IO[bytes]]]:
    if file.name.endswith(".tar.gz"):
        with tarfile.open(file) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in commands and (content := archive.extractfile(member)):
                    yield name, content
    elif file.name.endswith(".zip"):
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                name = PurePosixPath(entry.filename).name
                if name in commands:
                    yield name, archive.open(entry)
    else:
        # A bare binary is named after the command, with or without the platform.
        yield next(name for name in commands if file.name == name or file.name.startswith(f"{name}-")), file.open("rb")


def _mirror_note() -> str:
    mirror = os.environ.get(MIRROR_ENV)
    return f" (mirror {urlsplit(mirror).hostname})" if mirror else ""


def _interrupted(error: requests.RequestException) -> bool:
    return isinstance(error, requests.exceptions.ChunkedEncodingError) or (
        isinstance(error, requests.ConnectionError) and "Read timed out" in str(error)
    )


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}".strip()
    if isinstance(error, requests.exceptions.InvalidHeader):
        return str(error)
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (
            requests.exceptions.SSLError,
            "its certificate is not trusted (see REQUESTS_CA_BUNDLE)",
        ),
        (requests.exceptions.ProxyError, "the proxy refused the connection"),
        (requests.Timeout, f"no answer within {TIMEOUT_SECONDS:.0f} s"),
    )
    if _interrupted(error):
        return "the connection was interrupted"
    return next((text for kind, text in kinds if isinstance(error, kind)), "cannot be reached")


pooch.get_logger().setLevel("ERROR")
