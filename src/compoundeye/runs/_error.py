"""What can go wrong with a run folder, in words a user can act on."""

from compoundeye.records import EyeError


class RunError(EyeError):
    """A run is absent, in the way, or does not hold what was asked of it."""
