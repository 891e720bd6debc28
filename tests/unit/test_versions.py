"""Versions: the order of Semantic Versioning, with a leading v that does not count."""

from collections.abc import Callable

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from dynamo_platform.versions import Version

numbers = st.integers(0, 30).map(str)
identifiers = numbers | st.text("019az-", min_size=1, max_size=3).map("x".__add__) | st.sampled_from(["alpha", "rc1"])
pre_releases = st.just("") | st.lists(identifiers, min_size=1, max_size=3).map(lambda parts: "-" + ".".join(parts))
versions = st.tuples(numbers, numbers, numbers).map(".".join).flatmap(lambda core: pre_releases.map(core.__add__))


@given(versions, versions, st.sampled_from(["", "v"]), st.sampled_from(["", "+build.1"]))
def test_order_is_that_of_semver(a: str, b: str, v: str, build: str) -> None:
    ours, theirs = Version.parse(f"{v}{a}{build}"), Version.parse(b)
    expected = semver.Version.parse(a).compare(b)
    assert (ours > theirs) - (ours < theirs) == expected
    assert (ours == theirs) == (expected == 0)


@given(
    st.text("v019a-.+", max_size=12)
    | versions.flatmap(lambda text: st.sampled_from([text + "+", text + "-00", "0" + text]))
)
def test_what_is_a_version_is_that_of_semver(text: str) -> None:
    def is_version(parse: Callable[[str], object], text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    assert is_version(Version.parse, text) == is_version(semver.Version.parse, text.removeprefix("v"))


@given(versions, st.sampled_from(["", "v"]))
def test_text_survives_parsing(text: str, v: str) -> None:
    assert str(Version.parse(v + text)) == v + text


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("v0.13.0-rc1", "v0.13.0"),
        ("v0.1.0-alpha.9", "v0.1.0-alpha.10"),
        ("v0.1.0-alpha.12-rc1", "v0.1.0-alpha.12"),
        ("v0.1.0-alpha.12-rc1", "v0.1.0-alpha.13"),
        ("v0.1.0-alpha.11", "v0.1.0-alpha.12-rc1"),
        ("v0.1.0-alpha.12-rc9", "v0.1.0-alpha.12-rc10"),
        ("1.0.0-0", "1.0.0-alpha"),
        ("v1.5.1", "1.6.0"),
        ("0.9.0-post1", "0.9.0"),
    ],
)
def test_lower_version_comes_first(lower: str, higher: str) -> None:
    assert Version.parse(lower) < Version.parse(higher)


def test_leading_v_and_build_metadata_do_not_count() -> None:
    same = {Version.parse("v1.5.1"), Version.parse("1.5.1"), Version.parse("1.5.1+cuda13")}
    assert len(same) == 1


@pytest.mark.parametrize(
    "text",
    [
        "1.5",
        "1",
        "",
        "01.5.1",
        "1.5.1-",
        "1.5.1-01",
        "V1.5.1",
        "vv1.5.1",
        "1.5.1\n",
        "latest",
        "1.5.1+",
        "1.5.1-a..b",
        "1.5.1-a_b",
        "1.5.1+a+b",
        "1.5.1-²",
        "1.5.٣",
        "1.5.1 ",
        "-1.5.1",
        "1.5.1.2",
    ],
)
def test_anything_but_a_full_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a semantic version"):
        Version.parse(text)
