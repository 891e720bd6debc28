"""``dynamo-platform diff``: two revisions, two stack files, two folders, and invalid arguments."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dynamo_platform.cli import main

SETTINGS = """\
config:
  dynamo-platform:version: "1.5.1"
  dynamo-platform:profile: development
  dynamo-platform:kaiScheduler: {mode: separate, version: v0.17.0}
  dynamo-platform:grove: {mode: separate, version: v0.1.0-alpha.13}
"""
QUEUE = "  dynamo-platform:queues: [{name: research, parent: dynamo-default}]\n"


class Repository:
    """A git repository with a project in it."""

    def __init__(self, folder: Path, project: str = ".") -> None:
        self.folder = folder
        self.project = folder / project

    @classmethod
    def create(cls, folder: Path, project: str = ".") -> "Repository":
        """Create a project with the stacks dev and prod, committed as `base`."""
        made = cls(folder, project)
        made.project.mkdir(parents=True, exist_ok=True)
        made.git("init", "--quiet", "--initial-branch=main", "--template=")
        made.write("Pulumi.yaml", "name: infra\nruntime: python\nstackConfigDir: stacks\n")
        for stack in ("dev", "prod"):
            made.stack(stack, SETTINGS)
        made.commit("base")
        return made

    def git(self, *arguments: str) -> str:
        author = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        return subprocess.run(
            ["git", *author, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout

    def write(self, path: str, text: str) -> None:
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def stack(self, name: str, text: str) -> None:
        self.write(f"stacks/Pulumi.{name}.yaml", text)

    def commit(self, tag: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that every repository is copied from."""
    return Repository.create(tmp_path_factory.mktemp("base")).folder


@pytest.fixture
def repository(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The working directory: a project with the stacks dev and prod, committed as `base`."""
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments], prog_name="dynamo-platform")


def data(*arguments: str) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def states(*arguments: str) -> dict[str, str]:
    return {stack["stack"]: stack["state"] for stack in data(*arguments)["stacks"]}


def test_two_revisions(repository: Repository) -> None:
    repository.stack("dev", SETTINGS + QUEUE)
    repository.commit("head")

    result = run("base", "head")

    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
dev: changed, 1 note

Changes of the plan
  + queue research: parentQueue "dynamo-default", resources.cpu.quota -1, resources.cpu.limit -1, \
resources.cpu.overQuotaWeight 1, resources.gpu.quota -1, resources.gpu.limit -1, resources.gpu.overQuotaWeight 1, \
resources.memory.quota -1, resources.memory.limit -1, resources.memory.overQuotaWeight 1

Objects: 1 added, 0 changed, 0 removed
  + Queue research

1 note
  note DEP008  kaiScheduler.version
    given    "v0.17.0"
    allowed  a version of 0.12, 0.14, 0.16, 0.18
    why      Upstream supported 0.17 only until v0.18.
    read     https://github.com/kai-scheduler/KAI-Scheduler/blob/v0.17.0/SUPPORT.md

Same objects, not rendered
  kai-scheduler v0.17.0
  grove v0.1.0-alpha.13
  dynamo-platform 1.5.1

unchanged: prod
"""
    )


def test_the_work_tree_is_neither_read_nor_changed(repository: Repository) -> None:
    repository.stack("dev", SETTINGS + QUEUE)
    repository.commit("head")
    repository.stack("dev", "nonsense: [")
    repository.stack("new", SETTINGS)
    repository.git("add", "stacks/Pulumi.new.yaml")
    before = (repository.git("status", "--porcelain"), (repository.folder / ".git" / "index").read_bytes())

    assert states("base", "head") == {"dev": "changed", "prod": "unchanged"}
    assert (repository.git("status", "--porcelain"), (repository.folder / ".git" / "index").read_bytes()) == before


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (SETTINGS, 0),
        ("# another comment\n" + SETTINGS, 0),
        (SETTINGS + "  dynamo-platform:protect: false\n", 0),
        (SETTINGS + QUEUE, 1),
        (SETTINGS.replace("1.5.1", "9.9.9"), 1),
    ],
    ids=["nothing", "a comment", "a default", "a queue", "an error"],
)
def test_the_exit_code_is_1_if_a_stack_would_change_or_has_errors(repository: Repository, head: str, code: int) -> None:
    repository.stack("dev", head)
    repository.git("commit", "--quiet", "--all", "--allow-empty", "--message", "head")

    assert run("base", "HEAD", "--exit-code").exit_code == code
    assert run("base", "HEAD").exit_code == 0


def test_stack_files_beside_the_project_file_at_the_root_of_the_repository(repository: Repository) -> None:
    repository.write("Pulumi.yaml", "name: infra\nruntime: python\n")
    repository.write("Pulumi.dev.yaml", SETTINGS)
    repository.commit("default")
    repository.write("Pulumi.dev.yaml", SETTINGS + QUEUE)
    repository.commit("head")

    assert states("default", "head") == {"dev": "changed"}


def test_added_and_removed_stacks(repository: Repository) -> None:
    (repository.project / "stacks" / "Pulumi.prod.yaml").unlink()
    repository.stack("new", SETTINGS.replace("1.5.1", "9.9.9"))
    repository.commit("head")

    assert states("base", "head") == {"dev": "unchanged", "new": "added", "prod": "removed"}
    assert (
        "prod: removed: its file is deleted, but its resources stay until `pulumi destroy`"
        in run("base", "head").stdout
    )


def test_one_stack_of_a_project(repository: Repository) -> None:
    repository.stack("dev", SETTINGS + QUEUE)
    repository.stack("prod", SETTINGS + QUEUE)
    repository.commit("head")

    assert states("base", "head", "--stack", "prod") == {"prod": "changed"}
    page = run("base", "head", "--stack", "prod", "--format", "markdown").stdout
    assert page.startswith(
        "<!-- dynamo-platform diff infra/prod -->\n\n### dynamo-platform: 1 stack would change, 1 note\n"
    )
    result = run("base", "head", "--stack", "nope")
    assert result.exit_code == 2
    assert "Neither revision has a stack nope. The stacks are: dev, prod." in result.stderr


def test_configuration_in_the_project_file_counts(repository: Repository) -> None:
    (repository.project / "Pulumi.yaml").write_text(
        "name: infra\nruntime: python\nstackConfigDir: stacks\nconfig:\n  dynamo-platform:timeout: 900\n"
    )
    repository.commit("head")

    assert states("base", "head") == {"dev": "changed", "prod": "changed"}


def test_a_project_is_found_from_a_folder_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository.create(tmp_path, "clusters/europe")
    repository.stack("dev", SETTINGS + QUEUE)
    repository.commit("head")
    monkeypatch.chdir(repository.project / "stacks")

    assert states("base", "head") == {"dev": "changed", "prod": "unchanged"}


def test_a_project_file_above_the_temporary_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository.create(tmp_path / "repository", "a")
    (tmp_path / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(repository.folder)

    result = run("base", "base")

    assert result.exit_code == 2
    assert f"Neither base nor base has a Pulumi.yaml in {repository.folder} or above it." in result.stderr


def test_a_revision_without_a_project_has_no_stacks(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "empty")
    repository.git("rm", "--quiet", "-r", "--force", ".")
    repository.git("commit", "--quiet", "--allow-empty", "--message", "nothing")
    repository.git("tag", "nothing")
    repository.git("checkout", "--quiet", "main")

    assert states("base", "nothing") == {"dev": "removed", "prod": "removed"}


def test_revisions_of_a_bare_repository(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.stack("dev", SETTINGS + QUEUE)
    repository.commit("head")
    repository.git("clone", "--quiet", "--bare", ".", "bare.git")
    monkeypatch.chdir(repository.folder / "bare.git")

    assert states("base", "head") == {"dev": "changed", "prod": "unchanged"}


def test_a_revision_that_does_not_exist(repository: Repository) -> None:
    result = run("base", "nope")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "There is no revision 'nope' in this repository" in result.stderr
    assert "`fetch-depth: 0`" in result.stderr


def test_a_broken_project_file_is_named_by_its_revision(repository: Repository) -> None:
    repository.write("Pulumi.yaml", "name: [")
    repository.commit("head")

    result = run("base", "head")

    assert result.exit_code == 2
    assert "Error: head:Pulumi.yaml:" in result.stderr


def test_an_unreadable_stack_file_is_a_finding(repository: Repository) -> None:
    repository.stack("dev", "config: [")
    repository.commit("head")

    (dev, _) = data("base", "head")["stacks"]
    assert [finding["code"] for finding in dev["findings"]] == ["CFG005"]


def test_a_symbolic_link_in_a_branch_is_not_followed(repository: Repository, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.yaml"
    outside.write_text(SETTINGS.replace("1.5.1", "1.5.0"))
    file = repository.project / "stacks" / "Pulumi.dev.yaml"
    file.unlink()
    file.symlink_to(outside)
    repository.commit("head")

    (dev, _) = data("base", "head")["stacks"]
    assert [finding["code"] for finding in dev["findings"]] == ["CFG005"]


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)

    result = run("main", "topic")

    assert result.exit_code == 2
    assert f"{tmp_path} is not in a git repository" in result.stderr
    assert "or compare two stack files or two folders of YAML" in result.stderr


def only(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduce PATH to one command."""
    folder.mkdir()
    found = shutil.which(command)
    assert found
    (folder / command).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))


def test_no_helm(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.stack("dev", SETTINGS + "  dynamo-platform:monitoring: {metricsService: false}\n")
    repository.commit("head")
    only("git", tmp_path / "bin", monkeypatch)

    result = run("base", "head")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "There is no `helm` on PATH" in result.stderr
    assert "https://helm.sh/docs/intro/install/" in result.stderr
    assert run("base", "base").exit_code == 0  # nothing to render


def test_no_git(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only("true", tmp_path / "bin", monkeypatch)

    result = run("base", "base")

    assert result.exit_code == 2
    assert "There is no `git` on PATH" in result.stderr


def test_two_stack_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(SETTINGS)
    Path("b.yaml").write_text(SETTINGS + QUEUE)

    assert states("a.yaml", "b.yaml") == {"b.yaml": "changed"}
    assert states("a.yaml", "a.yaml") == {"a.yaml": "unchanged"}
    result = run("a.yaml", "b.yaml", "--stack", "dev")
    assert result.exit_code == 2
    assert "--stack works with revisions of a project only" in result.stderr


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: %s}
---
# an empty document, and one that is no object
---
replicas: 3
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two folders of YAML in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name, kind in (("a", "ClusterIP"), ("b", "NodePort")):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "service.yaml").write_text(SERVICE % kind)
    return tmp_path / "a", tmp_path / "b"


def test_two_folders(folders: tuple[Path, Path]) -> None:
    folders[1].joinpath("more.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret"}]})
    )
    (comparison,) = data("a", "b")["stacks"]
    assert comparison["stack"] == "b"
    assert [each["text"] for each in comparison["objects"]] == ["+ Secret ", "~ Service default/web"]
    assert run("a", "a", "--exit-code").stdout == "unchanged: a\n"


@pytest.mark.parametrize(
    ("text", "problem"), [("a: [", "while parsing a flow node"), (f"a: {'[' * 900}{']' * 900}", "nested too deeply.")]
)
def test_a_folder_with_a_broken_file(folders: tuple[Path, Path], text: str, problem: str) -> None:
    (folders[1] / "broken.yaml").write_text(text)

    result = run("a", "b")

    assert result.exit_code == 2
    assert f"b/broken.yaml cannot be read as YAML: {problem}" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "metadata: text",
        "metadata: {name: 5}",
        "metadata: {name: a, annotations: [a]}",
        "metadata: {name: a, annotations: {helm.sh/hook: true}}",
        "metadata: {name: a}\n1: x",
    ],
)
def test_an_invalid_object(folders: tuple[Path, Path], text: str) -> None:
    (folders[1] / "broken.yaml").write_text(f"apiVersion: v1\nkind: Service\n{text}\n")

    result = run("a", "b")

    assert result.exit_code == 2
    assert "b/broken.yaml has an invalid object" in result.stderr


@pytest.mark.parametrize("text", ["metadata: {name: a}", "metadata: {name: a}\nspec: {versions: [v1]}"])
def test_an_invalid_custom_resource_definition(folders: tuple[Path, Path], text: str) -> None:
    head = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    (folders[1] / "broken.yaml").write_text(head + text)

    result = run("a", "b")

    assert result.exit_code == 2
    assert "b/broken.yaml has an invalid object" in result.stderr


def test_a_folder_without_objects(folders: tuple[Path, Path]) -> None:
    shutil.rmtree(folders[1] / "deep")

    result = run("a", "b")

    assert result.exit_code == 2
    assert "There is no Kubernetes object in the YAML files of b." in result.stderr
