"""What can go wrong with weights, in words a user can act on."""

from compoundeye.records import EyeError


class WeightsError(EyeError):
    """Weights are absent, not what their card says, or not what this code can read."""
