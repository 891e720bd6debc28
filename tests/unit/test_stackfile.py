"""Stack files without an engine: which file, which keys, and what is said about one that cannot be used."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dynamo_platform import Finding, PlatformError, plan_of
from dynamo_platform.config.reading import decode_stack
from dynamo_platform.config.stackfile import Project, ProjectError, Stack, find_project, read_file, read_stack
from dynamo_platform.planning.stacks import check_stack

GOOD = 'config:\n  dynamo-platform:version: "1.5.1"\n  dynamo-platform:profile: development\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project `infra` with its stack files in a folder of their own."""
    (tmp_path / "Pulumi.yaml").write_text("name: infra\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    return find_project(tmp_path)


def read(project: Project, text: str | bytes) -> Stack:
    file = project.folder / "Pulumi.dev.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_stack(project, "dev")


def finding(stack: Stack) -> Finding:
    (only,) = check_stack(stack)
    return only


@pytest.mark.parametrize(
    ("key", "misspelt"),
    [
        ("dynamo-platfrom:namespace", True),
        ("dynamo_platform:namespace", True),
        ("Dynamo-Platform:namespace", True),
        ("dynamoplatform:namespace", True),
        ("dynamo-platforms:namespace", True),
        ("dynamo:namespace", False),
        ("platform:namespace", False),
        ("kubernetes:context", False),
        ("aws:region", False),
        ("infra:namespace", False),
        ("namespace", False),
    ],
)
def test_a_misspelt_prefix_is_an_error(project: Project, key: str, misspelt: bool) -> None:
    found = read(project, f"config:\n  {key}: a\n").problems
    assert [(each.code, each.allowed) for each in found] == [("CFG008", "dynamo-platform:namespace")] * misspelt


def test_a_setting_outside_of_config_is_an_error_about_its_line(project: Project) -> None:
    stack = read(project, "dynamo-platform:version: 1.5.1\nconfig:\n  dynamo-platform:profile: development\n")
    found = check_stack(stack)
    assert [(each.code, each.path) for each in found] == [("CFG009", "version")]
    assert stack.lines["version"] == 1


def test_the_project_is_the_nearest_above(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: outer\n")
    inner = tmp_path / "a"
    (inner / "b").mkdir(parents=True)
    (inner / "Pulumi.yml").write_text("name: inner\n")

    found = find_project(inner / "b")

    assert (found.name, found.folder) == ("inner", inner)


@pytest.mark.parametrize(
    ("text", "folder"),
    [("name: x\nstackConfigDir: a/b", "a/b"), ("name: x\nconfig: a", "a"), ("name: x\nconfig: {y: z}", ".")],
)
def test_stack_files_are_where_the_project_says(tmp_path: Path, text: str, folder: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)

    assert find_project(tmp_path).folder == tmp_path / folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "Pulumi.yaml:2: did not find"),
        ("runtime: python", "Pulumi.yaml has no name; add name: "),
        ("- x", "has no name"),
    ],
)
def test_a_broken_project_file_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text + "\n")

    with pytest.raises(ProjectError, match=message):
        find_project(tmp_path)


def test_stacks_are_those_with_a_file(project: Project) -> None:
    for name in ("Pulumi.b.yaml", "Pulumi.a.yaml", "Pulumi.a.yml", "Pulumi.yaml", "other.yaml"):
        (project.folder / name).touch()

    assert project.stacks == ("a", "b")
    assert project.stack_file("organization/infra/a") == project.folder / "Pulumi.a.yaml"
    with pytest.raises(ProjectError, match=r"There is no stack 'c' in .*stacks; there are: a, b"):
        project.stack_file("c")


def test_keys_of_other_namespaces_are_others(project: Project) -> None:
    stack = read(project, GOOD + "  kubernetes:context: x\n  version: of the project itself\n")

    assert stack.settings == {"version": "1.5.1", "profile": "development"}
    assert check_stack(stack) == ()


def test_a_key_without_namespace_is_the_projects(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: dynamo-platform\n")
    (tmp_path / "Pulumi.dev.yaml").write_text('config:\n  version: "1.5.1"\n')

    assert read_stack(find_project(tmp_path), "dev").settings == {"version": "1.5.1"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('version: "1.5.1"\nprofile: development\ngrove: {mode: bundled}\n', id="bare mapping"),
        pytest.param(GOOD + "  dynamo-platform:grove: {mode: bundled}\n", id="stack file"),
        pytest.param("encryptionsalt: x\n" + GOOD + "  dynamo-platform:grove: {mode: bundled}\n", id="with a salt"),
    ],
)
def test_a_file_is_a_stack_file_or_a_bare_mapping(tmp_path: Path, text: str) -> None:
    file = tmp_path / "page.yaml"
    file.write_text(text)

    assert read_file(file).settings == {"version": "1.5.1", "profile": "development", "grove": {"mode": "bundled"}}


def test_lines_are_those_of_the_settings(project: Project) -> None:
    stack = read(project, "encryptionsalt: x\n" + GOOD + "  dynamo-platform:queues:\n    - name: a\n")

    assert {path: stack.lines[path] for path in ("version", "queues", "queues[0]", "queues[0].name")} == {
        "version": 3,
        "queues": 5,
        "queues[0]": 6,
        "queues[0].name": 6,
    }


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("dynamo-platform:namespace: {secure: AAABAA}", "namespace", id="text"),
        pytest.param("dynamo-platform:values: {a: [{b: {secure: AAABAA}}]}", "values", id="within"),
        pytest.param("dynamo-platform:grove: {values: {a: {secure: AAABAA}}}", "grove", id="within a part"),
    ],
)
def test_an_encrypted_value_is_refused_and_not_kept(project: Project, text: str, path: str) -> None:
    stack = read(project, f"{GOOD}  {text}\n")

    only = finding(stack)
    assert (only.code, only.severity, only.path, only.given) == ("CFG004", "error", path, "an encrypted value")
    assert "AAABAA" not in repr(stack)


def test_a_mapping_with_more_than_secure_is_not_encrypted(project: Project) -> None:
    assert read(project, GOOD + "  dynamo-platform:values: {a: {secure: x, b: 1}}\n").problems == ()


@pytest.mark.parametrize(
    ("text", "path", "given"),
    [
        pytest.param("config:\n\ta: 1\n", "Pulumi.dev.yaml:2", "a tab, but YAML allows only spaces here", id="tab"),
        pytest.param("}", "Pulumi.dev.yaml:1", "did not find expected node content", id="not YAML"),
        pytest.param(b"\x89PNG\r\n", "Pulumi.dev.yaml", "unacceptable character", id="not text"),
        pytest.param("- a", "Pulumi.dev.yaml:1", "a list, not a mapping of settings", id="list"),
        pytest.param("text", "Pulumi.dev.yaml:1", "a text, not a mapping of settings", id="text"),
        pytest.param("config: 5", "Pulumi.dev.yaml:1", "a number, not a mapping of settings", id="number"),
        pytest.param("a: " + 10_000_000 * "x", "Pulumi.dev.yaml", "longer than 262,144 bytes", id="10 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error(project: Project, text: str | bytes, path: str, given: str) -> None:
    only = finding(read(project, text))

    assert (only.code, only.severity, only.path) == ("CFG005", "error", path)
    assert only.given.startswith(given)


@pytest.mark.parametrize(
    ("text", "path", "given"),
    [
        ("  dynamo-platform:profile: production", "profile", "twice, in line 3 and in line 4"),
        (
            "  dynamo-platform:grove:\n    mode: bundled\n    mode: separate",
            "grove.mode",
            "twice, in line 5 and in line 6",
        ),
    ],
)
def test_a_key_twice_is_one_error(project: Project, text: str, path: str, given: str) -> None:
    only = finding(read(project, f"{GOOD}{text}\n"))

    assert (only.code, only.severity, only.path, only.given) == ("CFG006", "error", path, given)


@pytest.mark.parametrize("text", ["", "# nothing\n", "config:\n", "config: {}\n", "encryptionsalt: x\n"])
def test_an_empty_file_lacks_what_has_no_default(project: Project, text: str) -> None:
    assert [(each.code, each.path, each.given) for each in check_stack(read(project, text))] == [
        ("PRO001", "profile", "nothing"),
        ("VER001", "version", "nothing"),
    ]


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"x": 1}
    for _ in range(depth - 1):
        tree = {"x": tree}
    return tree


ENDLESS: dict[str, Any] = {}
ENDLESS["x"] = ENDLESS


@pytest.mark.parametrize(
    ("written", "code", "path", "given"),
    [
        pytest.param({"version": "latest"}, "VER002", "version", '"latest"', id="latest"),
        pytest.param({"version": "v1.5.1"}, "VER002", "version", '"v1.5.1"', id="v"),
        pytest.param({"version": "1.5.1 "}, "VER002", "version", '"1.5.1 "', id="blank"),
        pytest.param({"version": "01.5.1"}, "VER002", "version", '"01.5.1"', id="leading zero"),
        pytest.param({"version": "1.5"}, "VER002", "version", '"1.5"', id="no patch"),
        pytest.param({"version": 1.5}, "VER002", "version", '"1.5"', id="fraction"),
        pytest.param({"version": 2}, "VER002", "version", '"2"', id="whole number"),
        pytest.param({"values": nested(100)}, "CFG002", "values", '{"x": {"x"', id="100 levels"),
        pytest.param({"grove": {"values": nested(51)}}, "CFG002", "grove.values", '{"x": {"x"', id="51 levels"),
        pytest.param({"protect": '"true"'}, "CFG003", "protect", '"true"', id="text for a boolean"),
    ],
)
def test_a_stack_file_is_judged_as_what_the_engine_hands_over(
    project: Project, written: dict[str, Any], code: str, path: str, given: str
) -> None:
    page = {"version": "1.5.1", "profile": "development"} | written
    stack = read(project, json.dumps({"config": {f"dynamo-platform:{key}": value for key, value in page.items()}}))
    raw = {key: value if isinstance(value, str) else json.dumps(value) for key, value in page.items()}
    with pytest.raises(PlatformError) as through_the_engine:
        plan_of(decode_stack(raw), stack=True)

    only = finding(stack)

    assert (only.code, only.severity, only.path) == (code, "error", path)
    assert only.given.startswith(given)
    assert (only,) == through_the_engine.value.findings


@pytest.mark.parametrize(
    ("written", "code", "path"),
    [
        ({"version": "latest"}, "VER002", "version"),
        ({"version": "v1.5.1"}, "VER002", "version"),
        ({"version": "1.5.1 "}, "VER002", "version"),
        ({"version": "01.5.1"}, "VER002", "version"),
        ({"version": 1.5}, "CFG002", "version"),
        ({"version": "1.5"}, "VER002", "version"),
        ({"kai_scheduler": {"values": nested(100)}}, "CFG002", "kai_scheduler.values"),
        ({"values": nested(100_000)}, "CFG002", "values"),
        ({"values": ENDLESS}, "CFG002", "values"),
        ({"namespace": nested(100_000)}, "CFG002", "namespace"),
        ({"contxt": ENDLESS}, "CFG001", "contxt"),
        ({1: "a"}, "CFG001", "1"),
        ({"namespace": Path()}, "CFG002", "namespace"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else None,
)
def test_from_python_it_is_judged_the_same(written: dict[Any, Any], code: str, path: str) -> None:
    with pytest.raises(PlatformError) as raised:
        plan_of({"version": "1.5.1", "profile": "development"} | written, stack=False)

    assert [(each.code, each.path) for each in raised.value.findings] == [(code, path)]


def test_what_environments_add_is_not_seen(project: Project) -> None:
    only = finding(read(project, "environment: [shared/base]\n" + GOOD))

    assert (only.code, only.severity, only.path, only.given) == ("CFG007", "note", "environment", '["shared/base"]')


def test_fifty_levels_of_values_are_read(project: Project) -> None:
    text = json.dumps({"config": {"dynamo-platform:values": nested(50)}})

    assert [each.code for each in check_stack(read(project, text))] == ["PRO001", "VER001"]


def test_only_the_end_of_support_is_said_about_the_readmes_page(project: Project) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    page = re.search(r"```yaml\n(config:\n.+?)```", readme, re.DOTALL)
    assert page
    assert [(each.code, each.severity) for each in check_stack(read(project, page[1]))] == [("DEP008", "note")]
