"""The curve of `eye face evaluate`: misses against false matches, and where there are too few to tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.apps.face import Evaluation

SIZE = (7.0, 5.5)
LINE, POINT, DOUBT = "#1f6f8b", "#c2410c", "#9ca3af"


def draw_det(measured: Evaluation, out: Path) -> None:
    """Draw FNMR over FMR, both logarithmic as NIST draws them, with an interval at each reported FMR.

    Raises:
        EyeError: there is nothing to draw, matplotlib is not installed, or nothing can be written there.
    """
    from compoundeye.evaluate import ENOUGH_ERRORS
    from compoundeye.runs import draw_figure

    found = measured.verification
    if not (len(found.mated) and len(found.nonmated)):
        raise EyeError("a curve needs mated and non-mated comparisons; one kind is missing")
    curve = found.det()
    floor_x, floor_y = 1 / len(found.nonmated), 1 / len(found.mated)

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.axvspan(floor_x / 2, ENOUGH_ERRORS * floor_x, color=DOUBT, alpha=0.18, linewidth=0,
                     label=f"fewer than {ENOUGH_ERRORS} false matches")  # fmt: skip
        axes.axhspan(floor_y / 2, ENOUGH_ERRORS * floor_y, color=DOUBT, alpha=0.18, linewidth=0, hatch="//",
                     label=f"fewer than {ENOUGH_ERRORS} false non-matches")  # fmt: skip
        axes.step(curve.fmr.clip(floor_x / 2), curve.fnmr.clip(floor_y / 2), where="pre", color=LINE)
        verified = measured.report["verification"]
        rows = verified["at_fmr"]
        middle = [max(row["fnmr"], floor_y / 2) for row in rows]
        below = [at - min(at, max(row["low"], floor_y / 2)) for at, row in zip(middle, rows, strict=True)]
        above = [max(row["high"], at) - at for at, row in zip(middle, rows, strict=True)]
        axes.errorbar([row["fmr"] for row in rows], middle, yerr=[below, above], fmt="o", color=POINT, markersize=4,
                      capsize=3, linewidth=1, label=f"{verified['confidence']:.0%} interval")  # fmt: skip
        axes.set(xscale="log", yscale="log", xlim=(floor_x / 2, 1), ylim=(floor_y / 2, 1))
        axes.set(xlabel="false match rate (FMR)", ylabel="false non-match rate (FNMR); on the lower edge: none")
        axes.set_title(f"{len(found.mated):,} mated, {len(found.nonmated):,} non-mated comparisons;"
                       f" EER {found.eer:.2%}", fontsize=10)  # fmt: skip
        axes.grid(True, which="major", linewidth=0.5, alpha=0.5)
        axes.legend(fontsize=8, loc="upper right")

    draw_figure(out, SIZE, draw)
