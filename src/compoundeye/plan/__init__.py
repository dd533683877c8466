"""What a training will need before it is paid for: layouts, memory, time; and the dry run of any rank.

Guarantee: memory, FLOPs and traffic of the plan are those that the dry run measures when it executes the real step.
Cost: importing this imports torch. Limit: seconds follow from published tables; `eye benchmark` makes them yours.
"""

from compoundeye.plan._actual import Actual, Row, actual
from compoundeye.plan._as_recipe import as_recipe
from compoundeye.plan._budget import Budget, budget
from compoundeye.plan._case import Case
from compoundeye.plan._collective_time import collective_seconds
from compoundeye.plan._constants import Constants, constants, constants_for, constants_names
from compoundeye.plan._course import Course, course
from compoundeye.plan._defaults import default_settings, layout_of
from compoundeye.plan._dry_run import executed
from compoundeye.plan._dry_runs import dry_run
from compoundeye.plan._executed import Executed, Moment, Sent
from compoundeye.plan._language import Habits, LanguageModel, LanguageRun, language_tally
from compoundeye.plan._layouts import layouts
from compoundeye.plan._memory import Memory, memory
from compoundeye.plan._operations import Attention, Collective, Operation, Product, Streamed, Tally
from compoundeye.plan._picture import picture
from compoundeye.plan._planned import Planned, Wishes, planned
from compoundeye.plan._published import PublishedRun, fitted_half, published_runs
from compoundeye.plan._rules import refusal, shape_of
from compoundeye.plan._saved import Saving, Sizes, saving, sizes
from compoundeye.plan._search import Candidate, Measures, Search, candidate, case_of, search
from compoundeye.plan._tally import tally
from compoundeye.plan._time import StepTime, step_time
from compoundeye.plan._timeline import Bar

__all__ = [
    "Actual",
    "Attention",
    "Bar",
    "Budget",
    "Candidate",
    "Case",
    "Collective",
    "Constants",
    "Course",
    "Executed",
    "Habits",
    "LanguageModel",
    "LanguageRun",
    "Measures",
    "Memory",
    "Moment",
    "Operation",
    "Planned",
    "Product",
    "PublishedRun",
    "Row",
    "Saving",
    "Search",
    "Sent",
    "Sizes",
    "StepTime",
    "Streamed",
    "Tally",
    "Wishes",
    "actual",
    "as_recipe",
    "budget",
    "candidate",
    "case_of",
    "collective_seconds",
    "constants",
    "constants_for",
    "constants_names",
    "course",
    "default_settings",
    "dry_run",
    "executed",
    "fitted_half",
    "language_tally",
    "layout_of",
    "layouts",
    "memory",
    "picture",
    "planned",
    "published_runs",
    "refusal",
    "saving",
    "search",
    "shape_of",
    "sizes",
    "step_time",
    "tally",
]
