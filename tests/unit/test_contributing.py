"""The map of the code in CONTRIBUTING.md."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "dynamo_platform"


def test_the_map_names_every_module_and_no_other() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The sandbox")[0]
    named, folder = set(), ""
    for line in text.splitlines():
        if line.startswith("| `"):
            folder = re.findall(r"`(\w+)/`", line)[0]
        if line.startswith("| ") and folder:
            named |= {f"{folder}/{module}" for module in re.findall(r"`([\w/]+(?:\.py|/))`", line.split("|")[2])}
    named |= set(re.findall(r"`(\w+\.py)`", text.partition("Shared by all:")[2]))
    assert named == _modules()


def _modules() -> set[str]:
    """The package's modules; a folder within a folder counts as one, an ``__init__.py`` that only exports does not."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if len(parts) > 2:
            found.add("/".join(parts[:2]) + "/")
        elif path.name not in {"__init__.py", "__main__.py"} or parts[0] == "catalog":
            found.add("/".join(parts))
    return found | {"catalog/data/"}


def test_a_stage_imports_the_stages_before_it_only() -> None:
    stages = ["config", "catalog", "planning", "rendering", "cluster", "component", "gitops", "comparison", "cli"]
    imports = [
        (path.relative_to(PACKAGE), imported)
        for path in PACKAGE.rglob("*.py")
        for imported in re.findall(r"from dynamo_platform\.(\w+)", path.read_text(encoding="utf-8"))
        if {path.relative_to(PACKAGE).parts[0], imported} <= set(stages)
    ]
    backwards = [each for each in imports if stages.index(each[1]) > stages.index(each[0].parts[0])]
    assert backwards == []
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == set(stages)
