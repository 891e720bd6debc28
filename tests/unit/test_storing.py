"""The `pulumi config` command for a value that was stored as something else than was meant."""

import pytest

from dynamo_platform.config.storing import command
from dynamo_platform.trees import Location


@pytest.mark.parametrize(
    ("location", "kind", "given", "expected"),
    [
        (("timeout",), "int_type", "null", "pulumi config rm --path 'ns:timeout'"),
        (("a", "b"), "bool_type", "null", "pulumi config rm --path 'ns:a.b'"),
        (("a", 0, "b"), "string_type", 2024, "pulumi config set --path --type string 'ns:a[0].b' 2024"),
        (("a", "b"), "string_type", True, "pulumi config set --path --type string 'ns:a.b' true"),
        (("a", "x.y/z"), "string_type", 1, """pulumi config set --path --type string 'ns:a["x.y/z"]' 1"""),
    ],
)
def test_command_stores_what_was_meant(location: Location, kind: str, given: object, expected: str) -> None:
    assert command("ns", location, kind, given) == expected


@pytest.mark.parametrize(
    ("kind", "given", "name"),
    [
        ("float_type", "0.5", "float"),
        ("float_type", "5", "float"),
        ("int_type", "900", "int"),
        ("bool_type", "false", "bool"),
    ],
)
def test_text_goes_before_its_type_is_set(kind: str, given: str, name: str) -> None:
    expected = f"pulumi config rm --path 'ns:a.b' && pulumi config set --path --type {name} 'ns:a.b' {given}"
    assert command("ns", ("a", "b"), kind, given) == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("int_type", "0.5"),
        ("int_type", "soon"),
        ("bool_type", "1"),
        ("float_type", "true"),
        ("string_type", 1.1),
        ("string_type", None),
        ("literal_error", "1"),
    ],
)
def test_no_command_where_nothing_says_what_was_meant(kind: str, given: object) -> None:
    assert command("ns", ("a",), kind, given) is None
