"""How often faces are taken for the wrong person's, by the field's protocol, and how far each figure can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compoundeye.apps.face._study import Float32, Float64, SearchPlan, Study
from compoundeye.evaluate import (
    ENOUGH_ERRORS,
    FEW_SUBJECTS,
    Protocol,
    Searches,
    SubjectBootstrap,
    Verification,
    fnir_at_fpir,
    folded_accuracy,
    searched,
    wilson_interval,
)

# Rates at which NIST's Face Recognition Technology Evaluation reports: 1:1 tracks at 1e-6 to 1e-3 and looser ones for
# small studies; 1:N at FPIR 0.003 ("false alarms") and 0.01, 0.1.
FMRS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
FPIRS = (0.1, 0.01, 0.003)
RANKS = (1, 5, 10, 20, 50)

# The published figure is OpenCV Zoo's for this file of weights, 99.60 % (models/face_recognition_sface/README.md); a
# pipeline that loses more than 0.3 points of it is broken somewhere before the network.
LFW_CARD = Protocol(
    metric="mean accuracy of 10 folds",
    data="Labeled Faces in the Wild",
    split="View 2, pairs.txt",
    source="Huang and others, University of Massachusetts report 07-49 (2007), section IV",
    threshold=0.993,
)
"""What SFace through the whole pipeline must reach, where the pictures are at hand."""

_IN_BLOCK = 4_000_000
"""Scores in memory at once."""
_BOOTSTRAP_WORK = 300_000_000
"""Comparisons looked at over all draws, at most: about ten seconds."""


@dataclass(frozen=True)
class Evaluation:
    """A study and what was measured on it."""

    study: Study
    scores: Float64
    """[P] cosine of each pair, NaN where either side has no template."""
    verification: Verification
    searches: tuple[tuple[str, SearchPlan, Searches], ...]
    report: Mapping[str, Any]
    """Plain values, as ``--json`` prints them."""


def evaluate(
    study: Study,
    embeddings: Float32 | None = None,
    *,
    model: Mapping[str, Any] | None = None,
    reasons: Mapping[str, int] | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Evaluation:
    """Measure a study by its templates.

    Args:
        embeddings: [T, D] of length 1, NaN rows for who could not be enrolled; None: the study brings its own, or
            scores.
        model: what made them, for the report.
        reasons: why some are missing, and of how many.
        resamples: draws of people for intervals; fewer in large studies.

    Raises:
        ValueError: there are neither embeddings nor scores, or of another number of templates.
    """
    rows = study.embeddings if embeddings is None else embeddings
    if rows is not None and len(rows) != len(study.templates):
        raise ValueError(f"{len(rows)} embeddings of {len(study.templates)} templates")
    scores = study.scores if rows is None else _pair_scores(rows, study)
    if scores is None:
        raise ValueError("a study without scores needs embeddings")
    verification = Verification.of(scores, study.pairs.same)
    searches = () if rows is None else tuple((name, plan, _search(rows, study, plan)) for name, plan in study.searches)
    report = {
        "protocol": {"data": study.data, "split": study.split, "source": study.source, "face": study.which},
        "model": model,
        "enrolment": _enrolment(rows, scores, reasons),
        "verification": _verified(study, scores, verification, confidence, resamples),
        "identification": [_identified(study, *one, confidence, resamples) for one in searches],
        "groups": _grouped(study, scores, verification, confidence),
    }
    return Evaluation(study, scores, verification, searches, report | {"warnings": _warnings(study, report)})


def _pair_scores(rows: Float32, study: Study) -> Float64:
    out, step = np.empty(len(study.pairs)), max(1, _IN_BLOCK // max(rows.shape[1], 1))
    for start in range(0, len(out), step):
        part = slice(start, start + step)
        out[part] = np.einsum("pd,pd->p", rows[study.pairs.first[part]], rows[study.pairs.second[part]])
    return out


def _search(rows: Float32, study: Study, plan: SearchPlan) -> Searches:
    step = max(1, _IN_BLOCK // max(len(plan.gallery), 1))
    gallery, who = rows[plan.gallery].T, study.subjects[plan.gallery]
    blocks = [plan.probes[start : start + step] for start in range(0, len(plan.probes), step)]
    return Searches.joined([searched(rows[block] @ gallery, study.subjects[block], who) for block in blocks])


def _enrolment(rows: Float32 | None, scores: Float64, reasons: Mapping[str, int] | None) -> dict[str, Any]:
    """Failure to enrol, ISO/IEC 19795-1:2021, 3.22: of templates; of comparisons where only their scores are known."""
    failed = np.isnan(scores if rows is None else rows[:, 0])
    low, high = wilson_interval(int(failed.sum()), len(failed))
    return {
        "of": "comparisons" if rows is None else "templates",
        "total": len(failed),
        "failed": int(failed.sum()),
        "rate": float(failed.mean()) if len(failed) else math.nan,
        "low": low,
        "high": high,
        "pictures_failed": dict(reasons or {}),
    }


def _verified(
    study: Study, scores: Float64, measured: Verification, confidence: float, resamples: int
) -> dict[str, Any]:
    pairs = study.pairs
    draws = max(50, min(resamples, _BOOTSTRAP_WORK // max(len(pairs), 1)))
    boot = SubjectBootstrap(
        scores, pairs.same, study.subjects[pairs.first], study.subjects[pairs.second], resamples=draws
    )
    # A rate that not even one false match of so many comparisons is was not measured.
    fmrs = [fmr for fmr in FMRS if fmr * len(measured.nonmated) >= 1 and len(measured.mated)]
    intervals = boot.fnmr_at_fmr(fmrs, confidence)
    out: dict[str, Any] = {
        "mated": len(measured.mated),
        "nonmated": len(measured.nonmated),
        "subjects": len(np.unique(study.subjects)),
        "eer": measured.eer,
        "at_fmr": [
            _at(measured, fmr, (drawn.low, drawn.high), confidence)
            for fmr, drawn in zip(fmrs, intervals, strict=True)
        ],
        "confidence": confidence,
        "resamples": draws,
    }  # fmt: skip
    if pairs.folds is not None and len(np.unique(pairs.folds)) > 1:
        accuracy, error = folded_accuracy(scores, pairs.same, pairs.folds)
        out["accuracy"] = {"mean": accuracy, "standard_error": error, "folds": len(np.unique(pairs.folds))}
        if (study.data, study.split, out["accuracy"]["folds"]) == (LFW_CARD.data, "pairs.txt", 10):
            out["accuracy"]["card"] = LFW_CARD.judge(lambda: accuracy)
    return out


def _at(measured: Verification, fmr: float, drawn: tuple[float, float], confidence: float) -> dict[str, Any]:
    threshold = measured.threshold_at(fmr)
    missed, false = measured.false_non_matches(threshold), measured.false_matches(threshold)
    low, high = _wider(drawn, wilson_interval(missed, len(measured.mated), confidence))
    return {
        "fmr": fmr,
        "threshold": threshold,
        "fmr_measured": measured.fmr(threshold),
        "false_matches": false,
        "fnmr": measured.fnmr(threshold),
        "low": low,
        "high": high,
        "false_non_matches": missed,
        "fnmr_of_enrolled": measured.made.fnmr(threshold),
        "enough": false >= ENOUGH_ERRORS and missed >= ENOUGH_ERRORS,
    }


def _wider(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Drawing people sees no error where none was made: never narrower than were comparisons independent."""
    if math.isnan(one[0]):
        return other
    return min(one[0], other[0]), max(one[1], other[1])


def _identified(
    study: Study, name: str, plan: SearchPlan, found: Searches, confidence: float, resamples: int
) -> dict[str, Any]:
    aside = plan.without_mate
    searches = len(found) if aside else int((~found.mated).sum())
    mated = int(found.mated.sum())
    ranks = [rank for rank in RANKS if rank <= max(1, len(plan.gallery))] if mated else []
    at, fpirs = [], [fpir for fpir in FPIRS if fpir * searches >= 1 and mated]
    draws = max(50, min(resamples, _BOOTSTRAP_WORK // max(len(found), 1)))
    intervals = fnir_at_fpir(found, study.subjects[plan.probes], fpirs, without_mate=aside, confidence=confidence,
                             resamples=draws)  # fmt: skip
    for fpir, drawn in zip(fpirs, intervals, strict=True):
        threshold = found.threshold_at(fpir, without_mate=aside)
        missed, alarms = found.missed(threshold), found.alarms(threshold, without_mate=aside)
        low, high = _wider((drawn.low, drawn.high), wilson_interval(missed, mated, confidence))
        at.append({
            "fpir": fpir, "threshold": threshold, "false_alarms": alarms,
            "fpir_measured": found.fpir(threshold, without_mate=aside), "fnir": found.fnir(threshold),
            "low": low, "high": high, "missed": missed,
            "enough": missed >= ENOUGH_ERRORS and alarms >= ENOUGH_ERRORS,
        })  # fmt: skip
    return {
        "gallery": name,
        "enrolled": len(plan.gallery),
        "mated_searches": mated,
        "nonmated_searches": searches,
        "nonmated_by": "taking the person out" if aside else "people who are not enrolled",
        "rank": [{"rank": rank, "hit_rate": 1 - found.fnir(rank=rank), "misses": found.missed(rank=rank)}
                 for rank in ranks],
        "at_fpir": at,
    }  # fmt: skip


def _grouped(study: Study, scores: Float64, measured: Verification, confidence: float) -> list[dict[str, Any]]:
    """Both rates by group, at the one threshold of all: so the demographic report of NIST (IR 8280, 2019) does it."""
    usable = [fmr for fmr in FMRS[1:] if fmr * len(measured.nonmated) >= ENOUGH_ERRORS] or [FMRS[0]]
    if not (len(measured.mated) and len(measured.nonmated)):
        return []
    threshold = measured.threshold_at(usable[-1])
    out = []
    for name, rows in _groups(study):
        own = Verification.of(scores[rows], study.pairs.same[rows])
        false, missed = own.false_matches(threshold), own.false_non_matches(threshold)
        out.append({
            "group": name, "threshold": threshold, "threshold_fmr": usable[-1],
            "mated": len(own.mated), "nonmated": len(own.nonmated),
            "fmr": own.fmr(threshold), "fmr_interval": wilson_interval(false, len(own.nonmated), confidence),
            "fnmr": own.fnmr(threshold), "fnmr_interval": wilson_interval(missed, len(own.mated), confidence),
            "not_compared": int(np.isnan(scores[rows]).sum()),
        })  # fmt: skip
    return out


def _groups(study: Study) -> Iterator[tuple[str, Any]]:
    """Rows of pairs by their own label, or by those of their two sides: "a", or "a with b"."""
    if study.pairs.groups is not None:
        names, code = np.unique(np.array(study.pairs.groups), return_inverse=True)
        labels = {at: str(name) for at, name in enumerate(names)}
    else:
        names, of = np.unique([template.group for template in study.templates], return_inverse=True)
        if not any(names):
            return
        sides = np.sort(np.stack([of[study.pairs.first], of[study.pairs.second]]), axis=0)
        code = sides[0] * len(names) + sides[1]
        labels = {
            one * len(names) + other: str(names[one]) if one == other else f"{names[one]} with {names[other]}"
            for one in range(len(names))
            for other in range(one, len(names))
        }
    for at in np.unique(code):
        yield labels[int(at)] or "(no label)", np.flatnonzero(code == at)


def _warnings(study: Study, report: Mapping[str, Any]) -> list[str]:
    said, verified = list[str](study.notes), report["verification"]
    if verified["subjects"] < FEW_SUBJECTS:
        said.append(f"only {verified['subjects']} people: intervals are too narrow, and others may fare otherwise")
    if study.subjects_inferred:
        said.append("no file names people: pictures that no pair calls the same are taken for different people's")
    missing = [fmr for fmr in FMRS if fmr * verified["nonmated"] < 1]
    if missing and verified["nonmated"]:
        rate = min(
            1, 3 / verified["nonmated"]
        )  # rule of three: none in N leaves 3 / N possible (Hanley, JAMA 249, 1983)
        said.append(f"FMR {missing[0]:g} cannot be measured: with {verified['nonmated']:,} non-mated comparisons"
                    f" even none false leaves {rate:.1g} possible")  # fmt: skip
    few = [row["fmr"] for row in verified["at_fmr"] if not row["enough"]]
    if few:
        said.append(f"fewer than {ENOUGH_ERRORS} errors of a kind at FMR {', '.join(f'{one:g}' for one in few)}:"
                    " not within 30 % of the truth with 90 % confidence")  # fmt: skip
    failed: Sequence[str] = [f"{count} x {why}" for why, count in report["enrolment"]["pictures_failed"].items()]
    if failed:
        said.append(f"pictures that gave no template: {', '.join(failed)}")
    return said
