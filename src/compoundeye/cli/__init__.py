"""The `eye` command: one thin file a command over the same functions that Python users call.

Guarantee: results go to stdout (with ``--json`` nothing else does), progress and notes to stderr; a user's
mistake is one sentence and exit code 1, never a traceback. Cost: `eye --help` loads no room at all, a command
loads only the rooms it needs. Limit: it holds no logic; whatever it can do, Python can do too.
"""

from compoundeye.cli._app import COMMANDS, GROUPS, app, main

__all__ = ["COMMANDS", "GROUPS", "app", "main"]
