"""The field's own metrics, each after its source and equal to the reference implementation.

Guarantee: pure functions of arrays; what is not defined (no pictures) is NaN, never 0 or 1. Cost: O(N log N) at most,
but for the bootstrap. Limit: picture-level classification for now; each task brings its own metrics.
"""

from compoundeye.evaluate._calibration import (
    DEFAULT_BINS,
    Reliability,
    brier_score,
    expected_calibration_error,
    reliability,
)
from compoundeye.evaluate._interval import binomial_lower_bound, binomial_tail, bootstrap_interval, wilson_interval
from compoundeye.evaluate._protocol import Protocol
from compoundeye.evaluate._selective import (
    ABSTAINED,
    SelectiveCurve,
    coverage,
    precision,
    recall,
    selective_curve,
    top_k_accuracy,
)

__all__ = [
    "ABSTAINED",
    "DEFAULT_BINS",
    "Protocol",
    "Reliability",
    "SelectiveCurve",
    "binomial_lower_bound",
    "binomial_tail",
    "bootstrap_interval",
    "brier_score",
    "coverage",
    "expected_calibration_error",
    "precision",
    "recall",
    "reliability",
    "selective_curve",
    "top_k_accuracy",
    "wilson_interval",
]
