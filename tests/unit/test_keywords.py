"""The component's typed keyword arguments: the same settings as the model's.

Mypy checks the calls in this file (`make lint`): it has to accept the good ones, and to find each mistake that a
`type: ignore` expects.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Required, get_args, get_origin, get_type_hints

import pulumi
import pytest
from pydantic import BaseModel

from dynamo_platform import DynamoPlatform
from dynamo_platform.config import keywords, model
from dynamo_platform.config.fields import core, declared_types, is_model, is_tri_state
from dynamo_platform.config.model import KaiSchedulerConfig, PlatformConfig, QueueConfig
from tests.unit.recording import RecordingEngine

MODELS = [each for each in vars(model).values() if is_model(each) and each.__module__ == model.__name__]
PARTS = [each for each in MODELS if not each.__name__.startswith("_")]


def settings_of(part: type[BaseModel]) -> Any:
    """The keyword arguments that stand for a model."""
    name = part.__name__.removesuffix("Config")
    return getattr(keywords, f"{name}Settings")


def python_type(annotation: Any) -> Any:
    """What Python code may pass for a setting: also the model of a part, and a list or tuple for several."""
    kind = core(annotation)
    if is_tri_state(annotation):
        return bool | Literal["auto"]
    if is_model(kind):
        return kind | settings_of(kind)
    if get_origin(kind) is tuple:
        item = python_type(get_args(kind)[0])
        # A text is a sequence of texts too.
        return list[str] | tuple[str, ...] if item is str else Sequence[item]  # type: ignore[valid-type]
    if get_origin(kind) is dict:
        return Mapping[tuple(map(core, get_args(kind)))]  # type: ignore[misc]
    return kind


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_keyword_arguments_are_the_settings_of_the_model(part: type[BaseModel]) -> None:
    expected: dict[str, Any] = {}
    for name, annotation in declared_types(part).items():
        field = part.model_fields[name]
        optional = python_type(annotation) | None if field.default is None else python_type(annotation)
        expected[name] = Required[optional] if field.is_required() else optional
    assert get_type_hints(settings_of(part), include_extras=True) == expected
    assert not settings_of(part).__total__


def test_every_model_has_keyword_arguments() -> None:
    names = {name for name in vars(keywords) if name.endswith("Settings")}
    assert names == {settings_of(part).__name__ for part in PARTS}
    assert settings_of(PlatformConfig) is keywords.PlatformSettings


def test_they_are_not_imported_at_run_time() -> None:
    program = "import sys; from dynamo_platform import DynamoPlatform; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "dynamo_platform.config.model" in modules
    assert keywords.__name__ not in modules


@pytest.mark.parametrize(
    "program",
    [
        lambda: DynamoPlatform("dp", version="1.5.1", profile="development", kai_scheduler={"mode": "separate"}),
        lambda: DynamoPlatform(
            "dp",
            version="1.5.1",
            profile="development",
            kai_scheduler=KaiSchedulerConfig(mode="separate"),
            monitoring={"pod_monitors": "auto", "labels": {"release": "prometheus"}},
            queues=[
                {"name": "team-a", "parent": "dynamo-default", "gpu": {"quota": 1, "limit": 2}},
                QueueConfig(name="team-b", parent="dynamo-default"),
            ],
            accept=["KAI001"],
        ),
    ],
    ids=["mappings", "models too"],
)
def test_what_type_checkers_accept_is_planned(engine: RecordingEngine, program: Callable[[], object]) -> None:
    engine.run(program)
    assert engine["dp-kai-scheduler"].inputs["version"] == "v0.17.2"


@pytest.mark.parametrize(
    ("program", "path"),
    [
        (lambda: DynamoPlatform("dp", versio="1.5.1"), "versio"),  # type: ignore[call-arg]
        (lambda: DynamoPlatform("dp", version=1.5), "version"),  # type: ignore[arg-type]
        (lambda: DynamoPlatform("dp", grove={"mod": "separate"}), "grove.mod"),  # type: ignore[arg-type]
        (lambda: DynamoPlatform("dp", grove={"mode": "on"}), "grove.mode"),  # type: ignore[arg-type]
        (lambda: DynamoPlatform("dp", queues=[{"parent": "a"}]), r"queues\[0\].name"),  # type: ignore[list-item]
    ],
    ids=["key", "type", "key of a part", "value of a part", "required"],
)
def test_what_type_checkers_refuse_is_an_error(
    engine: RecordingEngine, program: Callable[[], object], path: str
) -> None:
    with pytest.raises(pulumi.RunError, match=f"error CFG00[12]  {path}\n"):
        engine.run(program)
