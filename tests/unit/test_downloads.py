"""Downloads, from a server on loopback instead of the public ones."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest

from sandbox import downloads
from sandbox.downloads import PINS as REAL_PINS
from sandbox.downloads import Downloader, find_pin, mirror_url, this_platform, unpack
from sandbox.errors import SandboxError
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress
from sandbox.tools import TOOLS, Tool, Toolchain

PLATFORMS = {f"{system}-{machine}" for system in ("linux", "darwin") for machine in ("amd64", "arm64")}
URL = "https://releases.example.com/v1/one-v1.tar.gz"
PATH = "/releases.example.com/v1/one-v1.tar.gz"


def tar(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"one-v1/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


ARCHIVE = tar(one="#!/bin/sh\n", two="#!/bin/sh\n", LICENSE="free")


class Place(BaseHTTPRequestHandler):
    """A server like the public ones, including their faults."""

    content = ARCHIVE
    status = 200
    content_type = "application/gzip"
    faults = ""
    asked: list[str]
    at_once = 0
    most_at_once = 0

    def do_GET(self) -> None:
        type(self).at_once += 1
        type(self).most_at_once = max(self.at_once, self.most_at_once)
        try:
            self.answer()
        finally:
            type(self).at_once -= 1

    def answer(self) -> None:
        if self.faults == "redirect" and not self.path.startswith("/elsewhere"):
            self.send_response(302)
            self.send_header("Location", f"/elsewhere{self.path}")
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            return
        self.asked.append(self.path)
        if self.faults == "slow":
            time.sleep(0.1)
        if self.faults == "silence":
            time.sleep(1)
            return
        self.send_response(self.status)
        self.send_header("Content-Type", self.content_type)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        cut = self.faults in {"cut off", "stall"} or (self.faults == "cut off once" and len(self.asked) == 1)
        self.wfile.write(self.content[: len(self.content) // 2] if cut else self.content)
        if self.faults == "stall":
            self.wfile.flush()
            time.sleep(60)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        pass


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Place]]:
    handler = type("ThisPlace", (Place,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TOOLCHAIN_MIRROR", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("TOOLCHAIN", "download")
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pins: tool `toy` with one archive."""
    file = tmp_path / "sandbox" / "toolchain" / "downloads.json"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(downloads, "PINS", file)
    pin(file, {URL: hashlib.sha256(ARCHIVE).hexdigest()})
    return file


def pin(file: Path, files: dict[str, str]) -> None:
    file.write_text(json.dumps({"toy": {this_platform(): {"version": "v1", "source": "-", "files": files}}}))


TOY = Tool("toy", ("one", "two"), None, ())


def visible(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.suffix != ".lock")


def toolchain(cache: Path, stream: StringIO | None = None) -> Toolchain:
    return Toolchain(Progress(stream or StringIO()), [TOY], cache)


def test_a_tool_is_downloaded_once(place: type[Place], cache: Path) -> None:
    commands = toolchain(cache).provide()
    assert place.asked == [PATH]
    assert visible(commands["one"].parent) == ["one", "two"]
    assert os.access(commands["two"], os.X_OK)
    assert commands["one"].read_text() == "#!/bin/sh\n"
    assert visible(cache) == [commands["one"].parent.name]
    assert toolchain(cache).provide() == commands
    assert place.asked == [PATH]


def test_downloads_count_their_bytes_together() -> None:
    said: list[str] = []
    counted = downloads.TotalProgress(said.append)
    first, second = counted.add_file(), counted.add_file()
    first.total, second.total = 30_000_000, 50_000_000
    first.update(10_000_000)
    second.update(2_000_000)
    first.reset()
    first.update(30_000_000)
    assert said == ["10 of 80 MB", "12 of 80 MB", "32 of 80 MB"]


def test_another_checksum_is_refused_by_name_and_nothing_is_kept(place: type[Place], cache: Path) -> None:
    place.content = tar(one="#!/bin/sh\nrm -rf /\n", two="")
    with pytest.raises(SandboxError) as error:
        toolchain(cache).provide()
    got = hashlib.sha256(place.content).hexdigest()
    expected = hashlib.sha256(ARCHIVE).hexdigest()
    assert "Checksum mismatch for one-v1.tar.gz from releases.example.com" in str(error.value)
    assert f"expected SHA-256 {expected}, got {got}. The file was deleted." in str(error.value)
    assert "TOOLCHAIN=build builds from source" in str(error.value)
    assert visible(cache) == []


def test_a_download_that_breaks_off_is_repeated(place: type[Place], cache: Path) -> None:
    place.faults = "cut off once"
    assert toolchain(cache).provide()["one"].read_text() == "#!/bin/sh\n"
    assert place.asked == [PATH, PATH]


def test_a_redirect_is_followed(place: type[Place], cache: Path) -> None:
    place.faults = "redirect"
    assert toolchain(cache).provide()["one"].read_text() == "#!/bin/sh\n"
    assert place.asked == [f"/elsewhere{PATH}"]


def test_tools_are_downloaded_side_by_side(place: type[Place], cache: Path, pins: Path) -> None:
    place.faults = "slow"
    pin = json.loads(pins.read_text())["toy"]
    pins.write_text(json.dumps({"toy": pin, "other": pin}))
    tools = [TOY, replace(TOY, name="other")]
    Toolchain(Progress(StringIO()), tools, cache).provide()
    assert place.most_at_once == 2


def test_two_downloads_of_the_same_ask_once(place: type[Place], cache: Path) -> None:
    place.faults = "slow"
    with ThreadPoolExecutor() as threads:
        first, second = threads.map(lambda _: toolchain(cache).provide(), range(2))
    assert first == second
    assert place.asked == [PATH]


def test_a_cancelled_download_ends_with_its_next_bytes(place: type[Place], cache: Path) -> None:
    counted = downloads.TotalProgress(lambda _: None)
    counted.cancel()
    with pytest.raises(CancelledError):
        counted.add_file().update(1)


def test_a_mirror_that_is_no_url_is_refused_and_its_password_never_shown(
    place: type[Place], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = os.environ["TOOLCHAIN_MIRROR"]
    monkeypatch.setenv("TOOLCHAIN_MIRROR", "localhost:1234")
    with pytest.raises(SandboxError, match=r"TOOLCHAIN_MIRROR is not a URL\. Set it to one that begins with https"):
        toolchain(cache).provide()
    monkeypatch.setenv("TOOLCHAIN_MIRROR", address.replace("//", "//user:s3cret@"))
    place.content = b"other"
    with pytest.raises(SandboxError) as error:
        toolchain(cache).provide()
    assert "from releases.example.com (mirror 127.0.0.1): expected SHA-256" in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"faults": "cut off"}, "the connection was interrupted"),
        ({"faults": "stall", "content": ARCHIVE + b" " * 100_000}, "the connection was interrupted"),
        ({"faults": "silence"}, "no answer within 0 s"),
        ({"status": 403}, "403 Forbidden"),
        ({"status": 503}, "503 Service Unavailable"),
        ({"content_type": "text/html; charset=utf-8", "content": b"<html>Sign in</html>"}, "a web page instead"),
    ],
    ids=["cut off", "stalled", "silence", "403", "503", "a proxy's page"],
)
def test_a_place_that_does_not_give_the_file_is_said(
    fault: dict[str, object], why: str, place: type[Place], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault.get("faults") in {"stall", "silence"}:
        # Only here: on a busy machine, an answer may take as long.
        monkeypatch.setattr(downloads, "TIMEOUT_SECONDS", 0.3)
    for name, value in fault.items():
        setattr(place, name, value)
    with pytest.raises(SandboxError) as error:
        toolchain(cache).provide()
    assert f"one, two: releases.example.com (mirror 127.0.0.1): {why}" in str(error.value)
    assert "TOOLCHAIN=download, but these are not available:" in str(error.value)
    assert visible(cache) == []


def test_a_place_that_cannot_be_reached_is_said(
    place: type[Place], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLCHAIN_MIRROR", "http://127.0.0.1:1")
    with pytest.raises(
        SandboxError, match=r"one, two: releases\.example\.com \(mirror 127\.0\.0\.1\): cannot be reached"
    ):
        toolchain(cache).provide()


def test_a_place_that_did_not_answer_is_not_asked_again(place: type[Place], cache: Path) -> None:
    place.status = 403
    asked = Downloader(cache, Progress(StringIO()))
    cache.mkdir()
    first = asked.download({"toy": TOY.commands})
    assert first == {"toy": "releases.example.com (mirror 127.0.0.1): 403 Forbidden"}
    assert asked.download({"toy": TOY.commands}) == {"toy": "releases.example.com: 403 Forbidden"}
    assert place.asked == [PATH]


def test_without_a_pin_nothing_is_asked(place: type[Place], cache: Path, pins: Path) -> None:
    pins.write_text("{}")
    with pytest.raises(SandboxError, match=f"no binary is pinned for {this_platform()}"):
        toolchain(cache).provide()
    assert place.asked == []


def test_offline_takes_what_was_downloaded(place: type[Place], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = toolchain(cache).provide()
    monkeypatch.setenv("TOOLCHAIN", "offline")
    assert toolchain(cache).provide() == commands
    assert place.asked == [PATH]


def test_an_archive_that_lacks_a_command_is_refused(place: type[Place], cache: Path, pins: Path) -> None:
    place.content = tar(one="")
    pin(pins, {URL: hashlib.sha256(place.content).hexdigest()})
    with pytest.raises(SandboxError, match="The download of toy v1 does not contain two"):
        toolchain(cache).provide()
    assert visible(cache) == []


def test_a_full_disk_is_named_and_nothing_is_kept(
    place: type[Place], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(SandboxError, match=r"The disk is full: .* needs about 1 GB"):
        toolchain(cache).provide()
    assert visible(cache) == []


def test_a_killed_download_leaves_nothing_half_made(place: type[Place], cache: Path, pins: Path) -> None:
    place.faults = "stall"
    place.content = ARCHIVE + b" " * 100_000
    program = f"""
from io import StringIO
from pathlib import Path
from sandbox import downloads
from sandbox.progress import Progress
downloads.PINS = Path({str(pins)!r})
downloads.TIMEOUT_SECONDS = 60
cache = Path({str(cache)!r})
cache.mkdir(exist_ok=True)
downloads.Downloader(cache, Progress(StringIO())).download({{"toy": ("one", "two")}})
"""
    process = subprocess.Popen([sys.executable, "-c", program], cwd=CHECKOUT, start_new_session=True)
    deadline = time.monotonic() + 20
    while not list(cache.glob(".toy-*/tmp*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (left,) = visible(cache)
    assert left.startswith(".toy-v1-")

    place.faults, place.content = "", ARCHIVE
    commands = toolchain(cache).provide()
    assert visible(cache) == [commands["one"].parent.name]


def test_bare_binaries_and_zips_give_their_commands(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (tmp_path / "kwokctl-linux-amd64").write_text("kwokctl")
    unpack(tmp_path / "kwokctl-linux-amd64", ("kwok", "kwokctl"), made)
    with zipfile.ZipFile(tmp_path / "etcd-v3-darwin-arm64.zip", "w") as archive:
        archive.writestr("etcd-v3-darwin-arm64/etcd", "etcd")
        archive.writestr("etcd-v3-darwin-arm64/README.md", "")
    unpack(tmp_path / "etcd-v3-darwin-arm64.zip", ("etcd",), made)
    assert {file.name: file.read_text() for file in made.iterdir()} == {"etcd": "etcd", "kwokctl": "kwokctl"}


def test_without_a_mirror_the_place_itself_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOOLCHAIN_MIRROR", raising=False)
    assert mirror_url(URL) == URL
    monkeypatch.setenv("TOOLCHAIN_MIRROR", "https://mirror.example.com/tools")
    assert mirror_url(URL) == f"https://mirror.example.com/tools{PATH}"


def test_the_pins_cover_the_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PINS", REAL_PINS)
    assert list(json.loads(REAL_PINS.read_text())) == [tool.name for tool in TOOLS]
    missing = {(tool.name, platform) for tool in TOOLS for platform in PLATFORMS if not find_pin(tool.name, platform)}
    # No checksums are published for these: they are built.
    assert missing == {("kwok", "darwin-amd64"), ("control-plane", "darwin-amd64")}


def test_every_pin_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, platforms in json.loads(REAL_PINS.read_text()).items():
        tool = next(tool for tool in TOOLS if tool.name == name)
        for platform, of in platforms.items():
            assert of["source"], (name, platform)
            for url, checksum in of["files"].items():
                assert url.startswith("https://"), url
                assert of["version"] in url, url
                assert len(bytes.fromhex(checksum)) == hashlib.sha256().digest_size, url
            version = tuple(int(part) for part in of["version"].removeprefix("v").split(".")[:2])
            assert tool.supported is None or tool.supported.oldest <= version < tool.supported.below, (name, platform)
