"""Downloads released binaries into the cache: pinned versions with pinned SHA-256, each tool whole or not at all.

`sandbox/toolchain/downloads.json` has the pins, each with the public source of its checksum.
"""

import errno
import hashlib
import json
import os
import platform
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

import pooch  # type: ignore[import-untyped]
import requests

from sandbox.errors import SandboxError
from sandbox.locks import exclusive
from sandbox.progress import Progress

PINS = Path(__file__).parent / "toolchain" / "downloads.json"
MIRROR = "TOOLCHAIN_MIRROR"
"""Variable: a URL that stands in for every place, with the place's host as the first part of the path."""

ANSWER_SECONDS = 5.0
"""How long a place may be silent."""

ATTEMPTS = 2  # a connection that breaks off is tried once more
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
    """A place does not give a file: `host`, and why."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host}: {why}")
        self.host = host
        self.why = why


def this_platform() -> str:
    """Return this machine's platform, such as `linux-amd64`."""
    machine = platform.machine()
    return f"{platform.system().lower()}-{ARCHITECTURES.get(machine, machine)}"


def pinned(name: str, on: str | None = None) -> Download | None:
    """Return what is pinned of a tool for a platform, this machine's by default; None where nothing is."""
    pin = json.loads(PINS.read_text()).get(name, {}).get(on or this_platform())
    return Download(name, pin["version"], pin["files"]) if pin else None


class Downloader:
    """Downloads tools side by side; a place that did not answer once is not asked again."""

    def __init__(self, cache: Path, progress: Progress) -> None:
        self._cache = cache
        self._progress = progress
        self._out_of_reach: dict[str, str] = {}

    def downloaded(self, name: str) -> Path | None:
        """Return the folder of a tool's commands where the cache holds it."""
        download = pinned(name)
        folder = self._cache / download.folder if download else None
        return folder if folder and folder.is_dir() else None

    def download(self, tools: dict[str, tuple[str, ...]]) -> dict[str, str]:
        """Download tools, given by name with their commands; return why each of the others could not be had.

        Raises:
            SandboxError: a file has another checksum than its pin, an archive lacks a command, or the disk is full.
        """
        pins = {name: pinned(name) for name in tools}
        why = {name: f"no checksum is known for {this_platform()}" for name, pin in pins.items() if pin is None}
        why |= {pin.name: silent for pin in pins.values() if pin and (silent := self._silent(pin))}
        wanted = [pin for pin in pins.values() if pin and pin.name not in why]
        if not wanted:
            return why
        with suppress(UnavailableError), self._progress.step("official binaries") as report:
            counted = Bytes(report)
            with ThreadPoolExecutor(len(wanted)) as threads:
                tasks = {pin.name: threads.submit(self._fetch, pin, tools[pin.name], counted) for pin in wanted}
            for name, task in tasks.items():
                if isinstance(error := task.exception(), UnavailableError):
                    why[name] = str(error)
                elif error:
                    raise error
            if why.keys() >= tasks.keys():
                raise UnavailableError("every place", "out of reach")  # the step has failed
        return why

    def _silent(self, download: Download) -> str:
        hosts = {urlsplit(url).netloc for url in download.files}
        return "; ".join(f"{host}: {why}" for host, why in self._out_of_reach.items() if host in hosts)

    def _fetch(self, download: Download, commands: tuple[str, ...], counted: "Bytes") -> None:
        target = self._cache / download.folder
        with _full_disk(self._cache), exclusive(self._cache / f"{target.name}.lock"):
            if target.is_dir():
                return
            for left in self._cache.glob(f".{target.name}.*"):
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(
                prefix=f".{target.name}.", dir=self._cache, ignore_cleanup_errors=True
            ) as scratch:
                made = Path(scratch, "commands")
                made.mkdir()
                for url, checksum in download.files.items():
                    unpack(self._get(url, checksum, Path(scratch), counted), commands, made)
                if lacking := set(commands) - {file.name for file in made.iterdir()}:
                    message = f"The download of {download.name} {download.version} lacks {', '.join(sorted(lacking))}."
                    raise SandboxError(message)
                made.rename(target)

    def _get(self, url: str, checksum: str, folder: Path, counted: "Bytes") -> Path:
        host, file = urlsplit(url).netloc, PurePosixPath(urlsplit(url).path).name
        address = mirrored(url)
        for attempt in range(1, ATTEMPTS + 1):
            if host in self._out_of_reach:
                break
            try:
                got = pooch.retrieve(
                    address,
                    f"sha256:{checksum}",
                    fname=file,
                    path=folder,
                    downloader=pooch.HTTPDownloader(
                        progressbar=counted.of_file(), timeout=ANSWER_SECONDS, hooks={"response": refuse_pages}
                    ),
                )
                return Path(got)
            except requests.RequestException as error:
                if attempt == ATTEMPTS or not _breaks_off(error):
                    self._out_of_reach[host] = _why(error)
            except ValueError as error:
                message = (
                    f"{address} has another checksum than {file} is pinned to (SHA-256 {checksum}). It was deleted. "
                    f"{PINS.relative_to(PINS.parents[2])} has the pins; TOOLCHAIN=build builds from source instead."
                )
                raise SandboxError(message) from error
        raise UnavailableError(host, self._out_of_reach[host])


class Bytes:
    """How much has arrived of all files, for one step that shows their sum."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._files: list[Bar] = []

    def of_file(self) -> "Bar":
        """Return what counts the bytes of one more file."""
        bar = Bar(self)
        self._files.append(bar)
        return bar

    def show(self) -> None:
        """Report the sum."""
        arrived, total = (sum(getattr(bar, of) for bar in self._files) for of in ("arrived", "total"))
        self._report(f"{arrived / 1e6:.0f} of {total / 1e6:.0f} MB")


class Bar:
    """What pooch calls a progress bar: it sets `total`, and adds the bytes that arrive."""

    def __init__(self, sum_of: Bytes) -> None:
        self.total = 0
        self.arrived = 0
        self._sum = sum_of

    def update(self, count: int) -> None:
        """Count bytes that arrived."""
        self.arrived += count
        self._sum.show()

    def reset(self) -> None:
        """Begin again: pooch does so at the end, to count the whole file once more."""
        self.arrived = 0

    def close(self) -> None:
        """Nothing is open."""


def mirrored(url: str) -> str:
    """Return where a file is downloaded from: its own address, or the mirror's."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    parts = urlsplit(url)
    return f"{mirror}/{parts.netloc}{parts.path}" if mirror else url


def refuse_pages(response: requests.Response, **_: Any) -> None:
    """Refuse a page where a file was asked for: proxies answer so, with status 200.

    Raises:
        requests.exceptions.InvalidHeader: the answer is HTML.
    """
    if response.ok and response.headers.get("Content-Type", "").startswith("text/html"):
        raise requests.exceptions.InvalidHeader("a web page instead of the file", response=response)


def unpack(file: Path, commands: Iterable[str], folder: Path) -> None:
    """Put a tool's commands, which a download holds or is itself, into `folder`; whatever else it holds is left out."""
    for command, content in _members(file, tuple(commands)):
        made = folder / command
        with content, made.open("wb") as written:
            shutil.copyfileobj(content, written)
        made.chmod(0o755)


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
        # A bare binary has the command's name, with the platform behind it or not.
        yield next(name for name in commands if file.name == name or file.name.startswith(f"{name}-")), file.open("rb")


def _breaks_off(error: requests.RequestException) -> bool:
    return isinstance(error, requests.exceptions.ChunkedEncodingError) or (
        isinstance(error, requests.ConnectionError) and "Read timed out" in str(error)
    )


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}".strip()
    if _breaks_off(error):
        return "the connection breaks off"
    if isinstance(error, requests.Timeout):
        return f"no answer within {ANSWER_SECONDS:.0f} s"
    if isinstance(error, requests.exceptions.InvalidHeader):
        return str(error)
    return "cannot be reached"


@contextmanager
def _full_disk(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        message = f"The disk is full: {cache} needs about 1 GB for the toolchain. Free some space and try again."
        raise SandboxError(message) from error


pooch.get_logger().setLevel("ERROR")
