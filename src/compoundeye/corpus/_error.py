"""What a user can do wrong with a corpus."""

from compoundeye.records import EyeError


class CorpusError(EyeError):
    """A corpus that is missing, damaged, busy, or asked for something it does not hold."""
