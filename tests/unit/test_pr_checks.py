"""The pull request checks: what each job has access to, and how existing comments are updated."""

import importlib.util
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from sandbox.pr_check import EXAMPLES, SAME_REPOSITORY, STACK, TOKEN, Forge, github, gitlab

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / EXAMPLES
# Without types, because PyYAML parses the key `on` as a boolean.
GITHUB = yaml.load((FOLDER / "github.yml").read_text(), Loader=yaml.BaseLoader)  # noqa: S506
GITLAB = yaml.load((FOLDER / "gitlab-ci.yml").read_text(), Loader=yaml.BaseLoader)  # noqa: S506
JOBS: dict[str, dict[str, Any]] = GITHUB["jobs"]
OF_FORKS = [name for name, job in JOBS.items() if SAME_REPOSITORY not in job.get("if", "")]


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_pull_requests_never_run_with_the_rights_of_the_base() -> None:
    assert GITHUB["on"] == "pull_request"


def test_every_action_is_pinned_by_a_full_commit_with_its_version() -> None:
    used = [line for line in (FOLDER / "github.yml").read_text().splitlines() if "uses:" in line]
    assert len(used) == sum("uses" in step for job in JOBS.values() for step in job["steps"]) > 0
    for line in used:
        assert re.fullmatch(r" +- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_permissions_are_the_least() -> None:
    assert GITHUB["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "changed": {"contents": "read"},
        "check": {"contents": "read"},
        "preview": {"contents": "read"},
        "comment": {"contents": "read", "pull-requests": "write"},
    }


def test_a_checkout_leaves_no_token_behind() -> None:
    checkouts = [step for job in JOBS.values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == ["false"] * len(JOBS)


def test_a_fork_gets_check_and_diff_alone_without_token_secret_or_state() -> None:
    assert OF_FORKS == ["changed", "check"]
    for name in OF_FORKS:
        text = json.dumps(JOBS[name])
        assert not re.search(r"secrets|token|vars\.|PULUMI|environment", text, re.IGNORECASE)
    ran = {
        re.sub(r".*pr-check\.sh (\w+).*", r"\1", line)
        for name in OF_FORKS
        for command in commands(name)
        for line in command.splitlines()
        if "pr-check.sh" in line
    }
    assert ran == {"install", "changed", "check"}


def test_what_sees_secrets_cannot_write_and_what_writes_sees_none() -> None:
    seeing = [name for name, job in JOBS.items() if "secrets." in json.dumps(job)]
    writing = [name for name, job in JOBS.items() if "write" in job["permissions"].values()]
    holding = [name for name, job in JOBS.items() if "github.token" in json.dumps(job)]
    assert (seeing, writing, holding) == (["preview"], ["comment"], ["comment"])


def test_nothing_from_a_branch_becomes_part_of_a_command() -> None:
    assert not [command for name in JOBS for command in commands(name) if "${{" in command]


def test_changed_stacks_are_a_matrix() -> None:
    for name in ("check", "preview"):
        assert JOBS[name]["strategy"]["matrix"] == {"stack": "${{ fromJSON(needs.changed.outputs.stacks) }}"}
        assert JOBS[name]["strategy"]["fail-fast"] == "false"


def test_gitlab_gives_forks_the_check_alone() -> None:
    assert GITLAB["stages"] == ["check", "preview", "comment"]
    rules = {name: GITLAB[name]["rules"][0]["if"] for name in GITLAB["stages"]}
    event = '$CI_PIPELINE_SOURCE == "merge_request_event"'
    own = f"{event} && $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID"
    assert rules == {"check": event, "preview": own, "comment": own}
    assert "environment" not in GITLAB["check"]
    assert [GITLAB[name]["environment"]["name"] for name in ("preview", "comment")] == ["preview", "comment"]


class Recorder:
    """A pull request whose commands are recorded instead of run."""

    def __init__(self, folder: Path) -> None:
        self.folder = CHECKOUT
        self.state = folder / "state"
        self.base = "base"
        self.secrets = {"PULUMI_BACKEND_URL": "state", "PULUMI_CONFIG_PASSPHRASE": "secret", "PULUMI_ACCESS_TOKEN": ""}
        self.ran: list[tuple[str, Mapping[str, str]]] = []

    def run(self, command: str, *, env: Mapping[str, str]) -> str:
        self.ran.append((command, env))
        if "GITHUB_OUTPUT" in command:
            Path(env["GITHUB_OUTPUT"]).write_text(f'stacks=["{STACK}"]\n')
        return ""


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def test_make_pr_check_runs_the_commands_of_the_workflow(recorder: Recorder) -> None:
    github(recorder, Forge(), fork=False)  # type: ignore[arg-type]
    assert [command for command, _ in recorder.ran] == [command for name in JOBS for command in commands(name)]
    seeing = [command for command, env in recorder.ran if "secret" in env.values()]
    assert seeing == ['sh examples/pr-checks/pr-check.sh preview "$STACK"']
    assert [env["STACK"] for command, env in recorder.ran if "$STACK" in command] == [STACK, STACK]
    assert "$(PYTHON) -m sandbox.pr_check" in (CHECKOUT / "Makefile").read_text()


def test_make_pr_check_runs_the_commands_of_the_pipeline(recorder: Recorder) -> None:
    gitlab(recorder, Forge(), fork=False)  # type: ignore[arg-type]
    expected = [
        command for name in GITLAB["stages"] for command in GITLAB[".step"]["before_script"] + GITLAB[name]["script"]
    ]
    assert [command for command, _ in recorder.ran] == expected
    assert {command for command, env in recorder.ran if "secret" in env.values()} == {
        "sh examples/pr-checks/pr-check.sh install",
        "sh examples/pr-checks/pr-check.sh all preview",
    }


@pytest.mark.parametrize("checks", [github, gitlab])
def test_make_pr_check_gives_a_fork_what_a_fork_gets(recorder: Recorder, checks: Any) -> None:
    checks(recorder, Forge(), fork=True)
    assert not [command for command, _ in recorder.ran if "preview" in command or "comment" in command]
    assert not [env for _, env in recorder.ran if {"secret", "state", TOKEN} & set(env.values())]


# Comments


@pytest.fixture(scope="module")
def comment() -> ModuleType:
    """The script that writes comments."""
    spec = importlib.util.spec_from_file_location("comment", FOLDER / "comment.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def forge() -> Iterator[Forge]:
    with Forge().serve() as serving:
        yield serving


def marker(stack: str, project: str = "infra") -> str:
    return f"<!-- dynamo-platform diff {project}/{stack} -->"


def write(folder: Path, **reports: str) -> Path:
    """Reports of stacks, and the report of all stacks."""
    folder.mkdir(exist_ok=True)
    for stack, text in reports.items():
        (folder / f"{stack}.md").write_text(f"{marker(stack)}\n\n{text}\n")
    (folder / "all.md").write_text(f"{marker('*')}\n")
    return folder


def publish(comment: ModuleType, forge: Forge, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_TOKEN", "COMMENT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    env = {
        "github": {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REF": "refs/pull/12/merge",
            "GITHUB_API_URL": forge.address,
            "GITHUB_REPOSITORY": "team/platform",
            "GITHUB_TOKEN": TOKEN,
        },
        "gitlab": {
            "CI_API_V4_URL": forge.address,
            "CI_PROJECT_ID": "3",
            "CI_MERGE_REQUEST_IID": "12",
            "COMMENT_TOKEN": TOKEN,
        },
    }[kind]
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["comment.py", str(folder)])
    comment.main()


BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])


@BOTH
def test_a_comment_is_found_again_by_project_and_stack(
    comment: ModuleType, forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    publish(comment, forge, write(tmp_path / "report", dev="first", prod="first"), monkeypatch, kind)
    publish(comment, forge, write(tmp_path / "report", prod="second"), monkeypatch, kind)
    assert [each["body"] for each in forge.comments] == [
        f"{marker('dev')}\n\nfirst\n",
        f"{marker('prod')}\n\nsecond\n",
    ]


@BOTH
def test_a_stack_that_is_changed_no_more_says_so(
    comment: ModuleType, forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    publish(comment, forge, write(tmp_path / "a", dev="first"), monkeypatch, kind)
    forge.comments.append(forge.comments[0] | {"id": 1, "body": f"{marker('dev', 'other')}\n"})
    publish(comment, forge, write(tmp_path / "b"), monkeypatch, kind)
    assert [each["body"] for each in forge.comments] == [
        f"{marker('dev')}\n\n### dynamo-platform: this pull request no longer changes dev\n",
        f"{marker('dev', 'other')}\n",
    ]


@BOTH
def test_comments_of_others_are_left_alone(
    comment: ModuleType, forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    theirs = {"id": 0, "user": {"type": "User"}, "author": {"id": 8}, "body": f"{marker('dev')}\n"}
    forge.comments.append(theirs)
    publish(comment, forge, write(tmp_path / "report", dev="ours"), monkeypatch, kind)
    assert [each["body"] for each in forge.comments] == [f"{marker('dev')}\n", f"{marker('dev')}\n\nours\n"]


def test_a_comment_is_found_behind_many_others(
    comment: ModuleType, forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge.comments += [{"id": each, "user": {"type": "User"}, "body": "hello"} for each in range(250)]
    for text in ("first", "second"):
        publish(comment, forge, write(tmp_path / "report", dev=text), monkeypatch, "github")
    assert len(forge.comments) == 251
    assert "second" in forge.comments[-1]["body"]


def test_the_end_of_a_long_preview_is_folded_in(comment: ModuleType, tmp_path: Path) -> None:
    folder = write(tmp_path / "report", dev="x" * 60_000)
    (folder / "dev.preview.txt").write_text("begin " + "~~~\n" * 3_000 + "end")
    body = comment.bodies(folder)[marker("dev")]
    assert len(body) < 65_536
    assert "begin" not in body
    assert body.endswith("end\n~~~~~~\n\n</details>\n")


def test_a_wrong_token_is_an_error(
    comment: ModuleType, forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.unit.test_pr_checks.TOKEN", "wrong")
    with pytest.raises(OSError, match="401"):
        publish(comment, forge, write(tmp_path / "report", dev="x"), monkeypatch, "github")
