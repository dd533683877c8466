"""Ranks executed in processes of their own."""

from __future__ import annotations

import pytest
from tiny import case

from compoundeye.plan import dry_run
from compoundeye.records import EyeError


def test_ranks_run_in_processes_of_their_own() -> None:
    told: list[int] = []
    of = case(1024, batch=1024, plan={"tensor": 4, "precision": "bf16"})
    found = dry_run(of, [1023, 0], tell=lambda one: told.append(one.rank))
    assert told == [one.rank for one in found] == [1023, 0]
    assert found[0].flops == found[1].flops
    assert all(one.world_size == 1024 and one.seconds > 0 and one.host_memory > 1e8 for one in found)


def test_what_a_real_run_refuses_is_refused_in_the_same_words() -> None:
    with pytest.raises(EyeError, match="4 heads do not divide into context 8"):
        dry_run(case(8, plan={"context": 8}), [0, 1])
