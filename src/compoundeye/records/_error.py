"""The one exception a user may see."""


class EyeError(Exception):
    """A mistake a user can mend: one sentence that says what, where, and what to do.

    The command line prints it without a traceback and exits with 1. Anything else that
    escapes is a defect of ours and keeps its traceback.
    """
