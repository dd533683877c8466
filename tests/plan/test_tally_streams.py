"""Bytes of memory-bound operations against those of the operations that run, counted one by one."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import torch
from tallies import FULL, HUGE, SELECTIVE, case
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from compoundeye.plan import Case, Streamed, executed, tally
from compoundeye.plan._trackers import Trackers

VIEWS = frozenset(
    (
        *("view", "_unsafe_view", "expand", "transpose", "t", "permute", "slice", "select", "split", "unbind", "chunk"),
        *("as_strided", "detach", "alias", "unsqueeze", "squeeze", "empty", "new_empty", "empty_like", "empty_strided"),
        *("new_empty_strided", "device", "lift_fresh"),
    )
)
"""Operations that neither read nor write."""
SPARSE = ("index_put_", "index")
"""Of a margin softmax: they touch one number in each row."""
WRITES = ("copy_", "zero_", "fill_", "normal_", "bernoulli_")
"""What was there before is not read."""

WIDE = {"width": 128, "heads": 2, "hidden": 512}
"""Statistics of a normalised head are few beside its numbers."""
CASES: dict[str, Case] = {
    "plain": case(1, {"depth": 3}),
    "computed again": case(1, {"depth": 3}, **FULL),
    "huge": case(1, {**HUGE, **WIDE, "norm": "layer"}, **SELECTIVE),
    "all that comes after": case(1, {"depth": 3, "layer_scale": 0.1, "drop_path": 0.1, "activation": "quick_gelu"}),
    "margin": case(1, {"depth": 1}, {"kind": "margin", "dimension": 64}, classes=100_000),
    "masked": case(1, {"depth": 2, "positions": "sine"}, {"kind": "masked", "decoder": {"width": 64}}),
}


class Bytes:
    """What operations other than products read and write, by phase, in the step that is counted."""

    def __init__(self) -> None:
        self.found: dict[str, int] = defaultdict(int)

    def saw(self, phase: str, function: Any, arguments: Any, options: Any, result: Any) -> None:
        name = function._opname
        if name in VIEWS or name in SPARSE or function._overloadpacket in flop_registry or "attention" in name:
            return
        size = _bytes((arguments, options)) + _bytes(result)
        if result is None:  # a list that is changed where it is
            size += _bytes(arguments[0])
        self.found[phase] += size - (_bytes(arguments[0]) if name in WRITES else 0)


@pytest.mark.parametrize("name", CASES)
def test_streamed_bytes_are_those_of_the_operations(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count, plain, restart = Bytes(), Trackers.__torch_dispatch__, Trackers.restart

    def dispatched(self: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = plain(self, func, types, args, kwargs)
        if result is not NotImplemented and isinstance(func, torch._ops.OpOverload):
            count.saw(self.phase, func, args, kwargs, result)
        return result

    def restarted(self: Any) -> None:
        count.found.clear()
        restart(self)

    monkeypatch.setattr(Trackers, "__torch_dispatch__", dispatched)
    monkeypatch.setattr(Trackers, "restart", restarted)
    executed(CASES[name], 0)
    mine: dict[str, float] = defaultdict(float)
    for one in tally(CASES[name]).operations:
        if isinstance(one, Streamed):
            mine[one.phase] += one.bytes * one.count
    for phase in count.found:
        # Small ones are left out: statistics of norms, scalars, a loss of ten classes.
        assert mine[phase] == pytest.approx(count.found[phase], rel=0.1), phase


def _bytes(values: Any) -> int:
    return sum(one.numel() * one.element_size() for one in tree_leaves(values) if isinstance(one, torch.Tensor))
