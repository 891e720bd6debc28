"""Charts of a private registry and of a private repository: fetched with Helm's own login, and refused without."""

import base64
import json
import subprocess
from pathlib import Path

import pytest

from sandbox.commands import CommandError
from sandbox.paths import CHECKOUT
from sandbox.sandbox import Sandbox
from tests.engine.engine import STACK, Engine
from tests.engine.stacks import NEW, stack

USER, PASSWORD = "robot", "hunter2"


@pytest.fixture
def private(sandbox: Sandbox, engine: Engine) -> Engine:
    """A stack with charts of both, neither of which anyone is logged in to."""
    sandbox.registry.require_login(USER, PASSWORD)
    monitors = {"podMonitors": False, "metricsService": False}
    config = stack("disabled", "separate", NEW, repository="@private", monitoring=monitors)
    config["grove"]["repository"] = sandbox.registry.oci("grove-charts")
    engine.configure(config, charts=False)
    return engine


def log_in(engine: Engine, password: str) -> None:
    registry = engine.sandbox.registry
    host = registry.repository.removeprefix("https://")
    helm(engine, password, "registry", "login", host, "--username", USER, "--password-stdin")
    helm(engine, password, "repo", "add", "private", registry.repository, "--username", USER, "--password-stdin")


def helm(engine: Engine, password: str, *arguments: str) -> None:
    command = [engine.sandbox.tools["helm"], *arguments]
    subprocess.run(command, env=engine.env, input=password, capture_output=True, text=True, check=True)


def command(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`dynamo-platform`, which renders with the helm on PATH."""
    env = engine.env | {"PYTHONPATH": str(CHECKOUT)}
    words = ["python", "-m", "dynamo_platform", *arguments]
    return subprocess.run(words, cwd=engine.folder, env=env, capture_output=True, text=True, check=False)


def test_charts_are_fetched_with_the_login_of_helm(private: Engine, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as nobody:
        private.preview()
    registry = private.sandbox.registry
    host = registry.repository.removeprefix("https://")
    assert f"helm registry login {host}" in nobody.value.output
    assert "helm repo add private URL" in nobody.value.output

    log_in(private, PASSWORD)
    private.up()
    assert {name: version for name, (version, _) in private.releases().items()} == {
        "grove": NEW["grove"],
        "dynamo-platform": NEW["version"],
    }
    rendered = command(private, "render", "--stack", STACK, "--out", str(tmp_path / "out"))
    assert rendered.returncode == 0, rendered.stderr
    state = private.run("pulumi", "stack", "export", "--show-secrets", "--stack", STACK)
    assert PASSWORD not in state

    registry.require_login(USER, "another")
    with pytest.raises(CommandError) as refused:
        private.preview()
    offline = command(private, "render", "--stack", STACK, "--out", str(tmp_path / "again"))
    for text in (refused.value.output, offline.stderr):
        assert "REN003" in text
        assert f"helm registry login {host}" in text
        assert "helm repo add private URL --force-update" in text
        assert PASSWORD not in text


def test_a_login_of_docker_is_used_too(sandbox: Sandbox, fresh: Engine, tmp_path: Path) -> None:
    sandbox.registry.require_login(USER, PASSWORD)
    host = sandbox.registry.repository.removeprefix("https://")
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
    local = sandbox.paths.charts / f"dynamo-platform-{NEW['version']}.tgz"
    config = stack("disabled", "separate", NEW, chart=str(local))
    config["grove"]["repository"] = sandbox.registry.oci("grove-charts")
    fresh.configure(config, charts=False)
    (sandbox.paths.helm / "config" / "registry" / "config.json").unlink(missing_ok=True)
    with pytest.raises(CommandError, match="helm registry login"):
        fresh.preview()
    fresh.env["DOCKER_CONFIG"] = str(tmp_path)
    fresh.up()
    assert fresh.releases()["grove"] == (NEW["grove"], "deployed")
