"""Settings changed in the text of a stack file."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dynamo_platform.config.editing import with_settings

BLOCK = """\
# top
config:
  # the version
  dynamo-platform:version: "1.5.1"  # keep
  dynamo-platform:grove: {mode: separate, version: v0.1.0-alpha.13}
  dynamo-platform:kaiScheduler:
    mode: separate
    # renovate
    version: v0.17.0
  other:key: |
    text
"""


@pytest.mark.parametrize(
    ("settings", "line", "changed"),
    [
        ({"version": "1.6.0"}, 3, '  dynamo-platform:version: "1.6.0"  # keep'),
        ({"grove.version": "v1"}, 4, '  dynamo-platform:grove: {mode: separate, version: "v1"}'),
        ({"kaiScheduler.version": "v1"}, 8, '    version: "v1"'),
    ],
)
def test_values_are_replaced_in_place(settings: dict[str, Any], line: int, changed: str) -> None:
    lines = BLOCK.splitlines()
    lines[line] = changed
    assert with_settings(BLOCK, settings).splitlines() == lines


def test_missing_settings_are_added_at_the_end_of_their_mapping() -> None:
    text = with_settings(BLOCK, {"nats.mode": "bundled", "kaiScheduler.timeout": 5, "grove.timeout": 6})
    assert text.splitlines()[4:] == [
        "  dynamo-platform:grove: {timeout: 6, mode: separate, version: v0.1.0-alpha.13}",
        "  dynamo-platform:kaiScheduler:",
        "    mode: separate",
        "    # renovate",
        "    version: v0.17.0",
        "    timeout: 5",
        "  other:key: |",
        "    text",
        '  dynamo-platform:nats: {mode: "bundled"}',
    ]


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a: 1\nb: 2\n", "a", "b: 2\n"),
        ("a: 1\nb:\n  - 1\n  - 2\nc: 3\n", "b", "a: 1\nc: 3\n"),
        ("a: {x: 1, y: 2}\n", "a.x", "a: {y: 2}\n"),
        ("a: {x: 1, y: 2}\n", "a.y", "a: {x: 1}\n"),
        ("a: 1\n", "b", "a: 1\n"),
    ],
)
def test_settings_are_removed(text: str, path: str, expected: str) -> None:
    assert with_settings(text, {path: None}) == expected


def test_unprefixed_keys_keep_their_form() -> None:
    assert with_settings('config:\n  version: "1"\n', {"version": "2"}) == 'config:\n  version: "2"\n'
    assert with_settings('version: "1"\n', {"version": "2"}) == 'version: "2"\n'


def test_a_text_without_settings_is_refused() -> None:
    with pytest.raises(ValueError, match="no settings to change for version"):
        with_settings("config: {}\n", {"version": "2"})
    with pytest.raises(ValueError, match="grove is not a mapping"):
        with_settings("grove: 1\n", {"grove.version": "2"})


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text("ab '\"#:\n", max_size=5)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(NAMES, below, max_size=3)),
    max_leaves=8,
)


@given(
    st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, min_size=1), min_size=1),
    st.dictionaries(st.tuples(NAMES, NAMES), st.text("xy", min_size=1, max_size=3), min_size=1),
    st.sampled_from([True, False, None]),
)
def test_the_result_reads_as_the_changed_settings(
    content: dict[str, Any], changes: dict[tuple[str, str], str], flow: bool | None
) -> None:
    text = yaml.safe_dump(content, default_flow_style=flow)
    expected = {name: dict(below) for name, below in content.items()}
    for (name, below), value in changes.items():
        expected.setdefault(name, {})[below] = value
    changed = with_settings(text, {".".join(path): value for path, value in changes.items()})
    assert yaml.safe_load(changed) == expected
