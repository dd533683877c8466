"""What came of categorising, counted from the corpus itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from compoundeye.categorise._calibrate import Quality, quality
from compoundeye.categorise._corrected import DATA, judge, nodes_of
from compoundeye.categorise._promise import Promise, of_answers
from compoundeye.corpus import Corpus
from compoundeye.models import Labels
from compoundeye.records import Account


@dataclass(frozen=True, slots=True)
class CategoriseReport:
    """The same for all three ways; every number is of the whole corpus unless it says otherwise."""

    name: str
    """Of the result's columns."""
    way: str
    """"labels", "examples" or "text"."""
    classifier: str
    """What decides, in words."""
    by: str
    """Model, weights digest, arithmetic and recipe, as each row carries it."""
    account: Account
    counts: dict[str, int]
    """Labelled pictures by category, the largest first."""
    abstained: dict[str, int]
    """Abstained pictures by reason."""
    quality: Quality
    """How well the confidences fit, before this corpus: on examples or corrections."""
    promise: Promise
    """What is known of the precision asked for."""
    corrected: Quality | None
    """How well the confidences fit the corrections in this corpus; None where there are none to compare with."""
    corrected_precision: Promise | None
    """How precise the answers are on those corrections."""
    refused: tuple[tuple[str, str], ...]
    """Examples that could not be used: where and why."""
    new: int
    """Pictures categorised by this run; the rest had their results."""
    seconds: float
    """Of this run."""

    @property
    def coverage(self) -> float:
        """Share of the pictures that got a category; NaN for an empty corpus."""
        return self.account.done / self.account.seen if self.account.seen else float("nan")

    @property
    def rate(self) -> float:
        """Pictures a second in this run, loading and committing included."""
        return self.new / self.seconds if self.seconds else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "name": self.name,
            "way": self.way,
            "classifier": self.classifier,
            "by": self.by,
            "account": self.account.as_dict(),
            "coverage": self.coverage,
            "counts": self.counts,
            "abstained": self.abstained,
            "calibration": self.quality.as_dict(),
            "precision": self.promise.as_dict(),
            "corrected": None if self.corrected is None else self.corrected.as_dict(),
            "corrected_precision": None if self.corrected_precision is None else self.corrected_precision.as_dict(),
            "refused_examples": [{"where": where, "why": why} for where, why in self.refused],
            "new": self.new,
            "seconds": self.seconds,
            "rate": self.rate,
        }


def tally(corpus: Corpus, name: str) -> tuple[Account, dict[str, int], dict[str, int]]:
    """Account, counts by category, and abstentions by reason; one pass, in memory of one batch.

    Raises:
        AccountError: a picture has no outcome, or a failure no reason.
    """
    rows: Counter[tuple[str | None, str | None, str | None]] = Counter()
    keys = [name, f"{name}_state", f"{name}_reason"]
    for batch in corpus.dataset.scanner(columns=keys).to_batches():
        groups = pa.table(batch).group_by(keys).aggregate([([], "count_all")])
        for row in groups.to_pylist():
            category, state, reason = (row[key] for key in keys)
            rows[category, state, reason] += row["count_all"]
    account, counts, abstained = Account(), Counter[str](), Counter[str]()
    for (category, state, reason), count in rows.items():
        account.seen += count
        if state == "done" and category is not None:
            account.done += count
            counts[category] += count
        elif state == "abstained":
            account.abstained += count
            abstained[reason or ""] += count
        elif state == "failed":
            account.failed += count
            account.reasons[reason or ""] += count
    largest = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return account.check(), largest, dict(abstained)


def against_corrections(corpus: Corpus, name: str, labels: Labels) -> tuple[Quality | None, Promise | None]:
    """How good the answers in the corpus are where people have labelled; None where nothing can be compared.

    Args:
        labels: the categories that could be answered, with their tree if they have one.
    """
    if not corpus.has_column("label"):
        return None, None
    columns = ["label", name, f"{name}_best", f"{name}_best_confidence", f"{name}_state"]
    table = corpus.dataset.to_table(columns=columns, filter=f"label IS NOT NULL AND {name}_state <> 'failed'")
    words, category, best, sure, _ = (table[column].to_pylist() for column in columns)
    truth_leaf = nodes_of(words, labels.names)
    told = truth_leaf >= 0
    if not told.any():
        return None, None
    right_best = nodes_of(best, labels.names)[told] == truth_leaf[told]
    fit = quality(np.array(sure, np.float64)[told], right_best, "none", DATA)
    names = labels.names if labels.tree is None else labels.tree.names
    truth = nodes_of(words, names)
    said = nodes_of([one or "" for one in category], names)
    right, clear = (truth == said, truth >= 0)
    if labels.tree is not None:
        known = truth >= 0
        right, clear = np.zeros(len(truth), np.bool_), np.zeros(len(truth), np.bool_)
        right[known], clear[known] = judge(said[known], truth[known], labels.tree)
        clear |= known & (said < 0)
    return fit, of_answers((said >= 0)[clear], right[clear], None)
