"""The base of the errors that users see."""

from .credentials import redacted


class UserError(Exception):
    """An error that the user can fix.

    The text states the problem and what to do, without credentials. The command line prints it without a traceback.
    """

    def __init__(self, text: str) -> None:
        super().__init__(redacted(text))
