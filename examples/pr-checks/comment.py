"""Put reports into comments of a pull request: one for each stack, found again by its first line at the next push.

In GitHub Actions it needs GITHUB_TOKEN (pull-requests: write), in GitLab CI COMMENT_TOKEN (scope api). Nothing but
Python's own library is used.
"""

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MOST_OF_A_PREVIEW = 4_000
"""Characters; with the 60,000 of a report it fits into a comment of GitHub's 65,536."""

MARKER = re.compile(r"<!-- dynamo-platform diff (?P<project>[^/]*)/(?P<stack>.*) -->")


class Forge(NamedTuple):
    """Where the pull request is.

    Attributes:
        comments: the address of its comments.
        edited: the address of one comment, with its id to fill in.
        headers: who asks.
        method: how a comment is edited.
        author: where a comment says who wrote it.
        ours: what stands there in a comment that may be edited.
    """

    comments: str
    edited: str
    headers: dict[str, str]
    method: str
    author: str
    ours: dict[str, Any]

    def ask(self, method: str, address: str, body: str | None = None) -> Any:
        """Send a request; return what is answered."""
        request = urllib.request.Request(  # noqa: S310  the forge's own address
            address,
            method=method,
            headers=self.headers | {"Content-Type": "application/json"},
            data=None if body is None else json.dumps({"body": body}).encode(),
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def existing(self) -> Iterator[tuple[str, str]]:
        """The first line and the id of each comment that this check has written."""
        page = 1
        while found := self.ask("GET", f"{self.comments}?per_page=100&page={page}"):
            for comment in found:
                if self.ours.items() <= comment[self.author].items():
                    yield comment["body"].partition("\n")[0].strip(), comment["id"]
            page += 1


def forge(env: dict[str, str]) -> Forge:
    """The forge that runs this."""
    if "GITHUB_ACTIONS" in env:
        number = env["GITHUB_REF"].split("/")[2]  # refs/pull/NUMBER/merge
        issues = f"{env['GITHUB_API_URL']}/repos/{env['GITHUB_REPOSITORY']}/issues"
        headers = {"Authorization": f"Bearer {env['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
        return Forge(
            f"{issues}/{number}/comments", f"{issues}/comments/{{}}", headers, "PATCH", "user", {"type": "Bot"}
        )
    notes = f"{env['CI_API_V4_URL']}/projects/{env['CI_PROJECT_ID']}/merge_requests/{env['CI_MERGE_REQUEST_IID']}/notes"
    made = Forge(notes, f"{notes}/{{}}", {"PRIVATE-TOKEN": env["COMMENT_TOKEN"]}, "PUT", "author", {})
    return made._replace(ours={"id": made.ask("GET", f"{env['CI_API_V4_URL']}/user")["id"]})


def bodies(folder: Path) -> dict[str, str]:
    """The comments that there should be, by their first line."""
    made = {}
    for report in sorted(folder.glob("*.md")):
        text = report.read_text(encoding="utf-8")
        preview = report.with_suffix(".preview.txt")
        if report.name != "all.md":
            made[text.partition("\n")[0]] = text + (_folded(preview.read_text("utf-8")) if preview.exists() else "")
    return made


def _folded(preview: str) -> str:
    cut = preview if len(preview) <= MOST_OF_A_PREVIEW else f"…{preview[-MOST_OF_A_PREVIEW:]}"
    fence = "~" * (3 + max(map(len, re.findall("~+", cut)), default=0))
    return f"\n<details><summary>pulumi preview</summary>\n\n{fence}\n{cut.strip()}\n{fence}\n\n</details>\n"


def main() -> None:
    """Write, and edit, the comments of a folder of reports."""
    folder = Path(sys.argv[1])
    there = forge(dict(os.environ))
    project = MARKER.match((folder / "all.md").read_text(encoding="utf-8"))
    wanted = bodies(folder)
    existing = dict(there.existing())
    for marker, body in wanted.items():
        if marker in existing:
            there.ask(there.method, there.edited.format(existing[marker]), body)
        else:
            there.ask("POST", there.comments, body)
    for marker in existing.keys() - wanted.keys():
        found = MARKER.match(marker)
        if found and project and found["project"] == project["project"]:
            gone = f"{marker}\n\n### dynamo-platform: this pull request does not change {found['stack']} any more\n"
            there.ask(there.method, there.edited.format(existing[marker]), gone)


if __name__ == "__main__":
    main()
