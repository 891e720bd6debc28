"""Chart versions and their order: Semantic Versioning 2.0.0 with an optional leading ``v``."""

from __future__ import annotations

from functools import total_ordering

_Identifier = tuple[bool, int, bool, int, str]


def _identifier(text: str) -> _Identifier:
    """The sort key of a pre-release identifier: numbers first, each after its release candidates, then text."""
    number, candidate, count = text.partition("-rc")
    if candidate and number.isdigit() and count.isdigit():
        return False, int(number), False, int(count), ""
    return (False, int(text), True, 0, "") if text.isdigit() else (True, 0, True, 0, text)


def _is_number(text: str) -> bool:
    return text.isdigit() and (text == "0" or not text.startswith("0"))


def _is_identifier(text: str) -> bool:
    return text.replace("-", "a").isalnum()


@total_ordering
class Version:
    """A chart version. ``str()`` returns the text it was parsed from, which is also the chart's tag.

    Order and equality follow https://semver.org/#spec-item-11: a pre-release comes before its release
    (``v0.13.0-rc1`` < ``v0.13.0``), numeric identifiers compare as numbers (``alpha.9`` < ``alpha.10``), and neither
    the leading ``v`` nor build metadata counts. One exception: a candidate of a pre-release, as Grove tags them, comes
    before that pre-release (``alpha.12-rc1`` < ``alpha.12``). The specification treats ``12-rc1`` as text and sorts it
    after every number.

    Attributes:
        text: the text that was parsed.
        major: the first number.
        minor: the second number.
        patch: the third number.
        pre: the identifiers of the pre-release; empty for a release.
    """

    __slots__ = ("_key", "major", "minor", "patch", "pre", "text")

    def __init__(self, text: str, major: int, minor: int, patch: int, pre: tuple[str, ...] = ()) -> None:
        self.text, self.major, self.minor, self.patch, self.pre = text, major, minor, patch, pre
        self._key = major, minor, patch, not pre, tuple(map(_identifier, pre))

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse a full version.

        Raises:
            ValueError: the text is not MAJOR.MINOR.PATCH with an optional leading ``v``, pre-release and build.
        """
        # Without a regular expression, which would take a large part of the package's import to compile.
        rest, plus, build = text.partition("+") if isinstance(text, str) and text.isascii() else ("", "", "")
        core, dash, pre = rest.partition("-")
        numbers = core.removeprefix("v").split(".")
        identifiers = pre.split(".") if dash else []
        if (
            len(numbers) != 3
            or not all(map(_is_number, numbers))
            or not all(_is_number(each) if each.isdigit() else _is_identifier(each) for each in identifiers)
            or not all(map(_is_identifier, build.split(".") if plus else ()))
        ):
            raise ValueError(f"{text!r} is not a semantic version")
        major, minor, patch = map(int, numbers)
        return cls(text, major, minor, patch, tuple(identifiers))

    @property
    def minor_line(self) -> str:
        """MAJOR.MINOR, for example ``1.5``."""
        return f"{self.major}.{self.minor}"

    @property
    def has_v(self) -> bool:
        """Whether the text starts with ``v``, as the tags of KAI Scheduler and Grove do."""
        return self.text.startswith("v")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __le__(self, other: Version) -> bool:
        return self._key <= other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Version({self.text!r})"

    def __str__(self) -> str:
        return self.text
