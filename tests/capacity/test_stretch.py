"""One stretch of running, settled in one go, against going through it microsecond by microsecond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.capacity._stretch import Cadence, Stretch


def stepped(cadence: Cadence, elapsed: int) -> tuple[int, int]:
    """(worked, kept) by going through the time: work, save, work on while the last checkpoint is written."""
    worked = kept = since_save = saving = 0
    writes: list[tuple[int, int]] = []
    for now in range(1, elapsed + 1):
        if saving:
            saving -= 1
            if not saving:
                writes.append((now + cadence.write, worked))
        else:
            worked, since_save = worked + 1, since_save + 1
            if since_save == cadence.work:
                since_save, saving = 0, cadence.save
                if not saving:
                    writes.append((now + cadence.write, worked))
        kept = max([kept, *(amount for whole, amount in writes if whole <= now)])
    return worked, kept


small = st.integers(0, 12)


@given(work=st.integers(1, 12), save=small, write=small, elapsed=st.integers(0, 120))
def test_a_stretch_is_what_going_through_it_gives(work: int, save: int, write: int, elapsed: int) -> None:
    cadence = Cadence(work, save, write)
    assert (cadence.worked(elapsed), cadence.kept(elapsed)) == stepped(cadence, elapsed)


@given(
    cadence=st.builds(Cadence, st.integers(1, 50), small, small),
    elapsed=st.integers(0, 1000),
    lossless=st.booleans(),
    slowdown=st.floats(0.0, 3.0),
    share=st.integers(1, 7),
    changes=st.lists(st.integers(0, 1000), max_size=5),
)
def test_the_parts_add_up(
    cadence: Cadence, elapsed: int, lossless: bool, slowdown: float, share: int, changes: list[int]
) -> None:
    slow = [(100 + min(at, elapsed), i % 2 == 0) for i, at in enumerate(sorted(changes))]
    parts = Stretch(cadence, 100, (share, 7), slow).ended(100 + elapsed, lossless=lossless, slowdown=slowdown)
    assert sum(parts.values()) == elapsed
    assert min(parts.values()) >= 0


def test_a_straggler_costs_what_it_adds_to_steps() -> None:
    cadence = Cadence(work=100, save=0, write=0)
    slow = Stretch(cadence, 0, (1, 1), [(0, False), (200, True), (400, False)])
    parts = slow.ended(1000, lossless=True, slowdown=0.25)
    assert (parts["stragglers"], parts["useful"]) == (40, 960)


def test_fewer_nodes_do_less() -> None:
    parts = Stretch(Cadence(100, 0, 0), 0, (3, 4), []).ended(1000, lossless=True, slowdown=0.0)
    assert (parts["useful"], parts["fewer nodes"]) == (750, 250)


@pytest.mark.parametrize(("elapsed", "again"), [(109, 100), (110, 100), (114, 104), (115, 5), (220, 100), (230, 10)])
def test_a_checkpoint_counts_once_it_is_whole(elapsed: int, again: int) -> None:
    cadence = Cadence(work=100, save=10, write=5)
    assert Stretch(cadence, 0, (1, 1)).ended(elapsed, lossless=False, slowdown=0.0)["computing again"] == again
