"""Published tables: read as printed, and reproduced by the step time within what the issue asks."""

from __future__ import annotations

import statistics

import pytest

from compoundeye.plan import (
    PublishedRun,
    constants,
    fitted_half,
    language_tally,
    published_runs,
    step_time,
)

JUDGED = [run for run in published_runs() if not run.excluded and run.group not in fitted_half(published_runs())]


def error(run: PublishedRun) -> float:
    """Modelled over measured MFU, less one."""
    return run.seconds / step_time(language_tally(run.run), run.machine, constants(run.constants)).total - 1


def test_every_row_has_a_source_and_a_utilisation_that_can_be() -> None:
    for run in published_runs():
        assert "http" in run.source, run
        assert 0.1 < run.mfu < 0.7, run
        parts = run.run.tensor * run.run.context * run.run.pipeline
        assert run.run.data * parts == run.run.gpus, run
        assert run.run.batch >= run.run.data, run


@pytest.mark.parametrize(
    ("file", "model", "gpus", "sequence", "checkpointing", "printed"),
    [  # MFU as the tables print it
        ("llm_foundry/eager-2023/h100/bf16", "70b", 64, 2048, "full", 0.4257),
        ("llm_foundry/eager-2023/h100/bf16", "7b", 8, 65536, "full", 0.2859),
        ("llm_foundry/eager-2023/a100-80/bf16", "7b", 8, 2048, "none", 0.6423),
        ("llm_foundry/eager-2023/a100-40/bf16", "125m", 128, 2048, "none", 0.3886),
        ("megatron/megatron-2024/h100/bf16", "llama3-405b", 576, 8192, "none", 0.5578),
        ("megatron/megatron-2024/h100/bf16", "gpt3-175b", 128, 2048, "none", 0.5354),
        ("llm_foundry/eager-2023/h100/float8", "3b", 8, 8192, "none", 0.2328),
        ("megatron_a100/megatron-2022/a100-80/bf16", "530b", 280, 2048, "attention", 0.560),
        ("megatron_a100/megatron-2022/a100-80/bf16", "megascale-175b", 12288, 2048, "attention", 0.412),
        ("torchtitan/compiled-2024/h100/bf16", "8b", 8, 8192, "half", 0.39),
        ("kempner/compiled-2026/h200/bf16", "70b", 160, 4096, "full", 0.243),
    ],
)
def test_utilisation_is_the_one_printed(
    file: str, model: str, gpus: int, sequence: int, checkpointing: str, printed: float
) -> None:
    """Within 6 %: some authors count the embedding's parameters too, or another peak, and print two digits."""
    found = [
        run
        for run in published_runs()
        if run.group == f"{file}/{model}"
        and (run.run.gpus, run.run.sequence, run.run.checkpointing) == (gpus, sequence, checkpointing)
    ]
    measured = found[0].mfu
    if "float8" in file:
        assert found[0].machine.node.accelerator.peak["float8"] > 1.9e15
    assert measured == pytest.approx(printed, rel=0.06)


def test_halves_do_not_share_a_model_and_are_about_as_large() -> None:
    fitted = fitted_half(published_runs())
    groups = {run.group for run in published_runs()}
    assert fitted < groups
    assert 0.4 < sum(run.group in fitted for run in published_runs()) / len(published_runs()) < 0.65


@pytest.mark.parametrize("precision", ["bf16", "float8"])
def test_the_half_that_nothing_was_fitted_to_is_reproduced(precision: str) -> None:
    """The measure of the issue: median error of MFU at most 10 %, worst at most 25 %."""
    errors = [abs(error(run)) for run in JUDGED if run.run.precision == precision]
    assert len(errors) >= (100 if precision == "bf16" else 8)
    assert statistics.median(errors) < 0.10
    assert max(errors) < 0.25


def test_rows_that_are_not_judged_say_why() -> None:
    excluded = {run.table: run.excluded for run in published_runs() if run.excluded}
    assert len(excluded) == 2
    assert all(len(why) > 40 for why in excluded.values())


def test_tables_are_whole() -> None:
    """As many rows as llm-foundry's README prints in each of its tables."""
    rows = [run for run in published_runs() if "llm-foundry" in run.source]
    by = {table: sum(run.table == table for run in rows) for table in {run.table for run in rows}}
    assert by == {"H100 80GB BF16": 52, "H100 80GB FP8": 10, "A100 80GB": 61, "A100 40GB": 78}
