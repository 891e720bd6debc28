"""YAML as Pulumi reads it: bounds, and errors with their lines. The values are held to the real engine elsewhere."""

import time

import pytest
import yaml

from dynamo_platform.config.yamltext import (
    MAX_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_NESTING,
    MAX_VALUES,
    DuplicateKeyError,
    ManifestLoader,
    YamlTextError,
    load_documents,
    load_yaml,
)

NESTED_ALIASES = "\n".join(
    ["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))]
).encode()
NESTED_MERGES = "\n".join(
    ["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 12))]
).encode()

NESTED_MERGES_OF_NOTHING = NESTED_MERGES.replace(b"{x: 1}", b"{}")


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        pytest.param(b"a: 1\nb:\n\tc: 1\n", "a tab, but YAML allows only spaces here", 3, id="tab"),
        pytest.param(b"a: 1\nb: [1, 2", "did not find expected ',' or ']'", 3, id="not closed"),
        pytest.param(b"a: *b", "found undefined alias", 1, id="alias of nothing"),
        pytest.param(b"a: 1\n---\nb: 2", "but found another document", 2, id="two documents"),
        pytest.param(b"a: 1\n? [b]\n: 2", "a key that is a list or a mapping", 2, id="list for a key"),
        pytest.param(b"a: 1\nb: 2024-01-31", "2024-01-31: put it in quotes, else Pulumi turns", 2, id="date"),
        pytest.param(b"a: .inf", ".inf is not a number that JSON can represent", 1, id="infinite"),
        pytest.param(b"a: .NaN", ".NaN is not a number that JSON can represent", 1, id="not a number"),
        pytest.param(b"a: !!int x", "x is not a number that JSON can represent", 1, id="tag that lies"),
        pytest.param(b"a: 1\n<<: 5", "<< merges only mappings", 2, id="merge of a number"),
        pytest.param(b"a: \xff", "unacceptable character #x00ff: invalid leading UTF-8 octet", None, id="not UTF-8"),
        pytest.param(b"a: \0", "unacceptable character #x0000: control characters are not allowed", None, id="NUL"),
        pytest.param(b"a: &a [*a]", "nested too deeply", None, id="alias of itself"),
        pytest.param(b"[\n" * (MAX_NESTING + 1) + b"]" * (MAX_NESTING + 1), "nested too deeply", None, id="nested"),
        pytest.param(b"[\n" * 100_000, "nested too deeply", None, id="nested without an end"),
    ],
)
def test_what_is_no_yaml_is_an_error_with_its_line(text: bytes, problem: str, line: int | None) -> None:
    with pytest.raises(YamlTextError) as raised:
        load_yaml(text)

    assert raised.value.problem.startswith(problem)
    assert raised.value.line == line


def test_what_is_as_deep_as_it_may_be_is_read() -> None:
    assert len(load_yaml(b"[\n" * MAX_NESTING + b"]" * MAX_NESTING).lines) == MAX_NESTING - 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(b"a: " + b"x" * (MAX_BYTES - 2), f"longer than {MAX_BYTES:,} bytes", id="long"),
        pytest.param(NESTED_ALIASES, f"more than {MAX_VALUES:,} values, with aliases expanded", id="nested aliases"),
        pytest.param(NESTED_MERGES, f"more than {MAX_VALUES:,} values, with aliases expanded", id="nested merges"),
        pytest.param(
            NESTED_MERGES_OF_NOTHING, f"more than {MAX_VALUES:,} values, with aliases expanded", id="merges of nothing"
        ),
    ],
)
def test_what_is_too_much_is_found_quickly(text: bytes, problem: str) -> None:
    start = time.process_time()
    with pytest.raises(YamlTextError) as raised:
        load_yaml(text)

    assert raised.value.problem == problem
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(b"a" * (MAX_MANIFEST_BYTES + 1), f"longer than {MAX_MANIFEST_BYTES:,} bytes", id="long"),
        pytest.param(NESTED_ALIASES, "more than 1,000,000 values, with aliases expanded", id="nested aliases"),
        pytest.param(NESTED_MERGES, "more than 1,000,000 values, with aliases expanded", id="nested merges"),
        pytest.param(b"a: &a [*a]", "more than 1,000,000 values, with aliases expanded", id="alias of itself"),
        pytest.param(b"[\n" * 100_000, "nested too deeply", id="nested without an end"),
    ],
)
def test_manifests_that_are_too_much_are_found_quickly(text: bytes, problem: str) -> None:
    start = time.process_time()
    with pytest.raises(YamlTextError) as raised:
        list(load_documents(text))

    assert raised.value.problem == problem
    assert time.process_time() - start < 5


def test_manifests_are_read_with_their_aliases() -> None:
    assert list(load_documents(b"a: &a {x: 1}\nb: {<<: *a, y: *a}\n---\nc: 12:30\n")) == [
        {"a": {"x": 1}, "b": {"x": 1, "y": {"x": 1}}},
        {"c": "12:30"},
    ]


def test_the_longest_text_is_read() -> None:
    assert load_yaml(b"a: " + b"x" * (MAX_BYTES - 3)).value == {"a": "x" * (MAX_BYTES - 3)}


@pytest.mark.parametrize(
    ("text", "location", "first", "line"),
    [
        pytest.param(b"a: 1\nb: 2\na: 3", ("a",), 1, 3, id="top"),
        pytest.param(b"a:\n- b: 1\n  b: 2", ("a", 0, "b"), 2, 3, id="in a list"),
        pytest.param(b"1: a\n'1': b", ("1",), 1, 2, id="number and text"),
    ],
)
def test_a_key_twice_is_an_error_with_both_lines(text: bytes, location: tuple[str, ...], first: int, line: int) -> None:
    with pytest.raises(DuplicateKeyError) as raised:
        load_yaml(text)

    assert (raised.value.location, raised.value.first, raised.value.line) == (location, first, line)


def test_a_merged_key_may_stand_again() -> None:
    assert load_yaml(b"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a").value["b"] == {"x": 1, "y": 3}


def test_lines_of_keys_and_items() -> None:
    lines = load_yaml(b"# first\na:\n  b: [1,\n    2]\n").lines

    assert lines == {("a",): 2, ("a", "b"): 3, ("a", "b", 0): 3, ("a", "b", 1): 4}


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"---\n", b"~"])
def test_an_empty_text_is_nothing(text: bytes) -> None:
    assert load_yaml(text).value is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-13-45", "2024-13-45"),
        ("2024-01-31 10:00:00", "2024-01-31 10:00:00"),
        ("12:30", "12:30"),
        ("12:30.5", "12:30.5"),
        ("0644", 420),
        ("yes", True),
        ("1.5", 1.5),
    ],
)
def test_manifests_are_read_as_helm_and_kubectl_read_them(text: str, value: object) -> None:
    assert yaml.load(f"a: {text}", Loader=ManifestLoader) == {"a": value}  # noqa: S506  a safe loader
