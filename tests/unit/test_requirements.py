"""The dependencies and their ranges: `pyproject.toml` decides them, other files have to repeat them."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Range(NamedTuple):
    name: str
    oldest: str
    below: str


def ranges() -> list[Range]:
    found = [re.fullmatch(r"([a-z-]+)>=([\d.]+),<(\d+)", each) for each in PROJECT["dependencies"]]
    return [Range(*each.groups()) for each in found if each]


def variable(name: str) -> list[str]:
    """A variable of the Makefile, word by word."""
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(rf"^{name} *:= (.+)$", text, re.MULTILINE)
    return found[1].replace("'", "").split() if found else []


def test_every_dependency_has_both_ends() -> None:
    assert len(ranges()) == len(PROJECT["dependencies"])


def test_what_pulumi_installs_is_what_the_wheel_needs() -> None:
    lines = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == PROJECT["dependencies"]


def test_unit_tests_run_with_both_ends_of_every_range() -> None:
    assert variable("OLDEST") == [f"{name}=={oldest + '.0' * (2 - oldest.count('.'))}" for name, oldest, _ in ranges()]
    assert variable("NEWEST") == [f"{name}<{below}" for name, _, below in ranges()]
