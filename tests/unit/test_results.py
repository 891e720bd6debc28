"""The page of what engine tests saw, and the runbooks."""

import pytest
from click.testing import CliRunner

from dynamo_platform.cli import main
from dynamo_platform.cli.docs import find_runbooks, find_section
from tests.unit import results

RUNBOOKS = results.CHECKOUT / "docs" / "runbooks.md"
TEXT = """# Runbooks

## cannot re-use a name that is still in use

Why.

    pulumi up

## "the stack" is locked

    pulumi cancel
"""


def test_page_has_the_recorded_results() -> None:
    assert results.page() == results.PAGE.read_text(encoding="utf-8"), "run `make docs`"


def test_page_has_every_table() -> None:
    text = results.PAGE.read_text(encoding="utf-8")
    assert [kind for kind in results.kinds() if f"<!-- BEGIN {kind} -->" not in text] == []


@pytest.mark.parametrize("kind", results.kinds())
def test_nothing_was_lost_and_every_runbook_exists(kind: str) -> None:
    runbooks = RUNBOOKS.read_text(encoding="utf-8")
    for row in results.rows(kind):
        assert (row["name"], row["lost"]) == (row["name"], [])
        assert row["seen"]
        assert not row["runbook"] or find_section(runbooks, row["runbook"]), row["runbook"]


@pytest.mark.parametrize(
    ("error", "titles"),
    [
        ("Error: release failed: cannot re-use a name that is still in use!", ["cannot re-use"]),
        ("name that is still", ["cannot re-use"]),
        ('error: "The Stack" is locked by 1 lock', ['"the stack"']),
        ("cannot re-use a name", ["cannot re-use"]),
        ("is", ["cannot re-use", '"the stack"']),
        ("us", []),
        ("?", []),
        ("no such thing", []),
    ],
)
def test_runbooks_are_found_by_the_words_of_the_error(error: str, titles: list[str]) -> None:
    found = find_runbooks(TEXT, error)
    assert [title for title in ("cannot re-use", '"the stack"') for each in found if title in each] == titles
    assert len(found) == len(titles)


def test_docs_finds_a_runbook() -> None:
    title = next(line for line in RUNBOOKS.read_text(encoding="utf-8").splitlines() if line.startswith("## "))
    shown = CliRunner().invoke(main, ["docs", "--find", f"error: {title.removeprefix('## ')} (exit status 1)"])
    assert shown.exit_code == 0
    assert title in shown.output
    missing = CliRunner().invoke(main, ["docs", "--find", "xyzzy"])
    assert missing.exit_code == 2
    assert "dynamo-platform docs runbooks" in missing.output
