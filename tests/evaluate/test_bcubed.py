"""BCubed against a count by hand, thing by thing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.evaluate import bcubed

LABELS = st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 4)), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(LABELS)
def test_bcubed_equals_a_count_thing_by_thing(labels: list[tuple[int, int]]) -> None:
    precision, recall = list[float](), list[float]()
    for at, (put, kind) in enumerate(labels):
        mine = {n for n, (other, _) in enumerate(labels) if n == at or (other == put and put != -1)}
        right = {n for n, (_, other) in enumerate(labels) if other == kind}
        precision.append(len(mine & right) / len(mine))
        recall.append(len(mine & right) / len(right))
    found = bcubed([put for put, _ in labels], [kind for _, kind in labels], alone=-1)
    assert found.precision == pytest.approx(np.mean(precision))
    assert found.recall == pytest.approx(np.mean(recall))
    assert found.f1 == pytest.approx(2 / (1 / found.precision + 1 / found.recall))


def test_the_published_example() -> None:
    """Bagga and Baldwin 1998, figures 1 and 2: 12 mentions, the two smaller of three kinds in one group or not."""
    kinds = [0] * 5 + [1] * 2 + [2] * 5
    near, far = [0] * 5 + [1] * 7, [0] * 5 + [1] * 2 + [0] * 5
    assert bcubed(near, kinds).precision == pytest.approx(0.76, abs=0.005)
    assert bcubed(far, kinds).precision == pytest.approx(0.58, abs=0.005)
    assert bcubed(near, kinds).recall == bcubed(far, kinds).recall == 1


def test_all_in_one_and_all_alone() -> None:
    kinds = [0, 0, 1, 1]
    assert bcubed([7] * 4, kinds).recall == 1
    assert bcubed([7] * 4, kinds).precision == 0.5
    assert bcubed([-1] * 4, kinds, alone=-1).precision == 1
    assert bcubed([-1] * 4, kinds, alone=-1).recall == 0.5


def test_nothing_is_not_a_number_and_lengths_must_agree() -> None:
    assert np.isnan(bcubed([], []).precision)
    with pytest.raises(ValueError, match="of one length"):
        bcubed([1, 2], [1])
