"""Runs the commands of a section of `docs/runbooks.md` as they are written.

The toolchain has no kubectl: its commands are translated to API calls. Pulumi's commands are not interactive here.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any, cast

import yaml
from lightkube import ApiError, Client
from lightkube.codecs import from_dict
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.types import PatchType

from dynamo_platform.cli.docs import find_section
from sandbox.cluster import client
from sandbox.paths import CHECKOUT
from tests.engine.engine import STACK, Engine
from tests.engine.results import KINDS

PAGE = CHECKOUT / "docs" / "runbooks.md"


def commands(section: str) -> list[list[str]]:
    """The commands in the indented blocks of a section, as words."""
    text = find_section(PAGE.read_text(encoding="utf-8"), section)
    assert text, f"{PAGE.name} has no section {section}"
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("    ")]


def follow(engine: Engine, section: str, **placeholders: str) -> str:
    """Run the commands of a section, and return what they printed.

    Args:
        engine: the stack. It is what `STACK` stands for.
        section: the anchor of the section.
        placeholders: what words in capitals stand for.
    """
    words = {"STACK": STACK, **placeholders}
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b")
    printed = ""
    for command in commands(section):
        printed += _run(engine, [pattern.sub(lambda word: words[word[0]], each) for each in command])
    return printed


def _run(engine: Engine, command: list[str]) -> str:
    match command:
        case [*words, ">", file]:
            printed = _run(engine, words)
            (engine.folder / file).write_text(printed)
            return printed
        case ["kubectl", *options]:
            return _kubectl(client(engine.sandbox.paths.kubeconfig), engine.folder, options)
        case ["helm", *options]:
            return engine.helm(*options)
        case ["dynamo-platform", *options]:
            command = ["python", "-m", "dynamo_platform", *options]
        case ["pulumi", "up" | "destroy" | "refresh", *_]:
            command = [*command, "--yes", "--skip-preview"]
        case ["pulumi", "cancel", *_]:
            command = [*command, "--yes"]
    return engine.run(*command)


def _kubectl(api: Client, folder: Path, words: list[str]) -> str:
    """Apply, get, delete, patch, annotate or label objects."""
    if words[:2] == ["apply", "--server-side"]:
        for manifest in yaml.safe_load_all((folder / words[-1]).read_text()):
            cast("Any", api).apply(from_dict(manifest), field_manager="kubectl", force=True)
        return ""
    options = dict(zip(words, [*words[1:], ""], strict=True))
    scope = {"namespace": options["-n"]} if "-n" in options else {}
    verb, kind, *names = [
        word for n, word in enumerate(words) if not word.startswith("-") and words[n - 1] not in _TAKES
    ]
    resource = _resource(api, kind)
    printed = []
    for name in names if verb in {"get", "delete"} else names[:1]:
        if verb == "get":
            printed.append(json.dumps(cast("Any", api).get(resource, name, **scope).to_dict()))
        elif verb == "delete":
            _delete(api, resource, name, scope, ignore="--ignore-not-found" in words)
        else:
            field = {"annotate": "annotations", "label": "labels"}
            change = json.loads(options["-p"]) if verb == "patch" else {"metadata": {field[verb]: _pairs(names[1:])}}
            cast("Any", api).patch(resource, name, change, patch_type=PatchType.MERGE, **scope)
    return "\n".join(printed)


_TAKES = {"-n", "-p", "--type", "--context"}
"""Options whose next word is their value."""


def _delete(api: Client, resource: Any, name: str, scope: dict[str, str], *, ignore: bool) -> None:
    try:
        cast("Any", api).delete(resource, name, **scope)
    except ApiError as error:
        if error.status.code != 404 or not ignore:
            raise


def _pairs(words: list[str]) -> dict[str, str | None]:
    """`a=b` sets, `a-` removes."""
    return {word.partition("=")[0]: word.partition("=")[2] for word in words if "=" in word} | {
        word[:-1]: None for word in words if word.endswith("-") and "=" not in word
    }


def _resource(api: Client, kind: str) -> Any:
    """The class of a kind as kubectl takes it: `namespace`, `queue.scheduling.run.ai`."""
    own = {each.__name__.lower(): each for each in KINDS}
    name, _, group = kind.partition(".")
    if not group:
        return own[name.removesuffix("s")]
    for crd in api.list(CustomResourceDefinition):
        names = crd.spec.names
        if crd.spec.group == group and name in {names.singular, names.plural, names.kind.lower()}:
            version = next(each.name for each in crd.spec.versions if each.storage)
            create = create_namespaced_resource if crd.spec.scope == "Namespaced" else create_global_resource
            return create(group, version, names.kind, names.plural)
    raise AssertionError(f"no kind {kind}")
