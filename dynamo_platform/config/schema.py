"""The JSON Schema of a stack file, for completion and checks in editors.

``python -m dynamo_platform.config.schema`` prints it.

It says what each setting takes, no more: what goes with what is for the rules.
"""

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from .model import NAMESPACE, PlatformConfig, to_camel

_DRAFT = "http://json-schema.org/draft-07/schema#"
"""The one that the YAML language server implements in full."""

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)$", re.MULTILINE)


class _AsWritten(GenerateJsonSchema):
    """Settings as somebody writes them: left out, not null, and described by what their docstrings say."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model = super().model_schema(schema)
        del model["title"]
        model["description"] = _text((inspect.getdoc(schema["cls"]) or "").partition("\n\nAttributes:")[0])
        descriptions = _descriptions(schema["cls"])
        for name, setting in model["properties"].items():
            # Draft 7 has nothing beside a reference.
            described = {"allOf": [setting]} if "$ref" in setting else setting
            model["properties"][name] = {"description": descriptions[name], **described}
        return model


def _descriptions(model: type) -> dict[str, str]:
    """What the docstrings of a part and of the parts that it extends say of each setting."""
    docstrings = [inspect.getdoc(each) or "" for each in reversed(model.__mro__[:-1])]
    return {to_camel(name): _text(text) for docstring in docstrings for name, text in _ATTRIBUTE.findall(docstring)}


def _text(docstring: str) -> str:
    """Prose on one line, as Markdown."""
    text = re.sub(r"\s+", " ", docstring.replace("``", "`"))
    return text[:1].upper() + text[1:]


def stack_file() -> dict[str, Any]:
    """The schema of a stack file; keys of other namespaces and of Pulumi itself are let through."""
    page = PlatformConfig.model_json_schema(
        by_alias=True, schema_generator=_AsWritten, ref_template="#/definitions/{model}"
    )
    return {
        "$schema": _DRAFT,
        "title": "Stack of dynamo-platform",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {f"{NAMESPACE}:{key}": _or_text(setting) for key, setting in page["properties"].items()},
                "patternProperties": {f"^(?!{NAMESPACE}:)": True},
                "additionalProperties": False,
            }
        },
        "definitions": page["$defs"],
    }


def _or_text(setting: Mapping[str, Any]) -> dict[str, Any]:
    """A top-level setting, which ``pulumi config set`` writes as text whatever it is."""
    match setting.get("type"):
        case "boolean":
            rest = {key: value for key, value in setting.items() if key != "type"}
            return {**rest, "enum": [True, False, "true", "false"]}
        case "integer":
            return {**setting, "type": ["integer", "string"], "pattern": "^[0-9]+$"}
    return dict(setting)


if __name__ == "__main__":
    print(json.dumps(stack_file(), indent=2, ensure_ascii=False))
