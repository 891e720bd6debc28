"""What the model says about its settings: types, names and docstrings, for messages, the schema and the documentation.

Imported only by what needs it: a configuration without mistakes is planned without it.
"""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

from dynamo_platform.trees import Location

from .model import Format, PlatformConfig, TriState, to_camel

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)$", re.MULTILINE)


class Description(NamedTuple):
    """What a docstring says about a setting.

    Attributes:
        owner: the model whose docstring it is.
        text: all of it, as Markdown on one line.
    """

    owner: type
    text: str


def descriptions(model: type[BaseModel]) -> dict[str, Description]:
    """The descriptions of a model's settings, by name; a model's docstring goes before those it inherits."""
    return {
        name: Description(owner, to_markdown(text))
        for owner in reversed(model.__mro__)
        for name, text in _ATTRIBUTE.findall(inspect.getdoc(owner) or "")
        if name in model.model_fields
    }


def model_summary(model: type[BaseModel]) -> str:
    """A model's docstring without its attributes."""
    return to_markdown((inspect.getdoc(model) or "").partition("\n\nAttributes:")[0])


def to_markdown(docstring: str) -> str:
    """Prose of a docstring as Markdown on one line."""
    text = re.sub(r"\s+", " ", docstring.replace("``", "`"))
    return text[:1].upper() + text[1:]


@cache
def declared_types(model: type[BaseModel]) -> dict[str, Any]:
    """The types of a model's settings, as they are declared, by name."""
    return {name: field.rebuild_annotation() for name, field in model.model_fields.items()}


def declared_type(location: Location) -> Any:
    """The declared type of the value at a location, with names as in Python or in stack configuration.

    Below chart values it is ``Any``.
    """
    annotation: Any = PlatformConfig
    for step in location:
        kind = core(annotation)
        if is_model(kind):
            annotation = _types_by_name(kind)[str(step)]
        elif get_origin(kind) is dict:
            annotation = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            annotation = get_args(kind)[0]
    return annotation


@cache
def _types_by_name(model: type[BaseModel]) -> dict[str, Any]:
    types = declared_types(model)
    return {**types, **{to_camel(name): annotation for name, annotation in types.items()}}


def in_python(text: str) -> str:
    """A text with the names of settings as in Python: ``kai_scheduler.mode`` for ``kaiScheduler.mode``.

    Keys of chart values and of labels stay as they are.
    """
    return re.sub(r"(?<![\w./])[a-z]\w*(?:\[\d+\])?(?:\.\w+(?:\[\d+\])?)*", _path_in_python, text)


def _path_in_python(found: re.Match[str]) -> str:
    steps, settings = found[0].split("."), _settings()
    paths = [re.sub(r"\[\d+\]", "", ".".join(steps[: n + 1])) for n in range(len(steps))]
    ours = sum(path in settings for path in paths)
    names = [re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", step) for step in steps[:ours]]
    return ".".join([*names, *steps[ours:]])


@cache
def _settings() -> frozenset[str]:
    """The paths of all settings, with names as in stack configuration."""
    return frozenset(_paths(PlatformConfig, ""))


def _paths(model: type[BaseModel], above: str) -> Iterator[str]:
    for name, annotation in declared_types(model).items():
        path = f"{above}{to_camel(name)}"
        yield path
        kind = core(annotation)
        kind = core(get_args(kind)[0]) if get_origin(kind) is tuple else kind
        if is_model(kind):
            yield from _paths(kind, f"{path}.")


def core(annotation: Any) -> Any:
    """A declared type without ``None`` and metadata."""
    return list(_layers(annotation))[-1]


def format_of(annotation: Any) -> Format | None:
    """The format of a text."""
    metadata = (each for layer in _layers(annotation) for each in getattr(layer, "__metadata__", ()))
    return next((each for each in metadata if isinstance(each, Format)), None)


def is_model(annotation: Any) -> bool:
    """Whether a type is a part of the configuration with settings of its own."""
    return inspect.isclass(annotation) and issubclass(annotation, BaseModel)


def is_tri_state(annotation: Any) -> bool:
    """Whether ``null`` has a meaning of its own there."""
    return bool(annotation == TriState)


def _layers(annotation: Any) -> Iterator[Any]:
    """A type, then what is in it: without its metadata, and without ``None``."""
    yield annotation
    if get_origin(annotation) is Annotated:
        yield from _layers(annotation.__origin__)
    elif get_origin(annotation) in {Union, UnionType}:
        (inner,) = (each for each in get_args(annotation) if each is not NoneType)
        yield from _layers(inner)
