"""Tallies of pipelines and experts, number for number; and where Muon's differs, how."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from tallies import BF16, FULL, HUGE, MIXTURE, SELECTIVE, case, dry_runs, flops, same, sent

from compoundeye.plan import Case, Executed, tally

CASES: dict[str, tuple[Case, int]] = {
    "pipeline, first": (case(6, pipeline=2, microbatches=3, batch=36), 0),
    "pipeline, in the middle": (case(12, {"depth": 3}, pipeline=3, tensor=2, microbatches=3, **BF16, **SELECTIVE), 5),
    "pipeline, last": (case(8, {**HUGE, "depth": 2}, pipeline=2, tensor=2, microbatches=3, **BF16, **FULL), 7),
    "pipeline of chunks": (
        case(8, {"depth": 5, "layer_scale": 0.1}, pipeline=2, chunks=2, tensor=2, microbatches=4, **FULL),
        4,
    ),
    "frozen in a pipeline": (
        case(6, {"depth": 3, "pool": "attention"}, pipeline=3, microbatches=4, optimiser={"backbone_rate": 0}),
        5,
    ),
    "experts": (case(6, MIXTURE, replicate=2, **FULL), 4),
    "experts shared out": (case(4, MIXTURE, expert=4, **BF16, **SELECTIVE), 1),
    "experts in copies": (case(8, {**MIXTURE, "experts_every": 1}, context=2, expert=2, **FULL), 7),
    "experts in a pipeline": (case(8, MIXTURE, pipeline=2, expert=2, microbatches=4, batch=32), 4),
}
MUON = case(2, {"depth": 1, "registers": 1}, tensor=2, optimiser={"name": "muon"})


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Future[Executed]]]:
    with dry_runs({**CASES, "muon": (MUON, 0)}) as found:
        yield found


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_the_dry_run_counts(name: str, runs: dict[str, Future[Executed]]) -> None:
    same(*CASES[name], runs[name].result())


def test_of_matrices_split_by_tensor_muon_is_not_described_and_all_else_is(runs: dict[str, Future[Executed]]) -> None:
    run, found = runs["muon"].result(), tally(MUON)
    for phase in ("forward", "backward"):
        assert flops(found)[phase] == run.flops[phase]
    others = {key: value for key, value in sent(found).items() if key[-1] != "update"}
    assert others == {
        (one.kind, one.dimension, one.size, one.stride, one.phase): (one.bytes, one.count)
        for one in run.sent
        if one.phase != "update"
    }
    # DTensor gathers and sums what was split; some products it does on all ranks alike.
    assert flops(found)["update"] < run.flops["update"]


@pytest.mark.parametrize(("microbatches", "chunks"), [(4, 1), (8, 1), (4, 2), (8, 4)])
def test_every_stage_of_a_pipeline_gathers_before_it_computes(microbatches: int, chunks: int) -> None:
    of = case(4, {"depth": 16}, pipeline=2, chunks=chunks, microbatches=microbatches, batch=32)
    for stage in range(2):
        gathered = sum(count for key, (_, count) in sent(tally(of, stage)).items() if key[0] == "all_gather")
        blocks = 8
        # Once at least, and at most before each pass in each direction; ends and head once each beside.
        assert blocks < gathered <= 2 * microbatches * (blocks + 2)
