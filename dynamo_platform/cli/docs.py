"""``docs``: the pages and sections that findings refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

_PACKAGE = Path(__file__).parents[1]

RUNBOOKS = "runbooks"
"""The page whose sections have the words of errors as titles."""


@click.command()
@click.argument("page", required=False)
@click.argument("section", required=False)
@click.option("--find", "error", metavar="TEXT", help="Print the runbook for the text of an error.")
def docs(*, page: str | None, section: str | None, error: str | None) -> None:
    """Print a PAGE of the documentation, or a SECTION of it.

    Findings refer to both. Without arguments, lists the pages.
    """
    folder = _docs_folder()
    pages = sorted(file.stem for file in folder.glob("*.md"))
    if error is not None:
        sections = find_runbooks(_read(folder, RUNBOOKS), error)
        if not sections:
            raise click.UsageError(f"No runbook has these words. To list the runbooks: dynamo-platform docs {RUNBOOKS}")
        click.echo("\n\n".join(sections))
        return
    if page is None:
        texts = [(name, _read(folder, name)) for name in pages]
        click.echo("\n".join(f"{name:<15}{text.splitlines()[0].removeprefix('# ')}" for name, text in texts))
        return
    if page not in pages:
        raise click.UsageError(f"There is no page {page!r}; there are: {', '.join(pages)}.")
    text = _read(folder, page)
    if section is None:
        click.echo(text, nl=False)
    elif found := find_section(text, section):
        click.echo(found)
    else:
        raise click.UsageError(
            f"The page {page} has no section {section!r}. To print the page: dynamo-platform docs {page}"
        )


def _docs_folder() -> Path:
    """The documentation: in the package, or beside it in a checkout."""
    return folder if (folder := _PACKAGE / "docs").is_dir() else _PACKAGE.parent / "docs"


def _read(folder: Path, page: str) -> str:
    return (folder / f"{page}.md").read_text(encoding="utf-8")


def find_runbooks(text: str, error: str) -> list[str]:
    """The sections of the runbooks whose title is in an error, or has the words of an error in it."""
    wanted = _words(error)
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    matching = [title for title in titles if wanted and (_words(title) in wanted or wanted in _words(title))]
    return [find_section(text, _anchor(title)) for title in matching]


def _words(text: str) -> str:
    """The words of a text in lower case, between spaces; empty if there are none."""
    words = " ".join(re.findall("[a-z0-9]+", text.lower()))
    return f" {words} " if words else ""


def find_section(text: str, section: str) -> str:
    """A section of a page of Markdown, by its anchor, with the sections below it; empty if there is none."""
    lines = text.splitlines()
    headings = list(_headings(lines))
    for number, (start, level, anchor) in enumerate(headings):
        if anchor == section.lower():
            end = next((line for line, below, _ in headings[number + 1 :] if below <= level), len(lines))
            return "\n".join(lines[start:end]).rstrip()
    return ""


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """The line, level and anchor of each heading; a ``#`` in a code block is none."""
    code = False
    for number, line in enumerate(lines):
        code ^= line.startswith("```")
        if not code and (found := re.match("(#+) (.*)", line)):
            yield number, len(found[1]), _anchor(found[2])


def _anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
