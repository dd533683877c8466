"""Muon's orthogonalisation of hidden matrices, which costs products and talk: five steps of Newton and Schulz each.

`torch.optim.Muon` works on sharded matrices as they are. Of one [n, m] whose rows are cut over R ranks, with n <= m,
X X^T and its square are computed by rows, for which X, X X^T and X are gathered in every step. A taller one is
transposed: its columns are cut then, X X^T is a sum over ranks, and its square is computed on each of them.
Exact for few ranks and small matrices only: DTensor weighs other ways of cutting, and takes them where they send less.
"""

from __future__ import annotations

from functools import lru_cache

from compoundeye.plan._ledger import Group, Ledger
from compoundeye.plan._operations import Operation
from compoundeye.plan._tally_units import Unit

_STEPS = 5
_WIDTH = 2
"""It computes in bfloat16."""


def matrices(unit: Unit) -> tuple[tuple[int, int], ...]:
    """Of a block: those that Muon updates. Its experts' are stacked and not among them."""
    if not unit.name.endswith("block"):
        return ()
    return tuple((one.shape[0], one.shape[1]) for one in unit.parameters if len(one.shape) == 2 and not one.bias)


@lru_cache(maxsize=4096)
def orthogonalised(sizes: tuple[tuple[int, int], ...], shard: Group, number: int) -> tuple[Operation, ...]:
    """The update of ``number`` units with these matrices, each [rows, columns]."""
    ledger = Ledger(number, "bf16")
    for n, m in sizes:
        ledger.count = number
        ledger.call("muon", "update", "all_reduce", shard, _WIDTH, hidden=False)
        ledger.count = number * _STEPS
        mine = -(-n // shard.size)
        if n <= m:
            filled = mine * shard.size
            for columns, inner, size in ((n, m, m * filled), (n, n, n * filled), (m, n, m * filled)):
                ledger.call("muon", "update", "all_gather", shard, size * _WIDTH, hidden=False)
                ledger.product("muon", "update", mine, columns, inner)
            continue
        ledger.product("muon", "update", m, m, mine)
        for columns in (m, mine):
            ledger.call("muon", "update", "all_reduce", shard, m * m * _WIDTH, hidden=False)
            ledger.product("muon", "update", m, columns, m)
    return tuple(ledger.operations)
