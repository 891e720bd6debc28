"""The JSON Schema of a stack file, for completion and checks in editors.

``python -m dynamo_platform.config.schema`` prints it.

It checks each setting by itself; what fits together is for the rules to judge.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from .fields import descriptions, model_summary
from .model import NAMESPACE, PlatformConfig, to_camel

_DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that the YAML language server implements in full."""


class _AsWritten(GenerateJsonSchema):
    """Settings as users write them: left out rather than null, and described by their docstrings."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model = super().model_schema(schema)
        del model["title"]
        model["description"] = model_summary(schema["cls"])
        for name, description in descriptions(schema["cls"]).items():
            setting = model["properties"][to_camel(name)]
            # Draft 7 ignores what stands beside a reference.
            described = {"allOf": [setting]} if "$ref" in setting else setting
            model["properties"][to_camel(name)] = {"description": description.text, **described}
        return model


def stack_file() -> dict[str, Any]:
    """The schema of a stack file. Keys of other namespaces and of Pulumi itself are not checked."""
    settings = PlatformConfig.model_json_schema(
        by_alias=True, schema_generator=_AsWritten, ref_template="#/definitions/{model}"
    )
    return {
        "$schema": _DRAFT,
        "title": "Stack of dynamo-platform",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {
                    f"{NAMESPACE}:{key}": _or_text(setting) for key, setting in settings["properties"].items()
                },
                "patternProperties": {f"^(?!{NAMESPACE}:)": True},
                "additionalProperties": False,
            }
        },
        "definitions": settings["$defs"],
    }


def _or_text(setting: Mapping[str, Any]) -> dict[str, Any]:
    """A top-level setting: ``pulumi config set`` stores it as text, whatever its type."""
    match setting.get("type"):
        case "boolean":
            rest = {key: value for key, value in setting.items() if key != "type"}
            return {**rest, "enum": [True, False, "true", "false"]}
        case "integer":
            return {**setting, "type": ["integer", "string"], "pattern": "^[0-9]+$"}
    return dict(setting)


if __name__ == "__main__":
    print(json.dumps(stack_file(), indent=2, ensure_ascii=False))
