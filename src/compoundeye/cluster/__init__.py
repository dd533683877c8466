"""Where work runs: this machine now; a job never sees which engine runs it.

Guarantee: results come back in the order of the shards, at most ``2 x workers`` are in flight, a worker that is
killed costs one retry of its shards. Cost: a second or two to start each worker process. Limit: one machine;
Ray and Slurm take the same ``map``.
"""

from compoundeye.cluster._engine import Engine
from compoundeye.cluster._local import Local, WorkerError, available_cores

__all__ = ["Engine", "Local", "WorkerError", "available_cores"]
