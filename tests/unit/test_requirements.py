"""Dependencies and their ranges: `pyproject.toml` defines them, and other files must repeat them."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from sandbox.venv import requirements

CHECKOUT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


class Range(NamedTuple):
    name: str
    oldest: str
    below: str


def ranges() -> list[Range]:
    found = [re.fullmatch(r"([a-z-]+)>=([\d.]+),<(\d+)", each) for each in PROJECT["dependencies"]]
    return [Range(*each.groups()) for each in found if each]


def test_every_dependency_has_both_ends() -> None:
    assert len(ranges()) == len(PROJECT["dependencies"])


def test_what_pulumi_installs_is_what_the_wheel_needs() -> None:
    lines = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == PROJECT["dependencies"]


def test_unit_tests_run_with_both_ends_of_every_range() -> None:
    count = len(ranges())
    assert requirements("oldest")[:count] == [f"{each.name}=={each.oldest}" for each in ranges()]
    assert requirements("newest")[:count] == PROJECT["dependencies"]


def test_both_ends_bring_what_the_unit_tests_import_besides() -> None:
    tools = PYPROJECT["dependency-groups"]["test"]
    for kind in ("oldest", "newest"):
        assert requirements(kind)[len(ranges()) :] == tools
    assert {"include-group": "test"} in PYPROJECT["dependency-groups"]["dev"]
