"""The command line: what it prints, on which stream, and its exit codes."""

import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from dynamo_platform import __version__, catalog
from dynamo_platform.cli import main
from dynamo_platform.cli.docs import find_section
from dynamo_platform.cli.tables import Table, print_rich
from dynamo_platform.config.stackfile import find_project, read_stack
from dynamo_platform.planning.model import Plan
from dynamo_platform.planning.stacks import plan_stack
from tests.unit import flow_chart

CHECKOUT = Path(__file__).parents[2]
WEBHOOK = catalog.load().kai_scheduler.gates[-1]

STACKS = {
    "good": 'config:\n  dynamo-platform:version: "1.5.1"\n  dynamo-platform:profile: development\n',
    "warns": 'config:\n  dynamo-platform:version: "1.5.99"\n  dynamo-platform:profile: development\n',
    "wrong": "config:\n  dynamo-platform:version: latest\n  dynamo-platform:grove:\n    mode: absent\n",
    "twice": "config:\n  dynamo-platform:version: x\n  dynamo-platform:version: y\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a project with these stacks."""
    (tmp_path / "Pulumi.yaml").write_text("name: infra\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    for name, text in STACKS.items():
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="dynamo-platform")


def data(result: Result) -> Any:
    return json.loads(result.stdout)


def planned(stack: str) -> Plan:
    return plan_stack(read_stack(find_project(CHECKOUT), stack))


def test_a_good_stack_is_ok(folder: Path) -> None:
    result = run("check", "--stack", "good")

    assert (result.exit_code, result.output) == (0, "good: ok\n")


def test_findings_are_grouped_by_severity_each_with_its_line(folder: Path) -> None:
    result = run("check", "--stack", "wrong")

    platform = catalog.load().platform
    assert result.exit_code == 1
    assert (
        result.output
        == f"""\
wrong: 3 errors

error CFG002  grove.mode (line 4)
  given    "absent"
  allowed  separate, bundled, external or disabled
  why      The setting has no other values.
  read     dynamo-platform docs configuration settings

error PRO001  profile
  given    nothing
  allowed  production or development
  why      The profile sets other defaults: production installs KAI Scheduler and Grove as separate, protected
           releases, development bundles them.
  read     dynamo-platform docs findings pro001

error VER002  version (line 2)
  given    "latest"
  allowed  a full version of 1.0 to {platform.minors[-1].minor}, for example "{platform.example}"
  why      The platform's chart versions are MAJOR.MINOR.PATCH without a v.
  read     https://github.com/ai-dynamo/dynamo/blob/main/docs/kubernetes/installation-guide.md
"""
    )


def test_errors_come_before_warnings(folder: Path) -> None:
    (folder / "stacks" / "Pulumi.both.yaml").write_text(STACKS["warns"] + "  dynamo-platform:timeout: soon\n")

    output = run("check", "--stack", "both").output

    assert output.startswith("both: 1 error, 1 warning\n\nerror CFG002  timeout (line 4)\n")
    assert "\n\nwarning VER005  version (line 2)\n" in output


def test_the_line_of_a_key_with_dots_is_found(folder: Path) -> None:
    text = STACKS["warns"] + "  dynamo-platform:values:\n    example.com/a: 1\n"
    (folder / "stacks" / "Pulumi.dots.yaml").write_text(text)

    assert r"warning KEY001  values.example\.com/a (line 5)" in run("check", "--stack", "dots").output


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--strict",), 1)])
def test_warnings_are_errors_only_when_strict(folder: Path, arguments: tuple[str, ...], code: int) -> None:
    result = run("check", "--stack", "warns", *arguments)
    as_json = run("check", "--stack", "warns", "--json", *arguments)

    assert result.output.startswith("warns: 1 warning\n\nwarning VER005  version (line 2)\n")
    assert (result.exit_code, as_json.exit_code, data(as_json)["ok"]) == (code, code, code == 0)


def test_json_of_one_stack(folder: Path) -> None:
    result = run("check", "--stack", "twice", "--json")

    assert (result.exit_code, result.stderr) == (1, "")
    assert data(result) == {
        "ok": False,
        "findings": [
            {
                "code": "CFG006",
                "severity": "error",
                "path": "version",
                "given": "twice, in line 2 and in line 3",
                "allowed": "each key once",
                "why": "Pulumi refuses a file with duplicate keys. Nothing else in the file was checked.",
                "docs": "dynamo-platform docs configuration settings",
                "accept": "",
            }
        ],
    }


def test_json_of_a_good_stack(folder: Path) -> None:
    assert data(run("check", "--stack", "good", "--json")) == {"ok": True, "findings": []}


def test_json_of_several_stacks_names_the_stack_of_each_finding(folder: Path) -> None:
    result = run("check", "--stack", "good", "--stack", "warns", "--json")

    (finding,) = data(result)["findings"]
    assert data(result)["ok"] is True
    assert list(finding) == ["stack", "code", "severity", "path", "given", "allowed", "why", "docs", "accept"]
    assert (finding["stack"], finding["code"]) == ("warns", "VER005")


def test_several_stacks_are_one_table(folder: Path) -> None:
    result = run("check", "--stack", "good", "--stack", "twice")

    assert result.exit_code == 1
    assert (
        result.output
        == """\
STACK         CODE    PATH     GIVEN                           ALLOWED
good   ok
twice  error  CFG006  version  twice, in line 2 and in line 3  each key once

2 stacks: 1 error; --stack NAME shows why.
"""
    )


def test_all_stacks_of_the_project(folder: Path) -> None:
    result = run("check", "--all")

    assert result.exit_code == 1
    assert [line.split()[0] for line in result.output.splitlines()[1:-2]] == [
        "good",
        "twice",
        "warns",
        "wrong",
        "wrong",
        "wrong",
    ]
    assert result.output.endswith("\n4 stacks: 4 errors, 1 warning; --stack NAME shows why.\n")


def test_a_bare_mapping_is_checked(folder: Path) -> None:
    (folder / "page.yaml").write_text("version: 1.5.1\nprofile: development\n")

    assert run("check", "--config", "page.yaml").output == "page.yaml: ok\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("check",),
            "Use exactly one of the options that select stacks. The stacks of this project are: good, twice, ",
        ),
        (("check", "--all", "--stack", "good"), "Use exactly one of the options that select stacks"),
        (("check", "--stack", "good", "--config", "Pulumi.yaml"), "Use exactly one of the options that select stacks"),
        (("check", "--stack", "absent"), "There is no stack 'absent' in "),
        (("check", "--config", "absent.yaml"), "'absent.yaml' does not exist"),
        (("check", "--config", "stacks"), "'stacks' is a directory"),
        (
            ("check", "--stack", "good", "--from", "1.4"),
            "'1.4' is neither a version of the platform, such as 1.4.2, nor a file",
        ),
        (("check", "--stack", "good", "--from", "v1.4.2"), "'v1.4.2' is neither a version of the platform"),
        (
            ("check", "--stack", "good", "--from", "0.7.1"),
            "0.7.1 has an unknown minor version; the known ones are 0.8",
        ),
        (("explain", "--stack", "good", "--from", "2.0.0"), "2.0.0 has an unknown minor version"),
        (("explain",), "Use exactly one of the options that select stacks"),
        (("explain", "--stack", "good", "--format", "svg"), "'svg' is not one of 'text', 'json', 'mermaid'"),
        (("versions", "1.5.1"), "Got unexpected extra argument"),
    ],
)
def test_bad_usage_exits_with_2_and_prints_to_standard_error(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_missing_project_is_bad_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = run("check", "--all")

    assert result.exit_code == 2
    assert f"Error: There is no Pulumi.yaml in {tmp_path} or above it." in result.stderr


def test_a_project_without_stack_files_is_bad_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: infra\n")
    monkeypatch.chdir(tmp_path)

    result = run("check", "--all")

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: There is no stack file in {tmp_path}." in result.stderr


def test_explain_lists_sources_values_order_and_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)

    output = run("explain", "--stack", "production").output

    assert output.startswith(
        "stack    production\n"
        "profile  production, releases and queues protected\n"
        "cluster  context production\n\n"
        " 1  release kai-scheduler\n"
        "    chart      oci://ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler\n"
        "    version    v0.17.2\n"
        "    namespace  kai-scheduler\n"
        "    hooks      on\n"
        "    timeout    600 s\n"
    )
    assert (
        f" 4  gate {WEBHOOK.name}\n"
        f"    waits      until Deployment {WEBHOOK.object_name} in kai-scheduler is rolled out\n"
        "    timeout    600 s\n"
        "    after      kai-shard\n"
        "    why        Its webhook validates every queue, and the API server rejects queues while it does not "
        "answer.\n"
    ) in output
    assert (
        " 7  queue research\n"
        "    parent     dynamo-default\n"
        "    cpu        quota -1, limit -1, overQuotaWeight 1\n"
        "    gpu        quota 16, limit 32, overQuotaWeight 2\n"
    ) in output
    assert "    value      global.grove.install: false\n    value      global.grove.enabled: true\n" in output
    assert output.endswith(
        "    after      kai-scheduler, kai-config, kai-shard, kai-queue-controller, dynamo-default, dynamo, research, "
        "grove\n"
        "    why        Its hooks would delete and recreate the queues at every upgrade; "
        "the stack owns them instead.\n"
        "\n"
        "note DEP008  kaiScheduler.version\n"
        '  given    "v0.17.2"\n'
        "  allowed  a version of 0.12, 0.14, 0.16, 0.18\n"
        "  why      Upstream supported 0.17 only until v0.18.\n"
        "  read     https://github.com/kai-scheduler/KAI-Scheduler/blob/v0.17.0/SUPPORT.md\n"
    )


def test_the_upgrade_is_checked_from_the_running_version(folder: Path) -> None:
    fresh = run("check", "--stack", "good")
    up = run("check", "--stack", "good", "--from", "1.3.1")
    down = run("check", "--stack", "good", "--from", "1.6.0", "--json")

    assert (fresh.exit_code, up.exit_code, down.exit_code) == (0, 1, 1)
    assert "error UPG003  nats.mode\n  given    nothing; the default from 1.4.0 on is disabled\n" in up.output
    assert "UPG002" in {finding["code"] for finding in data(down)["findings"]}


def test_explain_lists_what_an_upgrade_changes(folder: Path) -> None:
    output = run("explain", "--stack", "good", "--from", "1.4.2").output
    explained = data(run("explain", "--stack", "good", "--from", "1.4.2", "--format", "json"))

    assert (
        "    version    1.4.2 → 1.5.1\n"
        "    bundles    kai-scheduler v0.13.4 → v0.17.0\n"
        "    bundles    grove v0.1.0-alpha.12-rc1 → v0.1.0-alpha.13\n"
    ) in output
    assert explained["bundled"] == {"kai-scheduler": "v0.17.0", "grove": "v0.1.0-alpha.13"}
    assert (explained["steps"][-1]["running"], explained["steps"][-1]["version"]) == ("1.4.2", "1.5.1")
    for finding in explained["findings"]:
        assert f"\n{finding['severity']} {finding['code']}  {finding['path']}\n" in output
    assert "UPG007" in {finding["code"] for finding in explained["findings"]}


def test_explain_as_json_has_the_whole_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    plan = planned("production")

    explained = data(run("explain", "--stack", "production", "--format", "json"))

    assert [step["name"] for step in explained["steps"]] == [step.name for step in plan.steps]
    assert explained["steps"][-1]["values"] == plan.releases[-1].values
    assert explained["steps"][-1]["dependsOn"] == list(plan.releases[-1].depends_on)
    assert {step["step"] for step in explained["steps"]} == {"release", "gate", "queue"}
    assert all(step["why"] for step in explained["steps"])
    assert explained["modes"] == {"kai-scheduler": "separate", "grove": "separate"}


def test_the_keys_of_explain_as_json_are_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)

    plan = data(run("explain", "--stack", "production", "--format", "json", "--from", "1.5.1"))
    documented = set(re.findall("`([a-zA-Z]+)`", run("docs", "commands", "explain").output))

    assert {step["step"] for step in plan["steps"]} == {"release", "gate", "queue"}
    assert {*plan, *(key for step in plan["steps"] for key in step)} - documented == set()


def test_the_flow_chart_in_the_docs_is_current() -> None:
    assert "```mermaid\nflowchart LR" in flow_chart.page()
    assert flow_chart.page() == flow_chart.PAGE.read_text(encoding="utf-8"), "run `make docs`"


def test_the_flow_chart_has_no_redundant_edges(folder: Path) -> None:
    (folder / "page.yaml").write_text(
        'version: "1.5.1"\nprofile: development\n'
        "kaiScheduler: {mode: external, version: v0.17.0}\n"
        "grove: {mode: separate, version: v0.1.0-alpha.13}\n"
    )

    assert (
        run("explain", "--config", "page.yaml", "--format", "mermaid").output
        == f"""\
flowchart LR
    s1{{{{"gate<br/>Deployment {WEBHOOK.object_name}<br/>rolled out"}}}}
    s2{{{{"gate<br/>Config kai-config<br/>Available"}}}}
    s3(["queue<br/>dynamo-default"])
    s4(["queue<br/>dynamo"])
    s5["release<br/>grove v0.1.0-alpha.13"]
    s6["release<br/>dynamo-platform 1.5.1<br/>hooks off"]
    s1 --> s2
    s2 --> s3
    s3 --> s4
    s4 --> s6
    s5 --> s6
"""
    )


@pytest.mark.parametrize("form", ["text", "json", "mermaid"])
def test_explain_prints_the_errors_of_a_wrong_stack(folder: Path, form: str) -> None:
    result = run("explain", "--stack", "twice", "--format", form)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "error CFG006  version\n" in result.stderr


def test_versions_prints_the_catalog(folder: Path) -> None:
    platform = catalog.load().platform
    minors = platform.minors

    table = run("versions").output.splitlines()
    rows = data(run("versions", "--json"))

    assert table[0].split("  ")[0] == "PLATFORM"
    assert [line.split("  ")[0] for line in table[1:]] == [
        ", ".join(map(str, platform.versions_of(minor.minor))) for minor in minors
    ]
    assert [row["platform"] for row in rows] == [minor.minor for minor in minors]
    assert rows[0]["kaiScheduler"]["bundled"] == str(minors[0].kai_scheduler.bundled)
    assert all(row["source"].startswith("https://") for row in rows)


def test_versions_says_what_is_not_known(folder: Path) -> None:
    [line] = [line for line in run("versions").output.splitlines() if line.startswith("1.7.0 ")]
    [row] = [row for row in data(run("versions", "--json")) if row["platform"] == "1.7"]

    assert line.split() == [
        "1.7.0",
        ">=",
        "1.30",
        "disabled",
        "not",
        "known",
        "not",
        "known",
        "not",
        "known",
        "not",
        "known",
    ]
    unknown = {"bundled": None, "pick": None, "floor": None, "below": None, "sure": "unknown", "other": None}
    assert (row["kaiScheduler"], row["grove"]) == (unknown, unknown)


def test_versions_says_what_is_disputed_and_where(folder: Path) -> None:
    [line] = [line for line in run("versions").output.splitlines() if line.startswith("1.4.0, ")]
    [row] = [row for row in data(run("versions", "--json")) if row["platform"] == "1.4"]

    assert line.endswith("v0.1.0-alpha.12-rc1 (>= v0.1.0-alpha.12-rc1, disputed)")
    source = "https://github.com/ai-dynamo/dynamo/releases/tag/v1.4.0"
    assert row["grove"]["other"] == {"range": ">= v0.1.0-alpha.11", "source": source}


@pytest.mark.parametrize("command", [(), *((name,) for name in main.commands)])
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: {' '.join(['dynamo-platform', *command])} ")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (name, param.opts[0])
        for name, command in main.commands.items()
        for param in command.params
        if isinstance(param, click.Option) and not (param.is_flag or param.multiple)
    ],
)
def test_an_option_with_one_value_is_refused_twice(folder: Path, command: str, option: str) -> None:
    result = run(command, option, "good", option, "good")

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {option} is given 2 times, but takes one value." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("check", "--stack", "good", "--from", ""), "--from"),
        (("render", "--stack", "good", "--out="), "--out"),
        (("diff", "", "good"), "BASE"),
        (("docs", ""), "[PAGE]"),
    ],
)
def test_an_empty_value_is_refused(folder: Path, arguments: tuple[str, ...], name: str) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {name} is empty.\n" in result.stderr


def test_a_stack_that_is_named_twice_is_checked_once(folder: Path) -> None:
    assert run("check", "--stack", "good", "--stack", "good").output == "good: ok\n"


def test_the_version_is_the_package_s() -> None:
    result = run("--version")

    assert (result.exit_code, result.output) == (0, f"dynamo-platform {__version__}\n")


def test_docs_lists_the_pages() -> None:
    pages = [line.split()[0] for line in run("docs").output.splitlines()]

    assert pages == sorted(path.stem for path in (CHECKOUT / "docs").glob("*.md"))


def test_docs_prints_a_page() -> None:
    assert run("docs", "order").output == (CHECKOUT / "docs" / "order.md").read_text(encoding="utf-8")


def test_docs_prints_a_section_with_those_below_it() -> None:
    page = "# A\n\n## B c\n\n```sh\n# no heading\n```\n\n### D, `e-f`\n\ntext\n\n## G\n"

    assert find_section(page, "b-c") == page[5:-7]
    assert find_section(page, "d-e-f") == "### D, `e-f`\n\ntext"
    assert find_section(page, "no-heading") == ""


@pytest.mark.parametrize("section", ["kai002", "KAI002"])
def test_docs_prints_a_finding(section: str) -> None:
    output = run("docs", "findings", section).output

    assert output.startswith("### KAI002\n\nWarning. ")
    assert output.count("\n### ") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent",), "There is no page 'absent'; there are: commands, configuration, findings"),
        (("../README",), "There is no page '../README'"),
        (
            ("findings", "kai"),
            "The page findings has no section 'kai'. To print the page: dynamo-platform docs findings",
        ),
    ],
)
def test_docs_that_do_not_exist(arguments: tuple[str, ...], message: str) -> None:
    result = run("docs", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_the_wheel_has_the_docs() -> None:
    wheel = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]

    assert wheel["force-include"] == {"docs": "dynamo_platform/docs"}


def test_a_terminal_gets_colours() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=60, color_system="standard")

    print_rich(Table(("stack", "", "path"), [("a[b]", "error", "x"), ("b", "ok", "")], title="1 error"), console)

    assert isinstance(console.file, io.StringIO)
    output = console.file.getvalue()
    assert "\x1b[1;31merror\x1b[0m" in output
    assert "\x1b[32mok" in output
    assert "a[b]" in output


def test_rich_and_pulumi_are_not_imported_without_a_terminal() -> None:
    program = """
import sys
from dynamo_platform.cli import main
main(["check", "--all"], standalone_mode=False)
print(*({"rich", "pulumi", "pulumi_kubernetes"} & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)

    assert done.stderr == "\n"


def test_python_runs_the_package() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dynamo_platform", "check", "--all", "--json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr, json.loads(done.stdout)["ok"]) == (0, "", True)
