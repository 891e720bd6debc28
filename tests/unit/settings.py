"""The tables of settings in `docs/configuration.md`, from the model's types and docstrings.

`python -m tests.unit.settings` writes them between the markers of the page.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from dynamo_platform.catalog import load
from dynamo_platform.catalog.model import PartName
from dynamo_platform.config.fields import core, declared_types, descriptions, format_of, is_model, is_tri_state
from dynamo_platform.config.model import Format, PlatformConfig, QueueConfig, ReleaseConfig, TolerationConfig, to_camel
from dynamo_platform.planning.rules.base import release_of

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

_BLOCK = re.compile(r"(<!-- BEGIN (\w+) -->\n).*?(<!-- END \2 -->)", re.DOTALL)


class Setting(NamedTuple):
    """A setting of the page."""

    path: str
    name: str
    owner: type
    annotation: Any
    description: str

    @property
    def cells(self) -> tuple[str, str, str]:
        """Its type, its default and what it does."""
        text, _, default = self.description.partition(" Default: ")
        if not default:
            text, _, required = self.description.partition(" Required.")
            assert required == "", self.description
            default = "required."
        return type_name(self.annotation), default.removesuffix("."), text if ". " in text else text.removesuffix(".")


def page() -> str:
    """The page with current tables."""
    return _BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match[2]]()}{match[3]}", PAGE.read_text(encoding="utf-8"))


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[Setting]:
    """All settings of a model and its parts; those of a list's items are on their own."""
    described = descriptions(model)
    for name, annotation in declared_types(model).items():
        path = prefix + to_camel(name)
        if is_model(core(annotation)):
            yield from settings(core(annotation), f"{path}.")
        else:
            yield Setting(path, name, described[name].owner, annotation, described[name].text)


def type_name(annotation: Any) -> str:
    """A type in words."""
    kind = core(annotation)
    if is_tri_state(annotation):
        return "`true`, `false` or `auto`"
    if get_origin(kind) is Literal:
        *others, last = (f"`{each}`" for each in get_args(kind))
        return f"{', '.join(others)} or {last}"
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        if is_model(item):
            name = item.__name__.removesuffix("Config").lower()
            return f"list of [{name}s](#{name}s)"
        return f"list of {text.name}s" if (text := _special(item)) else f"list of {type_name(item)}"
    if text := _special(annotation):
        return f"{text.name} ({text.rule})"
    return {bool: "boolean", int: "integer", float: "number", str: "text"}.get(kind) or (
        "mapping" if kind == dict[str, Any] else "mapping of text to text"
    )


def _special(annotation: Any) -> Format | None:
    """The format of a text, unless it is any text."""
    found = format_of(annotation)
    return None if found and found.name == "text" else found


def _table(rows: dict[tuple[type, str], list[Setting]], *, names_only: bool = False) -> str:
    """A table with one row for all settings that share a docstring."""
    lines = ["| setting | type | default | description |", "|---|---|---|---|"]
    for group in rows.values():
        paths = [to_camel(group[0].name)] if names_only else [each.path for each in group]
        cells = [", ".join(f"`{path}`" for path in paths), *group[0].cells]
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _rows(model: type[BaseModel]) -> dict[tuple[type, str], list[Setting]]:
    rows: dict[tuple[type, str], list[Setting]] = {}
    for setting in settings(model):
        rows.setdefault((setting.owner, setting.name), []).append(setting)
    return rows


def _of_each_release(*, wanted: bool) -> dict[tuple[type, str], list[Setting]]:
    return {key: group for key, group in _rows(PlatformConfig).items() if (key[0] is ReleaseConfig) == wanted}


def _pod_security() -> str:
    """A table of the levels that admit the charts' pods."""
    lines = ["| chart | versions | level |", "|---|---|---|"]
    for part in get_args(PartName):
        for row in load().chart(part).pod_security:
            versions = f"{release_of(row.first)} and later" if row.first else "all"
            given = f", with `{row.given}`" if row.given else ""
            lines.append(f"| {part} | {versions} | [`{row.level}`]({row.source}){given} |")
    return "\n".join(lines) + "\n"


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": lambda: _table(_of_each_release(wanted=False)),
    "releases": lambda: _table(_of_each_release(wanted=True), names_only=True),
    "levels": _pod_security,
    "queues": lambda: _table(_rows(QueueConfig)),
    "tolerations": lambda: _table(_rows(TolerationConfig)),
}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
