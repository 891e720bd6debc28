"""Git revisions of a project, read without touching its work tree or its index."""

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
    """There is no such revision; the text says what to do."""


class Revision:
    """The files of one revision, written below a folder as they are needed.

    Attributes:
        name: the revision as it was given.
        root: the folder that stands for the repository's.
    """

    def __init__(self, name: str, cwd: Path, folder: Path) -> None:
        """Look the revision up.

        Args:
            name: a commit, branch, tag, or whatever else git takes for one.
            cwd: a folder of the repository; the project is there or above it.
            folder: an empty folder.

        Raises:
            RevisionError: there is no git, no repository or no such revision in it.
        """
        self.name = name
        self.root = folder / "tree"
        self.root.mkdir()
        if shutil.which("git") is None:
            raise RevisionError("There is no `git` on PATH, which reads revisions: https://git-scm.com/downloads")
        where = _git(["rev-parse", "--absolute-git-dir", "--show-prefix"], cwd)
        if where.returncode:
            raise RevisionError(
                f"{cwd} is in no git repository, where {name!r} could be a revision: give two, or two stack files, "
                f"or two folders of YAML. Git: {' '.join(where.stderr.split())}"
            )
        git_dir, self._prefix, *_ = [*where.stdout.splitlines(), ""]
        found = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], cwd)
        if found.returncode:
            raise RevisionError(
                f"There is no revision {name!r} in this repository, and no file or folder of both names. `git fetch` "
                "gets branches and tags; a shallow clone, as CI makes one, has no history (`fetch-depth: 0`)."
            )
        self._git_dir, self._commit = git_dir, found.stdout.strip()
        self._index = folder / "index"

    @cached_property
    def _files(self) -> set[str]:
        self._in_tree(["read-tree", self._commit])
        return set(self._in_tree(["ls-files", "-z"]).split("\0"))

    @cached_property
    def project(self) -> Project | None:
        """The project, as far as its stack files; None where the revision has none.

        Raises:
            ProjectError: it cannot be read.
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
        folder = Path(self._inside(project.folder))
        self._write(name for name in self._files if Path(name).parent == folder)
        return project

    def take(self, path: Path) -> None:
        """Write what the revision has at or below a path."""
        if inside := self._inside(path):
            self._write(name for name in self._files if name == inside or name.startswith(f"{inside}/"))

    def _inside(self, path: Path) -> str:
        """A path from the repository's root on; nothing where it is outside of it."""
        relative = os.path.relpath(path, self.root)
        return "" if relative.startswith("..") else relative

    def _write(self, names: Iterable[str]) -> bool:
        """Write files that the revision has; return whether it has any of them."""
        found = self._files & set(names)
        if found:
            self._in_tree(["checkout-index", "--force", "-z", "--stdin"], "\0".join(found))
        return bool(found)

    def _in_tree(self, arguments: list[str], text: str = "") -> str:
        """Run git with an index of its own, and the folder for a work tree."""
        options = [f"--git-dir={self._git_dir}", f"--work-tree={self.root}", "-c", "core.sparseCheckout=false"]
        # A link of a branch could lead to any file of this machine: its text is written instead.
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
        text=True,
        check=False,
    )
