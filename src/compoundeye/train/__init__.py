"""Making models: settings, the parallel plan, the loop, checkpoints.

Guarantee: a run that is killed goes on where it was, on as many processes as there are now, and uses every picture of
an epoch once. Cost: importing this imports torch. Limit: needs the extra `train`.
"""

from compoundeye.train._checkpoint import Checkpoints
from compoundeye.train._clip import clip_gradients
from compoundeye.train._data import training
from compoundeye.train._experts import split_experts
from compoundeye.train._export import export
from compoundeye.train._launch import launch, launched
from compoundeye.train._layout import Layout, lay_out
from compoundeye.train._learner import Learner, learner
from compoundeye.train._loader import Batch, Loader
from compoundeye.train._loop import Moment
from compoundeye.train._mix import mix
from compoundeye.train._parallel import parallelise
from compoundeye.train._peers import CheckpointError
from compoundeye.train._pipeline import Pipelined, cut
from compoundeye.train._plan import Plan
from compoundeye.train._recipe import read_recipe, settings_of
from compoundeye.train._retention import Retention
from compoundeye.train._settings import Settings
from compoundeye.train._step import Stepper, total_of
from compoundeye.train._train import Trained, train
from compoundeye.train._view import View
from compoundeye.train._work import Work, shared

__all__ = [
    "Batch",
    "CheckpointError",
    "Checkpoints",
    "Layout",
    "Learner",
    "Loader",
    "Moment",
    "Pipelined",
    "Plan",
    "Retention",
    "Settings",
    "Stepper",
    "Trained",
    "View",
    "Work",
    "clip_gradients",
    "cut",
    "export",
    "launch",
    "launched",
    "lay_out",
    "learner",
    "mix",
    "parallelise",
    "read_recipe",
    "settings_of",
    "shared",
    "split_experts",
    "total_of",
    "train",
    "training",
]
