"""Where work runs: this machine now; a job never sees which engine runs it.

Guarantee: results come back in the order of the shards, at most ``2 x workers`` are in flight, a killed worker
costs a retry of its shards, and workers end when their parent does, however it ends. Cost: a second or two to start
each worker process. Limit: one machine; Ray and Slurm take the same ``map``.
"""

from compoundeye.cluster._engine import Engine, WorkerError
from compoundeye.cluster._local import Local, available_cores

__all__ = ["Engine", "Local", "WorkerError", "available_cores"]
