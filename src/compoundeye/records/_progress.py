"""How long work tells its caller how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""``progress(done, total)``: items finished so far; total is None while it is not known."""
