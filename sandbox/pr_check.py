"""`make pr-check`: runs the pull request checks of `examples/pr-checks` on a temporary clone that changes one stack.

It runs the `run` and `script` commands of the YAML. The sandbox replaces the `uses` steps: it provides the clone, the
toolchain, and a folder for artifacts. Comments are sent to a fake API of GitHub and GitLab.
"""

import json
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from sandbox import charts
from sandbox.commands import git, run
from sandbox.errors import SandboxError
from sandbox.paths import CHECKOUT
from sandbox.sandbox import PASSPHRASE, Sandbox

EXAMPLES = Path("examples") / "pr-checks"
STACK = "production"
SAME_REPOSITORY = "head.repo.full_name == github.repository"
"""The condition of jobs that do not run for pull requests from forks."""

POLL_SECONDS = 0.02
"""How often the fake API checks whether it should stop."""
TOKEN = "token-of-the-fake-api"  # noqa: S105  not a secret


class Forge:
    """A fake API for comments at the URL `address`."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.address = ""

    @contextmanager
    def serve(self) -> Iterator["Forge"]:
        """Serve the API on loopback."""
        comments = self.comments

        class Handler(BaseHTTPRequestHandler):
            def answer(self, content: Any, status: int = 200) -> None:
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle_request(self) -> None:
                if f"Bearer {TOKEN}" != self.headers["Authorization"] and self.headers["PRIVATE-TOKEN"] != TOKEN:
                    return self.answer({"message": "Unauthorized"}, 401)
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                url = urlsplit(self.path)
                if url.path.endswith("/user"):
                    return self.answer({"id": 7})
                if self.command == "GET":
                    page = int(parse_qs(url.query)["page"][0])
                    return self.answer(comments[100 * (page - 1) : 100 * page])
                if self.command == "POST":
                    comments.append({"id": len(comments), "user": {"type": "Bot"}, "author": {"id": 7}})
                comment = comments[-1 if self.command == "POST" else int(url.path.rpartition("/")[2])]
                comment["body"] = json.loads(body)["body"]
                return self.answer(comment)

            do_GET = do_POST = do_PATCH = do_PUT = handle_request  # noqa: N815  names of the base class

            def log_message(self, *_: object) -> None:
                """Do not log requests."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class PullRequest:
    """A clone of this checkout with a branch that upgrades the platform of one stack."""

    def __init__(self, sandbox: Sandbox, root: Path) -> None:
        self.folder = root / "clone"
        self.state = root / "state"
        self.state.mkdir()
        # Steps get no secret, state or cluster unless they ask for it.
        private = {"KUBECONFIG": str(root / "nowhere"), "GITHUB_STEP_SUMMARY": str(root / "summary")}
        self.env = sandbox.env | private
        for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
            self.env.pop(name)
        self.secrets = {
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_ACCESS_TOKEN": "",
        }
        git(root, "clone", "--quiet", str(CHECKOUT), str(self.folder))
        (self.folder / ".venv").symlink_to(Path(sys.prefix))
        self._commit_base()
        self.base = git(self.folder, "rev-parse", "HEAD").strip()
        git(self.folder, "switch", "--quiet", "--create", "topic")
        self._write(self._settings(), "1.6.2")
        self._commit("feat: platform 1.6.2")

    def merge(self) -> None:
        """Check out the merge commit, as GitHub does."""
        git(self.folder, "switch", "--quiet", "--detach", self.base)
        git(self.folder, "merge", "--quiet", "--no-ff", "--message", "merge", "topic")

    def run(self, command: str, env: Mapping[str, str] | None = None) -> None:
        """Run a command the way a step does.

        Raises:
            CommandError: it fails.
        """
        bash = ["bash", "-e", "-o", "pipefail", "-c", command.strip()]
        run(bash, self.folder, {**self.env, **(env or {})})

    def _commit_base(self) -> None:
        versions = {
            "dynamo-platform": ["1.5.1", "1.6.2"],
            "kai-scheduler": ["v0.17.2"],
            "grove-charts": ["v0.1.0-alpha.14"],
        }
        charts.package(self.folder / "charts", versions)
        self.run(f"pulumi stack init {STACK}", env=self.secrets)
        settings = self._settings()
        for key, chart in (("kaiScheduler", "kai-scheduler"), ("grove", "grove-charts")):
            part = settings[f"dynamo-platform:{key}"]
            part["chart"] = f"./charts/{chart}-{part['version']}.tgz"
        self._write(settings, "1.5.1")
        self._commit("chore: charts and stack of the sandbox")

    @property
    def _stack_file(self) -> Path:
        return self.folder / "stacks" / f"Pulumi.{STACK}.yaml"

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = yaml.safe_load(self._stack_file.read_text())["config"]
        return settings

    def _write(self, settings: Mapping[str, Any], version: str) -> None:
        chart = f"./charts/dynamo-platform-{version}.tgz"
        config = {**settings, "dynamo-platform:version": version, "dynamo-platform:chart": chart}
        document = yaml.safe_load(self._stack_file.read_text()) | {"config": config}
        self._stack_file.write_text(yaml.safe_dump(document, sort_keys=False))

    def _commit(self, message: str) -> None:
        git(self.folder, "add", "--force", "charts", "stacks")
        git(self.folder, "commit", "--quiet", "--message", message)


def github(pull: PullRequest, forge: Forge, *, fork: bool) -> None:
    """Run the jobs of the GitHub workflow, for a branch of the repository or for a fork."""
    jobs = yaml.safe_load((pull.folder / EXAMPLES / "github.yml").read_text())["jobs"]
    output = pull.state.parent / "output"
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_REF": "refs/pull/1/merge",
        "GITHUB_REPOSITORY": "team/platform",
        "GITHUB_API_URL": forge.address,
    }
    known = {f"secrets.{name}": value for name, value in pull.secrets.items()} | {"github.token": TOKEN}
    known["vars.PULUMI_BACKEND_URL"] = known["secrets.PULUMI_BACKEND_URL"]
    stacks: list[str] = []
    for name, job in jobs.items():
        if fork and SAME_REPOSITORY in job.get("if", ""):
            continue
        for stack in stacks if "strategy" in job else [""]:
            for step in (each for each in job["steps"] if "run" in each):
                given = {
                    variable: known.get(found[1], stack) if (found := re.fullmatch(r"\${{ (.*) }}", text)) else text
                    for variable, text in step.get("env", {}).items()
                }
                _run_step(pull, name, step["run"], env | given)
        if name == "changed":
            stacks = json.loads(output.read_text().strip().rpartition("stacks=")[2])


def gitlab(pull: PullRequest, forge: Forge, *, fork: bool) -> None:
    """Run the jobs of the GitLab pipeline, for a branch of the project or for a fork."""
    pipeline = yaml.safe_load((pull.folder / EXAMPLES / "gitlab-ci.yml").read_text())
    env = {
        "CI_API_V4_URL": forge.address,
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "1",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": pull.base,
    }
    environment_variables = {"preview": pull.secrets, "comment": {"COMMENT_TOKEN": TOKEN}}
    for name in pipeline["stages"]:
        job = pipeline[".step"] | pipeline[name]
        if fork and "SOURCE_PROJECT_ID" in job["rules"][0]["if"]:
            continue
        given = environment_variables.get(job.get("environment", {}).get("name", ""), {})
        for command in [*job["before_script"], *job["script"]]:
            _run_step(pull, name, command, env | given)


def _run_step(pull: PullRequest, job: str, command: str, env: Mapping[str, str]) -> None:
    print(f"{job:<8} {command.strip()}", flush=True)
    pull.run(command, env=env)


def run_checks() -> list[dict[str, Any]]:
    """Check a pull request from a fork and from a branch, in GitLab CI and in GitHub Actions; return the comments.

    Raises:
        SandboxError: a step fails, or the number of comments is wrong.
    """
    written: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch, Forge().serve() as forge:
        sandbox = Sandbox(Path(scratch) / "sandbox")
        sandbox.paths.state.mkdir(parents=True)
        pull = PullRequest(sandbox, Path(scratch))
        for checks in (gitlab, github):
            if checks is github:
                pull.merge()
            forge.comments.clear()
            for fork in (True, False):
                print(f"\n{checks.__name__}, {'a fork' if fork else 'a branch'}")
                checks(pull, forge, fork=fork)
                expected = 0 if fork else 1
                if len(forge.comments) != expected:
                    message = f"Expected {expected} comments, found {len(forge.comments)}."
                    raise SandboxError(message)
                pull.run("rm -r report")
            written += forge.comments
    return written


def main() -> int:
    """Run the checks and print the comment that they write; return the exit code."""
    try:
        comments = run_checks()
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{comments[-1]['body']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
