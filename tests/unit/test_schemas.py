"""Custom resources, checked against the CRDs of their chart."""

from collections.abc import Mapping
from typing import Any

import pytest

from dynamo_platform.findings import Finding
from dynamo_platform.rendering.schemas import check_schemas
from tests.unit.findings import RELEASE

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["mode", "level"],
    "properties": {
        "args": {"type": "object", "additionalProperties": {"type": "string"}},
        "mode": {"type": "string", "enum": ["spread", "binpack"]},
        "level": {"type": "integer", "default": 1, "minimum": 1},
        "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "port": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
        "name": {"type": "string", "pattern": "^[a-z]+$"},
        "go": {"type": "string", "pattern": r"^\p{Lu}+\z"},
        "tolerations": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}}}},
    },
}


def check(spec: Mapping[str, Any], values: dict[str, Any] | None = None, version: str = "v1") -> list[Finding]:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "shards.own.io"},
        "spec": {
            "group": "own.io",
            "names": {"kind": "Shard"},
            "versions": [
                {
                    "name": "v1",
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}},
                },
                {"name": "v2"},
            ],
        },
    }
    shard = {"apiVersion": f"own.io/{version}", "kind": "Shard", "metadata": {"name": "default"}, "spec": spec}
    return check_schemas(RELEASE._replace(values=values or {}), [shard, crd, {"apiVersion": "v1", "kind": "Secret"}])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"args": {"v": "4"}},
        {"args": {}},
        {"args": None},  # the API server drops a null
        {"mode": "binpack"},
        {"level": 2},
        {"level": 2.0},  # the provider returns every number as a float
        {"level": None},
        {"ratio": 0.1},
        {"ratio": 1},
        {"port": 80},
        {"port": "http"},
        {"name": "abc"},
        {"go": "anything: this pattern is in Go's syntax"},
        {"unknown": {"field": 1}},  # the API server drops it
        {"tolerations": [{"key": "gpu"}]},
    ],
)
def test_what_the_api_server_takes_is_right(fields: dict[str, Any]) -> None:
    assert check({"mode": "spread"} | fields) == []


@pytest.mark.parametrize(
    ("fields", "field", "given", "allowed"),
    [
        ({"args": {"v": 4}}, "spec.args.v", "4", 'text, in quotes: "4"'),
        ({"args": {"v": 4.0}}, "spec.args.v", "4", 'text, in quotes: "4"'),
        ({"args": {"v": True}}, "spec.args.v", "true", 'text, in quotes: "4"'),
        ({"args": ["v"]}, "spec.args", '["v"]', "a value of type object"),
        ({"mode": "Spread"}, "spec.mode", '"Spread"', '"spread", "binpack"'),
        ({"level": 1.5}, "spec.level", "1.5", "a value of type integer"),
        ({"level": 0}, "spec.level", "0", "a value with minimum 1"),
        ({"ratio": 0}, "spec.ratio", "0", "a value with minimum 0"),
        ({"port": True}, "spec.port", "true", "a value of type integer or string"),
        ({"name": "A"}, "spec.name", '"A"', 'a value with pattern "^[a-z]+$"'),
        ({"tolerations": [{"key": 1}]}, "spec.tolerations[0].key", "1", 'text, in quotes: "4"'),
    ],
)
def test_what_the_api_server_refuses_is_a_finding(fields: dict[str, Any], field: str, given: str, allowed: str) -> None:
    (found,) = check({"mode": "spread"} | fields)
    assert (found.code, found.severity, found.given, found.allowed) == ("REN009", "error", given, allowed)
    assert f"{field} of Shard kai-scheduler/default in kai-scheduler v0.17.0" in found.why


def test_a_missing_field_is_a_finding() -> None:
    (found,) = check({"level": 1})
    assert (found.given, found.allowed) == ("nothing", "a value; the API requires one")
    assert "spec.mode of" in found.why


def test_all_fields_are_reported_at_once() -> None:
    assert [each.given for each in check({"mode": "spread", "level": 0, "args": {"a": 1, "b": 2}})] == ["1", "2", "0"]


@pytest.mark.parametrize(
    ("spec", "values", "path"),
    [
        ({"args": {"v": 4}}, {"scheduler": {"args": {"v": 4}}}, "kaiScheduler.values.scheduler.args.v"),
        ({"args": {"v": 4}}, {"other": {"v": 4}, "x": {"args": {"v": 4}}}, "kaiScheduler.values.x.args.v"),
        ({"args": {"v": 4}}, {"args": {"v": "5"}}, "kaiScheduler.values"),
        ({"args": {"a.b": 4}}, {"args": {"a.b": 4}}, r"kaiScheduler.values.args.a\.b"),
        ({"args": {"v": 4}}, {}, "kaiScheduler.values"),
        (
            {"tolerations": [{"key": 1}]},
            {"global": {"tolerations": [{"key": 1}]}},
            "kaiScheduler.values.global.tolerations",
        ),
    ],
)
def test_the_path_is_that_of_the_value(spec: dict[str, Any], values: dict[str, Any], path: str) -> None:
    (found,) = check({"mode": "spread"} | spec, values)
    assert found.path == path


def test_a_version_without_a_schema_allows_everything() -> None:
    assert check({"args": 4}, version="v2") == []


def test_a_version_that_the_chart_does_not_bring_is_not_checked() -> None:
    assert check({"args": 4}, version="v3") == []
