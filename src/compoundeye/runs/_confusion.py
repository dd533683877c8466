"""A confusion matrix as a picture that can be read, for ten classes as for many thousands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.runs._figure import draw_figure, lettering
from compoundeye.runs._mistakes import Answered, matrix, most_confused

MOST = 24
"""Classes in one picture: more cannot be read."""
_NUMBERED = 16
"""Classes up to which each cell says its number of pictures; above, those of mistakes that stand out do."""
_LONGEST = 22


def draw_confusion(found: Answered, out: Path) -> None:
    """Draw the matrix into a PNG: rows are what pictures show, columns what they were taken for.

    Colour is the share of a row; of the diagonal, which would outshine all, only the numbers are shown. Of more than
    24 classes those are shown that are taken for each other most, neighbours beside each other.

    Raises:
        RunError: matplotlib is not installed, or nothing can be written there.
    """
    block = most_confused(found, MOST)
    if not block:  # more classes than fit, and not one mistake
        block = list(range(min(MOST, len(found.names))))
    side = 2.6 + 0.42 * len(block)
    draw_figure(out, (side + 1.0, side), lambda figure: _drawn(figure, found, block))


def _drawn(figure: Any, found: Answered, block: list[int]) -> None:
    counts = matrix(found, block)
    totals = np.bincount(found.target, minlength=len(found.names))[block]
    names = [lettering(found.names[one], _LONGEST) for one in block]
    panel = figure.subplots()
    shares = counts / np.maximum(totals, 1)[:, None]
    off = np.where(np.eye(len(block), dtype=bool), np.nan, shares)
    most = float(np.nanmax(off)) if len(block) > 1 and np.nanmax(off) > 0 else 1.0
    image = panel.imshow(off, cmap="OrRd", vmin=0, vmax=most)
    panel.set_xticks(range(len(block)), names, rotation=90, fontsize=8)
    panel.set_yticks(range(len(block)), names, fontsize=8)
    panel.set_xlabel("taken for")
    panel.set_ylabel("shows")
    _number(panel, counts, off / most)
    _frame(panel, len(block))
    bar = figure.colorbar(image, ax=panel, shrink=0.6, label="share of the row's pictures")
    bar.ax.yaxis.set_major_formatter(_percent())
    panel.set_title(_title(found, counts), fontsize=10, loc="left")


def _percent() -> Any:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1, decimals=None)


def _number(panel: Any, counts: Any, strength: Any) -> None:
    for row in range(len(counts)):
        for column in range(len(counts)):
            count, own = int(counts[row, column]), row == column
            if not count or (not own and len(counts) > _NUMBERED and strength[row, column] < 0.2):
                continue
            light = not own and strength[row, column] > 0.6
            panel.text(
                column,
                row,
                _figure(count),
                ha="center",
                va="center",
                fontsize=7,
                color="white" if light else ("#777777" if own else "black"),
            )


def _figure(count: int) -> str:
    if count < 10_000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 1_000_000 else f"{count / 1e6:.1f}M"


def _frame(panel: Any, classes: int) -> None:
    panel.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    panel.grid(which="minor", color="#dddddd", linewidth=0.5)
    panel.tick_params(which="both", length=0)


def _title(found: Answered, counts: Any) -> str:
    wrong = len(found.target) - found.right
    text = f"{found.right:,} of {len(found.target):,} right"
    if len(counts) == len(found.names):
        return text
    inside = int(counts.sum() - counts.trace())
    share = f"{inside / wrong:.0%} of the {wrong:,} mistakes" if wrong else "there are no mistakes"
    return f"{text}; the {len(counts)} of {len(found.names):,} classes confused most\n({share})"
