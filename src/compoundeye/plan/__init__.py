"""What a training will need before it is paid for: layouts, memory, time; and the dry run of any rank.

Guarantee: memory, FLOPs and traffic of the plan are those that the dry run measures when it executes the real step.
Cost: importing this imports torch. Limit: seconds follow from published tables; `eye benchmark` makes them yours.
"""

from compoundeye.plan._case import Case
from compoundeye.plan._collective_time import collective_seconds
from compoundeye.plan._constants import Constants, constants, constants_for, constants_names
from compoundeye.plan._dry_run import executed
from compoundeye.plan._dry_runs import dry_run
from compoundeye.plan._executed import Executed, Moment, Sent
from compoundeye.plan._language import Habits, LanguageModel, LanguageRun, language_tally
from compoundeye.plan._memory import Memory, memory
from compoundeye.plan._operations import Attention, Collective, Operation, Product, Streamed, Tally
from compoundeye.plan._published import PublishedRun, fitted_half, published_runs
from compoundeye.plan._tally import tally
from compoundeye.plan._time import StepTime, step_time

__all__ = [
    "Attention",
    "Case",
    "Collective",
    "Constants",
    "Executed",
    "Habits",
    "LanguageModel",
    "LanguageRun",
    "Memory",
    "Moment",
    "Operation",
    "Product",
    "PublishedRun",
    "Sent",
    "StepTime",
    "Streamed",
    "Tally",
    "collective_seconds",
    "constants",
    "constants_for",
    "constants_names",
    "dry_run",
    "executed",
    "fitted_half",
    "language_tally",
    "memory",
    "published_runs",
    "step_time",
    "tally",
]
