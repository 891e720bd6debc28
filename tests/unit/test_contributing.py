"""The map of the code in CONTRIBUTING.md, and the order of its stages."""

import re

from tests.unit import code_map
from tests.unit.code_map import PACKAGE, STAGES


def test_the_map_names_every_module() -> None:
    text = code_map.PAGE.read_text(encoding="utf-8")
    assert code_map.page() == text, "run `make docs`"
    named = set(re.findall(r"^\| \*{0,2}`([\w/.]+)`", text, re.MULTILINE))
    modules = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if not path.name.startswith("__")}
    assert {str(path) if len(path.parts) < 3 else f"{path.parent}/" for path in modules} <= named


def test_a_stage_imports_the_stages_before_it_only() -> None:
    imports = [
        (path.relative_to(PACKAGE), imported)
        for path in PACKAGE.rglob("*.py")
        for imported in re.findall(r"from dynamo_platform\.(\w+)", path.read_text(encoding="utf-8"))
        if {path.relative_to(PACKAGE).parts[0], imported} <= set(STAGES)
    ]
    backwards = [each for each in imports if STAGES.index(each[1]) > STAGES.index(each[0].parts[0])]
    assert backwards == []
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == set(STAGES)
