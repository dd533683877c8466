"""What trainings leave behind: a folder a run, to list, compare and explain.

Guarantee: plain files that other tools read (JSON, JSON Lines, Parquet, TensorBoard), each whole or not there at all;
a kill at any moment costs at most the line that was being written. Cost: reading one run's metrics reads that file.
Limit: runs are found in one folder, not in a database; a failure of the machine may cost the last lines.
"""

from compoundeye.runs._compare import Comparison, compare
from compoundeye.runs._curves import COLOURS
from compoundeye.runs._differences import Difference, differences
from compoundeye.runs._error import RunError
from compoundeye.runs._explain import Explanation, Mistake, explain
from compoundeye.runs._figure import draw_figure
from compoundeye.runs._folder import VALIDATION, RunFolder
from compoundeye.runs._list import RunRow, list_runs
from compoundeye.runs._matrix import ConfusionMatrix, confusion_matrix
from compoundeye.runs._metrics import Line, read_metrics, series
from compoundeye.runs._mistakes import ClassRow, Confusion

__all__ = [
    "COLOURS",
    "VALIDATION",
    "ClassRow",
    "Comparison",
    "Confusion",
    "ConfusionMatrix",
    "Difference",
    "Explanation",
    "Line",
    "Mistake",
    "RunError",
    "RunFolder",
    "RunRow",
    "compare",
    "confusion_matrix",
    "differences",
    "draw_figure",
    "explain",
    "list_runs",
    "read_metrics",
    "series",
]
