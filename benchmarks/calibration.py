"""How true confidences and promised precisions come out on pictures that nobody has learnt from.

    python benchmarks/calibration.py            # digits, about half a minute
    python benchmarks/calibration.py --json

Data: scikit-learn's 1,797 handwritten digits (8x8, ten categories), their pixels as the embedding. For each number of
examples a category and each precision asked for, examples are drawn again and again and the rest is the test. Printed:
how often a promise was made ("shown"), how many of those broke on the test (one in ten may: promises are at 90 %
confidence), precision and coverage on the test, and the calibration error there (15 bins of equal mass).

With ``--strangers`` the examples are of the digits 0 to 5, and the test holds 6 to 9 too, which nobody has an example
of: any label for them is wrong. No promise covers those; the guard against strangers is all there is.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from compoundeye.categorise._learn import learn
from compoundeye.categorise._look import Looked
from compoundeye.evaluate import expected_calibration_error

PIXELS, DIGIT = load_digits(return_X_y=True)
PIXELS = PIXELS.astype(np.float16)
KNOWN = 6


def one_draw(per_category: int, precision: float | None, seed: int, strangers: bool) -> dict[str, float]:
    """Learn from some, test on the rest."""
    rng = np.random.default_rng(seed)
    categories = range(KNOWN if strangers else 10)
    every = [rng.permutation(np.flatnonzero(np.equal(DIGIT, digit))) for digit in categories]
    chosen = np.concatenate([some[:per_category] for some in every])
    rest = np.setdiff1d(np.arange(len(DIGIT)), chosen)
    chosen = rng.permutation(chosen)
    learnt = learn(PIXELS[chosen], [str(digit) for digit in DIGIT[chosen]], precision)
    found = learnt.rule.answer(Looked(PIXELS[rest], None, None, [None] * len(rest)))
    truth = DIGIT[rest].astype(str)
    right_best = np.array(learnt.rule.names)[found.best] == truth
    said = found.category >= 0
    member = np.isin(DIGIT[rest], list(categories))
    return {
        "shown": float(learnt.promise.shown),
        "precision": float(right_best[said].mean()) if said.any() else float("nan"),
        "coverage": float(said[member].mean()),
        "strangers_labelled": float(said[~member].mean()) if strangers else float("nan"),
        "ece": expected_calibration_error(found.best_confidence[member], right_best[member], by="mass"),
        "ece_reported": learnt.quality.ece,
        "accuracy": float(right_best[member].mean()),
        "accuracy_reported": learnt.quality.accuracy,
    }


def setting(per_category: int, precision: float | None, draws: int, strangers: bool) -> dict[str, Any]:
    """Many draws, as one line."""
    found = [one_draw(per_category, precision, seed, strangers) for seed in range(draws)]
    mean = {key: float(np.nanmean([one[key] for one in found])) for key in found[0] if not _empty(found, key)}
    shown = [one for one in found if one["shown"]]
    broken = sum(one["precision"] < (precision or 0) for one in shown)
    counts = {"draws": draws, "promises": len(shown), "broken": broken}
    return {"per_category": per_category, "asked": precision, **counts, **mean}


def _empty(found: list[dict[str, float]], key: str) -> bool:
    return all(np.isnan(one[key]) for one in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--strangers", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lines = [
        setting(per_category, precision, options.draws, options.strangers)
        for per_category in (3, 5, 10, 20, 50)
        for precision in (None, 0.9, 0.95, 0.98)
    ]
    if options.json:
        print(json.dumps(lines, indent=2))
        return
    print("examples    asked | promises | precision  coverage | ECE, reported | accuracy, reported")
    print("of each           | broken   | on the test         |               |")
    for line in lines:
        asked = "-" if line["asked"] is None else f"{line['asked']:.2f}"
        parts = [
            f"{line['per_category']:>7}  {asked:>8}",
            f"{line['broken']:>2} of {line['promises']:>2}",
            f"{line.get('precision', float('nan')):>9.3f}  {line['coverage']:>8.3f}",
            f"{line['ece']:>5.3f}  {line['ece_reported']:>5.3f} ",
            f"{line['accuracy']:>6.3f}  {line['accuracy_reported']:>6.3f}",
        ]
        if "strangers_labelled" in line:
            parts.append(f"strangers labelled {line['strangers_labelled']:.3f}")
        print(" | ".join(parts))


if __name__ == "__main__":
    main()
