"""The base of the errors that users see."""


class UserError(Exception):
    """An error that the user can fix.

    The text states the problem and what to do. The command line prints it without a traceback.
    """
