"""`python -m compoundeye.cli` is `eye`, for launchers that want a module."""

from compoundeye.cli._app import main

main()
