"""Tallies of the other tasks, number for number: margin softmax, pictures with captions, masked pictures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from tallies import BF16, FULL, SELECTIVE, case, dry_runs, flops, same, sent

from compoundeye.plan import Case, Executed, Product, tally

TEXT = {"width": 32, "depth": 1, "heads": 2, "length": 12}
CONTRASTIVE: dict[str, Any] = {"kind": "contrastive", "dimension": 16, "text": TEXT}
MARGIN: dict[str, Any] = {"kind": "margin", "dimension": 16}
MASKED: dict[str, Any] = {"kind": "masked", "decoder": {"width": 32, "depth": 1}}
FROZEN = {"optimiser": {"backbone_rate": 0}}
ONE = {"depth": 1}
CASES: dict[str, tuple[Case, int]] = {
    "margin": (case(4, ONE, MARGIN, classes=1000, **BF16), 1),
    "margin, more logits than fit": (case(5, ONE, MARGIN, classes=200_000, batch=20_000), 0),
    "margin, sampled": (
        case(8, ONE, {**MARGIN, "sample": 0.1}, classes=10_001, replicate=2, context=2, accumulate=2),
        0,
    ),
    "margin, frozen": (case(3, ONE, MARGIN, classes=99, **FROZEN), 2),
    "contrastive": (case(4, ONE, CONTRASTIVE, **BF16, **FULL), 2),
    "contrastive by pairs": (case(6, ONE, {**CONTRASTIVE, "pairs": "sigmoid"}, tensor=2, accumulate=2), 3),
    "contrastive alone": (case(1, ONE, CONTRASTIVE, **BF16), 0),
    "contrastive, frozen": (case(7, ONE, CONTRASTIVE, **FROZEN), 1),
    "masked": (case(2, ONE, MASKED, **BF16, **FULL), 1),
    "masked x context": (case(4, {"pool": "mean", **ONE}, MASKED, context=2, accumulate=2, **SELECTIVE), 3),
    "masked, frozen": (case(3, {"pool": "attention"}, MASKED, **FROZEN), 0),
}


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Future[Executed]]]:
    with dry_runs(CASES) as found:
        yield found


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_the_dry_run_counts(name: str, runs: dict[str, Future[Executed]]) -> None:
    same(*CASES[name], runs[name].result())


def test_ranks_with_fewer_classes_than_the_first_do_less() -> None:
    # 7 and 8 classes on 4 ranks: the last has one of 7, the first two in both cases.
    few, even = (tally(case(4, ONE, MARGIN, classes=count)) for count in (7, 8))
    assert flops(few) == flops(even)
    assert sent(few) == sent(even)


def test_sampling_spares_products_of_the_head_alone() -> None:
    tallies = {rate: tally(case(4, task={**MARGIN, "sample": rate}, classes=1_000_000)) for rate in (1.0, 0.1)}
    head = {
        rate: sum(one.flops for one in of.operations if isinstance(one, Product) and one.part == "head")
        for rate, of in tallies.items()
    }
    assert sent(tallies[1.0]) == sent(tallies[0.1])
    # A tenth, and the classes of 16 pictures.
    assert head[0.1] / head[1.0] == pytest.approx(0.1, rel=1e-3)
    total = {rate: sum(flops(of).values()) for rate, of in tallies.items()}
    assert total[1.0] - total[0.1] == head[1.0] - head[0.1]


def test_of_masked_pictures_the_backbone_sees_a_quarter_and_the_decoder_all() -> None:
    of = [one for one in tally(case(1, task=MASKED)).operations if isinstance(one, Product) and one.phase == "forward"]
    # 16 pictures of 16 patches; the class token is in both.
    assert {one.m for one in of if one.part == "query"} == {16 * (4 + 1), 16 * (16 + 1)}
    assert {one.m for one in of if one.part == "enter"} == {16 * (4 + 1)}
    assert {one.m for one in of if one.part == "leave"} == {16 * 16}
