"""The base of the errors that people read."""


class UserError(Exception):
    """Something the user can put right.

    The text says what is wrong and what to do, and is shown as it is: the command line prints it without a traceback.
    """
