"""The schema of stack files and the page of settings: current, and consistent with how configurations are read."""

import json
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml

from dynamo_platform.config.model import PlatformConfig
from dynamo_platform.config.reading import parse
from dynamo_platform.config.schema import stack_file
from tests.unit import settings

STACKS = Path(__file__).parents[2] / "stacks"
STACK_FILES = sorted(STACKS.glob("Pulumi.*.yaml"))
VALID = fastjsonschema.compile(stack_file())


def is_valid(config: dict[str, Any]) -> bool:
    try:
        VALID({"config": config})
    except fastjsonschema.JsonSchemaException:
        return False
    return True


def test_committed_schema_is_current() -> None:
    committed = (STACKS / "schema.json").read_text(encoding="utf-8")
    assert json.loads(committed) == stack_file(), "run `make docs`"


def test_page_of_settings_is_current() -> None:
    text = settings.PAGE.read_text(encoding="utf-8")
    assert settings.page() == text, "run `make docs`"
    assert [text.count(f"<!-- BEGIN {block} -->") for block in settings.BLOCKS] == [1] * len(settings.BLOCKS)


def test_every_setting_is_there_and_described() -> None:
    schema = stack_file()
    settings = schema["properties"]["config"]["properties"]
    assert set(settings) == {f"dynamo-platform:{field.alias}" for field in PlatformConfig.model_fields.values()}
    for model in [schema["properties"]["config"], *schema["definitions"].values()]:
        assert all(setting["description"].endswith(".") for setting in model["properties"].values())


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_stack_file_names_its_schema_and_fits_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    VALID(yaml.safe_load(text))


@pytest.mark.parametrize(
    "page",
    [
        {"version": "1.5.1", "profile": "production", "timeout": 900, "protect": True},
        {"monitoring": {"podMonitors": None, "metricsService": "auto"}},
        {"monitoring": {"podMonitors": True, "metricsService": False}},
        {"queues": [{"name": "a", "parent": "b", "gpu": {"quota": 0.5, "limit": -1}}]},
        {"kaiScheduler": {"mode": "separate", "version": "v0.17.0", "values": {"operator": {"qps": None}}}},
        {"accept": ["KEY001"], "apiVersions": []},
    ],
)
def test_what_can_be_read_is_valid(page: dict[str, Any]) -> None:
    assert parse(page, stack=True)[1] == ()
    assert is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})


@pytest.mark.parametrize(
    "page",
    [
        {"version": 1.5},
        {"verison": "1.5.1"},
        {"profile": "staging"},
        {"protect": "yes"},
        {"timeout": 0},
        {"namespace": "Dynamo"},
        {"grove": None},
        {"grove": {"mode": "seperate"}},
        {"grove": {"vrsion": "v0.1.0-alpha.13"}},
        {"monitoring": {"podMonitors": "true"}},
        {"queues": [{"parent": "a"}]},
        {"queues": [{"name": "a", "gpu": {"quota": 1}}]},
        {"queues": [{"name": "a", "gpu": {"quota": -2, "limit": 1}}]},
        {"kubernetesVersion": 1.33},
        {"values": []},
    ],
)
def test_what_cannot_be_read_is_not_valid(page: dict[str, Any]) -> None:
    assert parse(page, stack=True)[1] != ()
    assert not is_valid({f"dynamo-platform:{key}": value for key, value in page.items()})


def test_text_that_pulumi_config_set_writes_is_valid() -> None:
    assert is_valid({"dynamo-platform:timeout": "900", "dynamo-platform:protect": "true"})
    assert not is_valid({"dynamo-platform:timeout": "soon"})


def test_other_namespaces_and_pulumis_own_keys_are_let_through() -> None:
    VALID({"config": {"kubernetes:context": "a", "pulumi:disable-default-providers": ["*"]}, "encryptionsalt": "v1:a"})
