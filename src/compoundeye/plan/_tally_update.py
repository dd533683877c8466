"""What happens once a step, after the last backward pass: the norm of gradients, the optimiser, the average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compoundeye.plan._ledger import Group, Ledger
from compoundeye.plan._operations import Dimension, Operation
from compoundeye.plan._tally_muon import matrices, orthogonalised
from compoundeye.plan._tally_shares import Share
from compoundeye.train import Settings

_FLOAT = 4
_DOUBLE = 8
_PASSES = {"adamw": 20, "sgd": 14, "muon": 14}
"""Numbers read and written for each parameter by `torch.optim`, each operation by itself. AdamW: decay 2, first moment
3, second 2 + 3, root 2, quotient 2, epsilon 2, change 4. SGD: decay 3, momentum 2 + 3, Nesterov 3, change 3. Muon:
momentum 3, Nesterov 3, cast 1.5, length and quotient 1.5, decay 2, change 3."""
_OF_HEAD = {False: (26, 40), True: (11, 20)}
"""The same of a margin softmax's own optimisers (AdamW; SGD if true): where all classes take part, and where rows are
copied out and back."""


def update(
    shares: Sequence[Share],
    places: Sequence[tuple[Group, ...]],
    groups: Mapping[Dimension, Group],
    settings: Settings,
    *,
    figures: int,
    head: tuple[int, int] = (0, 0),
) -> list[Operation]:
    """All of it.

    Args:
        places: of gradients: groups that each kind of gradient is cut over.
        figures: how many are summed over data ranks for the log.
        head: of a margin softmax, numbers that take part in the step on this rank, and all of them.
    """
    ledger = Ledger(1.0, "fp32")
    ledger.call("pictures", "forward", "all_reduce", groups["data"], 3 * _DOUBLE, hidden=False)
    for place in places:
        for group in place:
            ledger.call("clip", "update", "all_reduce", group, _FLOAT, hidden=False)
    ledger.call("clip", "update", "all_reduce", groups["pipeline"], _FLOAT, hidden=False)
    ledger.call("figures", "update", "all_reduce", groups["data"], figures * _DOUBLE, hidden=False)
    numbers = learnt = sum(share.held for share in shares if share.unit.learns)
    touched, every = head
    ledger.stream("clip", "update", (3 if settings.optimiser.clip else 1) * (learnt + touched) * _FLOAT)
    if settings.optimiser.name == "muon":
        hidden = _muon(ledger, shares)
        ledger.stream("muon", "update", _PASSES["muon"] * hidden * _FLOAT)
        numbers -= hidden
    others = _PASSES["sgd" if settings.optimiser.name == "sgd" else "adamw"]
    ledger.stream("optimiser", "update", others * numbers * _FLOAT)
    if touched:
        passes = _OF_HEAD[settings.optimiser.name == "sgd"]
        ledger.stream("head.optimiser", "update", passes[touched < every] * touched * _FLOAT)
    if settings.optimiser.ema:
        ledger.stream("average", "update", 3 * (learnt + every) * _FLOAT)
    return ledger.operations


def _muon(ledger: Ledger, shares: Sequence[Share]) -> int:
    """How many numbers it updates on this rank."""
    hidden = 0
    for share in shares:
        if share.unit.learns and (sizes := matrices(share.unit)):
            ledger.operations += orthogonalised(sizes, share.shard, share.number)
            hidden += share.number * sum(-(-n // share.shard.size) * m for n, m in sizes)
    return hidden
