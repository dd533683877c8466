"""What happens once a step, after the last backward pass: the norm of gradients, the optimiser, the average."""

from __future__ import annotations

from collections.abc import Sequence

from compoundeye.plan._ledger import Group, Ledger
from compoundeye.plan._operations import Operation
from compoundeye.plan._tally_units import Unit

_FLOAT = 4
_DOUBLE = 8
_PASSES = {"adamw": 20, "sgd": 14, "muon": 20}
"""Numbers read and written for each parameter by `torch.optim`'s ``foreach`` loops, each an operation of its own: AdamW
decay 2, first moment 3, second 2 + 3, root 2, quotient 2, epsilon 2, change 4; SGD decay 3, momentum 2 + 3, Nesterov 3,
change 3."""
_OF_HEAD = {True: (26, 10), False: (33, 15)}
"""The same of a margin softmax's own optimisers (AdamW, SGD), by whether all classes take part; else rows are copied."""


def update(
    held: Sequence[tuple[Unit, int]],
    places: Sequence[tuple[Group, ...]],
    groups: dict[str, Group],
    *,
    optimiser: str,
    clip: bool,
    average: bool,
    figures: int,
) -> list[Operation]:
    """All of it.

    Args:
        held: units and how many numbers of each this rank has.
        places: of gradients: groups that each kind of gradient is cut over.
        figures: how many are summed over data ranks for the log.
    """
    ledger = Ledger(1.0, "fp32")
    ledger.call("pictures", "forward", "all_reduce", groups["data"], 3 * _DOUBLE, hidden=False)
    for place in places:
        for group in place:
            ledger.call("clip", "update", "all_reduce", group, _FLOAT, hidden=False)
    ledger.call("clip", "update", "all_reduce", groups["pipeline"], _FLOAT, hidden=False)
    ledger.call("figures", "update", "all_reduce", groups["data"], figures * _DOUBLE, hidden=False)
    learnt = sum(numbers for unit, numbers in held if unit.learns)
    ledger.stream("clip", "update", (3 if clip else 1) * learnt * _FLOAT)
    ledger.stream("optimiser", "update", _PASSES[optimiser] * learnt * _FLOAT)
    if average:
        ledger.stream("average", "update", 3 * learnt * _FLOAT)
    return ledger.operations
