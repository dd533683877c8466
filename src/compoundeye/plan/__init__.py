"""What a training will need before it is paid for: layouts, memory, time; and the dry run of any rank.

Guarantee: memory, FLOPs and traffic of the plan are those that the dry run measures when it executes the real step.
Cost: importing this imports torch. Limit: seconds follow from published tables; `eye benchmark` makes them yours.
"""

from compoundeye.plan._case import Case
from compoundeye.plan._dry_run import executed
from compoundeye.plan._dry_runs import dry_run
from compoundeye.plan._executed import Executed, Moment, Sent
from compoundeye.plan._memory import Memory, memory
from compoundeye.plan._operations import Attention, Collective, Operation, Product, Streamed, Tally

__all__ = [
    "Attention",
    "Case",
    "Collective",
    "Executed",
    "Memory",
    "Moment",
    "Operation",
    "Product",
    "Sent",
    "Streamed",
    "Tally",
    "dry_run",
    "executed",
    "memory",
]
