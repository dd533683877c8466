"""What the optimiser makes on its way."""

from __future__ import annotations

from collections.abc import Sequence

from compoundeye.plan._memory_course import Course
from compoundeye.plan._memory_heads import Head
from compoundeye.plan._memory_sharing import Shared


def update(course: Course, optimiser: str, held: Sequence[Shared], head: Head) -> None:
    """Parameters one after the other, as on a processor.

    AdamW makes the root of the second moment and its quotient while those of the parameter before are still there.
    """
    head.update(course)
    largest = max(one.largest for one in held)
    course.passed("temporaries", (2 if optimiser == "sgd" else 3) * largest)
