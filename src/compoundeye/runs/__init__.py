"""What trainings leave behind: a folder a run, to list, compare and explain.

Guarantee: plain files that other tools read (JSON, JSON Lines, TensorBoard). Cost: reading one run's metrics reads
that file. Limit: runs are found in one folder, not in a database.
"""

__all__: list[str] = []
