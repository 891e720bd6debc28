"""Stack files, read without an engine: the configuration that Pulumi would pass to the program.

Pulumi's own rules decide which files and keys are read, and what the project file adds to each stack:
https://www.pulumi.com/docs/iac/concepts/config/
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from dynamo_platform.errors import UserError
from dynamo_platform.findings import Finding, at_most, listed, quote_value
from dynamo_platform.trees import Location, dotted

from .mistakes import encrypted_finding
from .model import DOCS, NAMESPACE
from .reading import decode_stack
from .yamltext import MAX_BYTES, DuplicateKeyError, YamlTextError, load_yaml

PROJECT_FILES = ("Pulumi.json", "Pulumi.yaml", "Pulumi.yml")
_STACK_FILE_KEYS = {"config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"}


class ProjectError(UserError):
    """There is no such project or stack, or the project file cannot be read."""


TITLES = {
    "CFG005": "The file cannot be read.",
    "CFG006": "A key is defined twice.",
    "CFG007": "Some settings come from a Pulumi ESC environment, which only the engine reads.",
    "CFG008": "The prefix of a setting is misspelt, so nothing reads it.",
    "CFG009": "A setting is not below `config`, so Pulumi does not read it.",
}
"""The titles of the findings about a stack file, by code."""


class Project(NamedTuple):
    """A Pulumi project.

    Attributes:
        name: its name, and the namespace of configuration keys without one.
        file: its project file.
        folder: the folder of its stack files.
        config: configuration that applies to a stack unless the stack has its own.
    """

    name: str
    file: Path
    folder: Path
    config: Mapping[str, Any]

    @property
    def stacks(self) -> tuple[str, ...]:
        """The names of its stacks: those with a file."""
        names = [path.name.removesuffix(self.file.suffix) for path in self.folder.glob(f"Pulumi.*{self.file.suffix}")]
        return tuple(sorted(name.removeprefix("Pulumi.") for name in names))

    def stack_file(self, stack: str) -> Path:
        """The file of a stack, given as ``name`` or ``organization/project/name``.

        Raises:
            ProjectError: the stack has no file.
        """
        name = stack.rsplit("/", 1)[-1]
        file = self.folder / f"Pulumi.{name}{self.file.suffix}"
        if not os.path.lexists(file):
            raise ProjectError(
                f"There is no stack {stack!r} in {self.folder}; there are: {listed(self.stacks) or 'none'}."
            )
        return file


class Stack(NamedTuple):
    """One stack's configuration.

    Attributes:
        name: the stack's name; the file's name if it is not the file of a stack.
        file: its file.
        settings: the settings by name, in camelCase and typed; None if the file cannot be read.
        problems: findings about the file, and about entries that were left out of ``settings``.
        lines: the line of each setting, by its path.
        folder: the folder that its paths are relative to: its project's, or its own if there is no project.
    """

    name: str
    file: Path
    settings: dict[str, Any] | None
    problems: tuple[Finding, ...]
    lines: Mapping[str, int]
    folder: Path


def find_project(start: Path) -> Project:
    """The project of a folder: the nearest project file in it or above it.

    Raises:
        ProjectError: there is no project file, or it cannot be read.
    """
    folders = [start.absolute(), *start.absolute().parents]
    found = [file for folder in folders for name in PROJECT_FILES if (file := folder / name).is_file()]
    if not found:
        raise ProjectError(f"There is no Pulumi.yaml in {start.absolute()} or above it.")
    file = found[0]
    try:
        value = load_yaml(_read(file)).value
    except YamlTextError as error:
        raise ProjectError(f"{file}{_at(error.line)}: {error.problem}.") from error
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise ProjectError(f"{file} has no name; add name: followed by the project's name.")
    config = value.get("config")
    folder = value.get("stackConfigDir") or (config if isinstance(config, str) else "")
    return Project(
        name=value["name"],
        file=file,
        folder=file.parent / str(folder),
        config=_defaults(config) if isinstance(config, dict) else {},
    )


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a project file's ``config``: plain, or in ``{value: …}`` or ``{default: …}`` with a type."""
    values = {
        key: entry.get("value", entry.get("default")) if isinstance(entry, dict) else entry
        for key, entry in config.items()
    }
    return {key: value for key, value in values.items() if value is not None}


def read_stack(project: Project, stack: str) -> Stack:
    """Read a stack's file.

    Raises:
        ProjectError: there is no such stack.
    """
    file = project.stack_file(stack)
    return parse_stack(_read(file), file, name=stack, project=project)


def read_file(file: Path) -> Stack:
    """Read a stack file, or a plain mapping of the same keys without the ``dynamo-platform:`` prefix."""
    try:
        project = find_project(file.parent)
    except ProjectError:
        project = Project(NAMESPACE, file, file.parent, {})
    return parse_stack(_read(file), file, name=file.name, project=project, bare=True)


def parse_stack(data: bytes, file: Path, *, name: str, project: Project, bare: bool = False) -> Stack:
    """Read the text of a stack file.

    Args:
        data: the text.
        file: its file.
        name: the stack's name.
        project: the stack's project.
        bare: whether it may also be a plain mapping of settings, without ``config`` and prefixes.
    """
    try:
        document = load_yaml(data)
        content = {} if document.value is None else document.value
        bare = bare and not (isinstance(content, dict) and _STACK_FILE_KEYS & content.keys())
        settings = _settings(content, project, bare=bare)
    except DuplicateKeyError as error:
        return Stack(name, file, None, (_duplicate(error),), {}, project.file.parent)
    except YamlTextError as error:
        return Stack(name, file, None, (_unreadable(file, error),), {}, project.file.parent)
    secret = [key for key, value in settings.items() if _is_encrypted(value)]
    problems = [encrypted_finding(key) for key in secret]
    if not bare:
        problems += [*_misspelt(content, project), *_outside_config(content)]
    if not bare and content.get("environment"):
        problems.append(_esc_environment(content["environment"]))
    raw = {key: _as_text(value) for key, value in settings.items() if key not in secret}
    lines = {dotted(_setting(location)): line for location, line in document.lines.items()}
    return Stack(name, file, decode_stack(raw), tuple(at_most(problems)), lines, project.file.parent)


def _settings(content: Any, project: Project, *, bare: bool) -> dict[str, Any]:
    """The settings of this module in a stack file, or in a plain mapping."""
    config = content if bare or not isinstance(content, dict) else content.get("config") or {}
    if not isinstance(config, dict):
        raise YamlTextError(f"a {_KINDS.get(type(config), 'value')}, not a mapping of settings", 1)
    if bare:
        return config
    everything = _with_namespace(project.config, project) | _with_namespace(config, project)
    prefix = f"{NAMESPACE}:"
    return {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}


_KINDS = {list: "list", str: "text", bool: "boolean", int: "number", float: "number"}


def _misspelt(content: Mapping[str, Any], project: Project) -> Iterator[Finding]:
    """Findings about keys whose prefix is almost this module's."""
    for key in content.get("config") or ():
        prefix, colon, name = key.partition(":")
        if colon and prefix not in {NAMESPACE, project.name} and _is_close(prefix):
            yield Finding(
                code="CFG008",
                severity="error",
                path=dotted((key,)),
                given=quote_value(key),
                allowed=f"{NAMESPACE}:{name}",
                why="Nothing reads a setting with this prefix, so it would have no effect.",
                docs=DOCS,
            )


def _is_close(prefix: str) -> bool:
    if abs(len(prefix) - len(NAMESPACE)) > _MAX_EXTRA_CHARS:
        return False
    same = prefix.casefold().replace("_", "").replace("-", "") == NAMESPACE.replace("-", "")
    return same or SequenceMatcher(None, prefix, NAMESPACE).ratio() >= _CLOSE


_MAX_EXTRA_CHARS = 3
_CLOSE = 0.85
"""The similarity from which a prefix is a misspelt one: two letters that are swapped, missing or too many."""


def _outside_config(content: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about settings at the top level of a stack file."""
    for key in content:
        if key.startswith(f"{NAMESPACE}:"):
            yield Finding(
                code="CFG009",
                severity="error",
                path=key.removeprefix(f"{NAMESPACE}:"),
                given=f"{key}, at the top level of the file",
                allowed="the same line, indented below `config:`",
                why="Pulumi reads settings below `config:` only, so this one would have no effect.",
                docs=DOCS,
            )


def _with_namespace(config: Mapping[str, Any], project: Project) -> dict[str, Any]:
    return {key if ":" in key else f"{project.name}:{key}": value for key, value in config.items()}


def _is_encrypted(value: Any) -> bool:
    """Whether a setting is, or contains, ``{secure: …}``."""
    if isinstance(value, dict):
        return (len(value) == 1 and isinstance(value.get("secure"), str)) or any(map(_is_encrypted, value.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))


def _as_text(value: Any) -> str:
    """A top-level value as the engine passes it to a program."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _setting(location: Location) -> Location:
    """The location of a setting, without ``config`` and its namespace."""
    below = location[1:] if location[:1] == ("config",) else location
    return (str(below[0]).removeprefix(f"{NAMESPACE}:"), *below[1:]) if below else location


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _at(line: int | None) -> str:
    return f":{line}" if line else ""


def _duplicate(error: DuplicateKeyError) -> Finding:
    return Finding(
        code="CFG006",
        severity="error",
        path=dotted(_setting(error.location)),
        given=f"twice, in line {error.first} and in line {error.line}",
        allowed="each key once",
        why="Pulumi refuses a file with duplicate keys. Nothing else in the file was checked.",
        docs=DOCS,
    )


def _esc_environment(environment: Any) -> Finding:
    return Finding(
        code="CFG007",
        severity="note",
        path="environment",
        given=quote_value(environment),
        allowed="settings in the stack file, which this command can read",
        why="Only the engine knows the settings in Pulumi ESC environments, and this command runs without it.",
        docs="https://www.pulumi.com/docs/esc/",
    )


def _unreadable(file: Path, error: YamlTextError) -> Finding:
    return Finding(
        code="CFG005",
        severity="error",
        path=f"{file.name}{_at(error.line)}",
        given=error.problem,
        allowed=f"a mapping in YAML: UTF-8, indented with spaces, at most {MAX_BYTES:,} bytes",
        why="The file cannot be read. Nothing in it was checked.",
        docs=DOCS,
    )
