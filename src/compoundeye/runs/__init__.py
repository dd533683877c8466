"""What trainings leave behind: a folder a run, to list, compare and explain.

Guarantee: plain files that other tools read (JSON, JSON Lines, Parquet, TensorBoard), each whole or not there at all;
a kill at any moment costs at most the line that was being written. Cost: reading one run's metrics reads that file.
Limit: runs are found in one folder, not in a database; a failure of the machine may cost the last lines.
"""

from compoundeye.runs._error import RunError
from compoundeye.runs._folder import VALIDATION, RunFolder
from compoundeye.runs._metrics import Line, read_metrics, series

__all__ = ["VALIDATION", "Line", "RunError", "RunFolder", "read_metrics", "series"]
