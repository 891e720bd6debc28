"""Reads the git revisions of a project without touching its work tree or index."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from dynamo_platform.config.stackfile import PROJECT_FILES, Project, ProjectError, find_project
from dynamo_platform.errors import UserError


class RevisionError(UserError):
    """A revision cannot be read. The text states what to do."""


class Revision:
    """One revision, whose files are written to a folder as they are needed.

    Attributes:
        name: the revision as it was given.
        root: the folder in place of the repository's root.
    """

    def __init__(self, name: str, cwd: Path, folder: Path) -> None:
        """Resolve the revision.

        Args:
            name: a commit, branch, tag, or any other name that git resolves to a commit.
            cwd: a folder of the repository; the project is there or above it.
            folder: an empty folder.

        Raises:
            RevisionError: there is no git, no repository or no such revision in it.
        """
        self.name = name
        self.root = folder / "tree"
        self.root.mkdir()
        if shutil.which("git") is None:
            raise RevisionError(
                "There is no `git` on PATH, which is needed to read revisions. To install it: https://git-scm.com/downloads"
            )
        location = _git(["rev-parse", "--absolute-git-dir", "--show-prefix"], cwd)
        if location.returncode:
            raise RevisionError(
                f"{cwd} is not in a git repository, so {name!r} cannot be a revision. Go to a repository, or compare "
                f"two stack files or two folders of YAML. Git: {' '.join(location.stderr.split())}"
            )
        git_dir, self._prefix, *_ = [*location.stdout.splitlines(), ""]
        commit = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], cwd)
        if commit.returncode:
            raise RevisionError(
                f"There is no revision {name!r} in this repository, and the two names are not both files or folders. "
                "`git fetch` gets branches and tags. A shallow clone, the default in most CI systems, has no "
                "history: set `fetch-depth: 0`."
            )
        self._git_dir, self._commit = git_dir, commit.stdout.strip()
        self._index = folder / "index"

    @cached_property
    def _files(self) -> set[str]:
        self._run_git(["read-tree", self._commit])
        return set(self._run_git(["ls-files", "-z"]).split("\0")) - {""}

    @cached_property
    def project(self) -> Project | None:
        """The project, with its stack files written; None if the revision has no project.

        Raises:
            ProjectError: the project file cannot be read.
        """
        start = self.root / self._prefix
        above = [start, *start.parents]
        names = [
            str((folder / name).relative_to(self.root))
            for folder in above[: above.index(self.root) + 1]
            for name in PROJECT_FILES
        ]
        if not self._write(names):
            return None
        try:
            project = find_project(start)
        except ProjectError as error:
            raise ProjectError(str(error).replace(f"{self.root}/", f"{self.name}:")) from error
        folder = Path(self._relative(project.folder))
        self._write(name for name in self._files if Path(name).parent == folder)
        return project

    def write_path(self, path: Path) -> None:
        """Write the revision's files at or below a path."""
        if relative := self._relative(path):
            self._write(name for name in self._files if name == relative or name.startswith(f"{relative}/"))

    def _relative(self, path: Path) -> str:
        """The path relative to the repository's root; empty if it is outside."""
        relative = os.path.relpath(path, self.root)
        return "" if relative.startswith("..") else relative

    def _write(self, names: Iterable[str]) -> bool:
        """Write the files that the revision has; return whether it has any of them."""
        found = self._files & set(names)
        if found:
            self._run_git(["checkout-index", "--force", "-z", "--stdin"], "\0".join(found))
        return bool(found)

    def _run_git(self, arguments: list[str], text: str = "") -> str:
        """Run git with a separate index, and with the folder as its work tree."""
        options = [f"--git-dir={self._git_dir}", f"--work-tree={self.root}", "-c", "core.sparseCheckout=false"]
        # A symbolic link in a branch could point to any file of this machine, so it is written as a text file.
        options += ["-c", "core.symlinks=false"]
        done = _git([*options, *arguments], self.root, text, {"GIT_INDEX_FILE": str(self._index)})
        if done.returncode:
            raise RevisionError(f"Git cannot read {self.name}: {' '.join(done.stderr.split())}")
        return done.stdout


def _git(
    arguments: list[str], cwd: Path, text: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
