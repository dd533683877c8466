"""The field's own metrics, each after its source and equal to the reference implementation.

Guarantee: pure functions of arrays; what is not defined (no pictures) is NaN, never 0 or 1. Cost: O(N log N) at most,
but for the bootstrap and for matching boxes, which is cubic in those that compete. Limit: classification of pictures,
boxes, their tracks and counts, people verified and identified, groups of things; each task brings its own metrics.
"""

from compoundeye.evaluate._bcubed import BCubed, bcubed
from compoundeye.evaluate._calibration import (
    DEFAULT_BINS,
    Reliability,
    brier_score,
    expected_calibration_error,
    reliability,
)
from compoundeye.evaluate._clear import Clear, clear
from compoundeye.evaluate._counting import CountingError, counting_error, poisson_interval
from compoundeye.evaluate._detection_ap import BoxTruth, DetectionScores, detection_scores
from compoundeye.evaluate._hota import ALPHAS, Hota, hota
from compoundeye.evaluate._identification import NO_RANK, Searches, searched
from compoundeye.evaluate._identity import Identity, identity
from compoundeye.evaluate._interval import binomial_lower_bound, binomial_tail, bootstrap_interval, wilson_interval
from compoundeye.evaluate._matching import best_pairs
from compoundeye.evaluate._overlap import Comparison, Moment, Trajectories, box_overlap, compare
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
from compoundeye.evaluate._subject_bootstrap import FEW_SUBJECTS, Interval, SubjectBootstrap, fnir_at_fpir
from compoundeye.evaluate._verification import ENOUGH_ERRORS, NO_SCORE, Det, Verification, folded_accuracy

__all__ = [
    "ABSTAINED",
    "ALPHAS",
    "DEFAULT_BINS",
    "ENOUGH_ERRORS",
    "FEW_SUBJECTS",
    "NO_RANK",
    "NO_SCORE",
    "BCubed",
    "BoxTruth",
    "Clear",
    "Comparison",
    "CountingError",
    "Det",
    "DetectionScores",
    "Hota",
    "Identity",
    "Interval",
    "Moment",
    "Protocol",
    "Reliability",
    "Searches",
    "SelectiveCurve",
    "SubjectBootstrap",
    "Trajectories",
    "Verification",
    "bcubed",
    "best_pairs",
    "binomial_lower_bound",
    "binomial_tail",
    "bootstrap_interval",
    "box_overlap",
    "brier_score",
    "clear",
    "compare",
    "counting_error",
    "coverage",
    "detection_scores",
    "expected_calibration_error",
    "fnir_at_fpir",
    "folded_accuracy",
    "hota",
    "identity",
    "poisson_interval",
    "precision",
    "recall",
    "reliability",
    "searched",
    "selective_curve",
    "top_k_accuracy",
    "wilson_interval",
]
