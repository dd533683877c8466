"""The parallel plan."""

import pytest

from compoundeye.records import EyeError
from compoundeye.train import Plan


def test_shard_takes_what_is_left() -> None:
    assert Plan(tensor=2).fit(8).shard == 4


def test_a_plan_for_another_world_is_refused() -> None:
    with pytest.raises(EyeError, match="needs 6 processes"):
        Plan(tensor=2, shard=3).fit(8)
