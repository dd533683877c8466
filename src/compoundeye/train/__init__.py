"""Making models: settings, the parallel plan, the loop, checkpoints.

Guarantee: a run that is killed goes on where it was, on as many processes as there are now, and uses every picture of
an epoch once. Cost: importing this imports torch. Limit: needs the extra `train`.
"""

from compoundeye.train._checkpoint import Checkpoints
from compoundeye.train._clip import clip_gradients
from compoundeye.train._experts import split_experts
from compoundeye.train._layout import Layout, lay_out
from compoundeye.train._loader import Batch, Loader
from compoundeye.train._mix import mix
from compoundeye.train._parallel import parallelise
from compoundeye.train._peers import CheckpointError
from compoundeye.train._pipeline import Pipelined
from compoundeye.train._plan import Plan
from compoundeye.train._retention import Retention
from compoundeye.train._view import View

__all__ = [
    "Batch",
    "CheckpointError",
    "Checkpoints",
    "Layout",
    "Loader",
    "Pipelined",
    "Plan",
    "Retention",
    "View",
    "clip_gradients",
    "lay_out",
    "mix",
    "parallelise",
    "split_experts",
]
