"""The one error a person is meant to read."""


class InputError(Exception):
    """Input that cannot be used.

    The message is one line that names the file (or option) and the fix. The command line prints it and exits with 2;
    the server sends it as JSON with status 422. Anything else that escapes is a bug and keeps its traceback.
    """
