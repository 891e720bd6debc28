"""Write reports as comments on a pull request: one for each stack, updated at the next push by its first line.

It needs GITHUB_TOKEN (pull-requests: write) in GitHub Actions, or COMMENT_TOKEN (scope api) in GitLab CI. It uses only
Python's standard library.
"""

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MAX_PREVIEW_CHARS = 4_000
"""Together with a report of 60,000 characters, this fits into GitHub's limit of 65,536 for a comment."""

MARKER = re.compile(r"<!-- dynamo-platform diff (?P<project>[^/]*)/(?P<stack>.*) -->")


class Forge(NamedTuple):
    """The comment API of GitHub or GitLab for one pull request.

    Attributes:
        comments: the URL of its comments.
        edited: the URL of one comment, with a placeholder for its id.
        headers: the headers that authenticate a request.
        method: the HTTP method that edits a comment.
        author: the field of a comment that describes its author.
        ours: the values of this field in comments that may be edited.
    """

    comments: str
    edited: str
    headers: dict[str, str]
    method: str
    author: str
    ours: dict[str, Any]

    def request(self, method: str, address: str, body: str | None = None) -> Any:
        """Send a request and return the JSON response."""
        message = urllib.request.Request(  # noqa: S310  the URL of the API
            address,
            method=method,
            headers=self.headers | {"Content-Type": "application/json"},
            data=None if body is None else json.dumps({"body": body}).encode(),
        )
        with urllib.request.urlopen(message, timeout=60) as response:  # noqa: S310
            return json.load(response)

    def existing(self) -> Iterator[tuple[str, str]]:
        """Yield the first line and the id of each comment that this check has written."""
        page = 1
        while found := self.request("GET", f"{self.comments}?per_page=100&page={page}"):
            for comment in found:
                if self.ours.items() <= comment[self.author].items():
                    yield comment["body"].partition("\n")[0].strip(), comment["id"]
            page += 1


def forge(env: dict[str, str]) -> Forge:
    """Return the API of the CI system that runs this."""
    if "GITHUB_ACTIONS" in env:
        number = env["GITHUB_REF"].split("/")[2]  # refs/pull/NUMBER/merge
        issues = f"{env['GITHUB_API_URL']}/repos/{env['GITHUB_REPOSITORY']}/issues"
        headers = {"Authorization": f"Bearer {env['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
        return Forge(
            f"{issues}/{number}/comments", f"{issues}/comments/{{}}", headers, "PATCH", "user", {"type": "Bot"}
        )
    notes = f"{env['CI_API_V4_URL']}/projects/{env['CI_PROJECT_ID']}/merge_requests/{env['CI_MERGE_REQUEST_IID']}/notes"
    gitlab = Forge(notes, f"{notes}/{{}}", {"PRIVATE-TOKEN": env["COMMENT_TOKEN"]}, "PUT", "author", {})
    return gitlab._replace(ours={"id": gitlab.request("GET", f"{env['CI_API_V4_URL']}/user")["id"]})


def bodies(folder: Path) -> dict[str, str]:
    """Return the text of each comment to write, by its first line."""
    comments = {}
    for report in sorted(folder.glob("*.md")):
        text = report.read_text(encoding="utf-8")
        preview = report.with_suffix(".preview.txt")
        if report.name != "all.md":
            comments[text.partition("\n")[0]] = text + (_folded(preview.read_text("utf-8")) if preview.exists() else "")
    return comments


def _folded(preview: str) -> str:
    cut = preview if len(preview) <= MAX_PREVIEW_CHARS else f"…{preview[-MAX_PREVIEW_CHARS:]}"
    fence = "~" * (3 + max(map(len, re.findall("~+", cut)), default=0))
    return f"\n<details><summary>pulumi preview</summary>\n\n{fence}\n{cut.strip()}\n{fence}\n\n</details>\n"


def main() -> None:
    """Create or edit the comments for a folder of reports."""
    folder = Path(sys.argv[1])
    api = forge(dict(os.environ))
    project = MARKER.match((folder / "all.md").read_text(encoding="utf-8"))
    wanted = bodies(folder)
    existing = dict(api.existing())
    for marker, body in wanted.items():
        if marker in existing:
            api.request(api.method, api.edited.format(existing[marker]), body)
        else:
            api.request("POST", api.comments, body)
    for marker in existing.keys() - wanted.keys():
        found = MARKER.match(marker)
        if found and project and found["project"] == project["project"]:
            unchanged = f"{marker}\n\n### dynamo-platform: this pull request no longer changes {found['stack']}\n"
            api.request(api.method, api.edited.format(existing[marker]), unchanged)


if __name__ == "__main__":
    main()
