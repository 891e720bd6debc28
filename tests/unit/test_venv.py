"""Creation of virtual environments, with shell scripts as `uv` and `pip`."""

import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from io import StringIO
from pathlib import Path

import pytest

from sandbox import uv, venv
from sandbox.errors import SandboxError
from sandbox.paths import CHECKOUT
from sandbox.progress import Progress

PINNED = uv.UV.replace("==", "-")

WORKING_UV = """\
    #!/bin/sh
    test "$1" != --version || { echo "uv ${FAKE_VERSION:-0.13.8} (x86_64)"; exit; }
    echo "uv $*" >> "$LOG"
    env >> "$ENVIRONMENT"
    exit "${FAKE_EXIT:-0}"
"""

PYTHON_WITH_PIP = f"""\
    #!/bin/sh
    case "$*" in
      *" config "*) test "$PIP_CONFIG_FILE" = {os.devnull} || exec {shlex.quote(sys.executable)} "$@" ;;
      *" --target "*)
        test -z "$FAKE_OFFLINE" || {{ echo "ERROR: cannot reach the index" >&2; exit 1; }}
        while [ "$1" != --target ]; do shift; done
        mkdir -p "$2/bin"
        echo half > "$2/bin/uv"
        test -z "$FAKE_SLEEP" || sleep "$FAKE_SLEEP"
        cp "$UV_SCRIPT" "$2/bin/uv" && chmod +x "$2/bin/uv" ;;
      *) echo "pip $*" >> "$LOG"; exit "${{FAKE_EXIT:-0}}" ;;
    esac
"""


def script(file: Path, text: str) -> Path:
    file.write_text(textwrap.dedent(text))
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without uv, whose pip is not configured."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "SSL_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("ENVIRONMENT", str(tmp_path / "environment"))
    monkeypatch.setenv("UV_SCRIPT", str(script(tmp_path / "uv", WORKING_UV)))


@pytest.fixture
def on_path(tmp_path: Path) -> Path:
    return script(tmp_path / "path" / "uv", WORKING_UV)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return script(tmp_path / "python", PYTHON_WITH_PIP)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(uv, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def log(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().splitlines()


def visible(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.suffix != ".lock")


# Which uv


def test_uv_on_path_is_taken(on_path: Path, python: Path, cache: Path) -> None:
    assert uv.find(python) == on_path
    assert not cache.exists()


@pytest.mark.parametrize("text", ["#!/bin/sh\necho uv 0.6.17\n", "#!/bin/sh\nexit 127\n", "no program"])
def test_uv_on_path_is_not_taken_when_it_is_too_old_or_does_not_run(
    text: str, on_path: Path, python: Path, cache: Path
) -> None:
    script(on_path, text)
    assert uv.find(python) == cache / PINNED / "bin" / "uv"


def test_uv_is_installed_once_for_all_environments(python: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = uv.find(python)
    monkeypatch.setenv("FAKE_OFFLINE", "1")
    assert uv.find(python) == first
    assert visible(cache) == [PINNED]


def test_uv_that_cannot_be_installed_leaves_nothing(python: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_OFFLINE", "1")
    with pytest.raises(SandboxError, match=rf"^{uv.UV} could not be installed: cannot reach the index$"):
        uv.find(python)
    assert visible(cache) == []


def test_uv_of_another_machine_is_an_error(python: Path, cache: Path) -> None:
    (cache / PINNED / "bin").mkdir(parents=True)
    script(cache / PINNED / "bin" / "uv", "for another processor")
    with pytest.raises(SandboxError, match="does not run on this machine"):
        uv.find(python)


def test_a_killed_installation_of_uv_leaves_nothing_half_made(python: Path, cache: Path) -> None:
    program = f"""
from pathlib import Path
from sandbox import uv
uv.CACHE = Path({str(cache)!r})
uv.find(Path({str(python)!r}))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, env={**os.environ, "FAKE_SLEEP": "60"}, start_new_session=True
    )
    deadline = time.monotonic() + 20
    while not list(cache.glob(f".{PINNED}.*/content/bin/uv")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    [left] = visible(cache)
    assert left.startswith(f".{PINNED}.")

    assert "half" not in uv.find(python).read_text()
    assert visible(cache) == [PINNED]


def test_the_real_pip_says_why_uv_is_not_to_be_had(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SandboxError, match=rf"could not be installed: No matching distribution found for {uv.UV}$"):
        uv.find(Path(sys.executable))


# Where packages come from


def test_uv_takes_packages_from_where_pip_does(
    on_path: Path, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text(
        """\
        [global]
        index-url = https://user:secret@mirror.example/simple
        cert = /global.pem
        timeout = 90
        trusted-host = mirror.example
        [install]
        cert = /install.pem
        extra-index-url =
            https://one.example/simple
            https://two.example/simple
        [freeze]
        timeout = 1
        """.replace("        ", "", 1).replace("\n        ", "\n")
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_TIMEOUT", "120")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more")
    assert uv.run(["pip", "install", "x"], python) == 0
    assert log(tmp_path) == ["uv pip install x"]
    set_for_uv = {
        name: value
        for name, _, value in (line.partition("=") for line in (tmp_path / "environment").read_text().splitlines())
        if name.startswith(("SSL_", "UV_")) and name != "UV_SCRIPT"
    }
    assert set_for_uv == {
        "UV_DEFAULT_INDEX": "https://user:secret@mirror.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INSECURE_HOST": "mirror.example",
        "UV_HTTP_TIMEOUT": "120",
        "UV_NATIVE_TLS": "true",
        "UV_SYSTEM_CERTS": "true",
        "SSL_CERT_FILE": "/install.pem",
    }


def test_uv_asks_no_index_where_pip_must_not(
    on_path: Path, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("[install]\nno-index = yes\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    uv.run(["pip", "install", "x"], python)
    assert log(tmp_path) == ["uv pip install x --no-index"]


# Which packages


def test_uv_installs_and_pip_does_not(
    on_path: Path, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    stream = StringIO()
    venv.install(python, ["--require-hashes", "--requirement", "lock"], Progress(stream))
    assert log(tmp_path) == [
        f"uv pip install --quiet --upgrade --require-hashes --requirement lock --python={python}",
    ]
    assert stream.getvalue() == ""


def test_uv_compiles_where_python_keeps_no_bytecode(
    on_path: Path, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    venv.install(python, ["x"], Progress(StringIO()))
    assert log(tmp_path) == [f"uv pip install --quiet --upgrade x --compile-bytecode --python={python}"]


def test_pip_installs_the_same_where_uv_cannot_be_had(
    python: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_OFFLINE", "1")
    stream = StringIO()
    venv.install(python, ["--require-hashes", "--requirement", "lock"], Progress(stream))
    assert log(tmp_path) == ["pip -m pip install --quiet --upgrade --require-hashes --requirement lock"]
    reason = f"{uv.UV} could not be installed: cannot reach the index"
    assert stream.getvalue() == f"! uv is not available ({reason}). Installing with pip, which is slower.\n"


def test_pip_installs_where_the_cache_cannot_be_written(python: Path, cache: Path, tmp_path: Path) -> None:
    cache.touch()
    stream = StringIO()
    venv.install(python, ["x"], Progress(stream))
    assert log(tmp_path) == ["pip -m pip install --quiet --upgrade x"]
    assert stream.getvalue().startswith("! uv is not available (")
    assert stream.getvalue().count("\n") == 1


def test_pip_tries_what_uv_could_not_install(
    on_path: Path, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EXIT", "2")
    stream = StringIO()
    with pytest.raises(subprocess.CalledProcessError, match="exit status 2"):
        venv.install(python, ["x"], Progress(stream))
    assert [line.split()[0] for line in log(tmp_path)] == ["uv", "pip"]
    assert stream.getvalue() == "! uv failed. Trying pip.\n"


def test_locked_packages_are_held_to_their_hashes() -> None:
    assert venv.requirements("locked") == [
        "--require-hashes",
        "--requirement",
        str(CHECKOUT / "requirements-dev.txt"),
    ]


def test_an_environment_is_made_with_the_standard_library_alone() -> None:
    # -S: without site-packages, any other import fails.
    done = subprocess.run([sys.executable, "-S", "-c", "import sandbox.venv"], cwd=CHECKOUT, check=False)
    assert done.returncode == 0
