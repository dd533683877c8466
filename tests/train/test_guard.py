"""The guard against losses that explode."""

from math import inf, nan

import pytest

from compoundeye.train._guard import Verdict, Watch
from compoundeye.train._settings import Guard


def watch_after(losses: list[float]) -> Watch:
    watch = Watch(Guard())
    for loss in losses:
        assert watch.judge(loss, 1.0) is Verdict.FINE
    return watch


@pytest.mark.parametrize(("loss", "gradient"), [(nan, 1.0), (inf, 1.0), (1.0, nan), (1.0, inf)])
def test_what_is_not_a_number_is_left_out(loss: float, gradient: float) -> None:
    assert Watch(Guard()).judge(loss, gradient) is Verdict.SKIP


def test_a_falling_noisy_loss_is_fine_and_a_spike_is_not() -> None:
    falling = [2.3 * 0.99**step * (1.1 if step % 2 else 0.9) for step in range(300)]
    watch = watch_after(falling)
    assert watch.judge(20 * falling[-1], 1.0) is Verdict.SPIKE
    assert watch.judge(falling[-1], 1.0) is Verdict.FINE  # the spike did not become a recent loss


def test_nothing_is_a_spike_before_losses_are_known() -> None:
    watch_after([1.0, 50.0, 0.1])


def test_the_verdict_does_not_depend_on_the_scale_of_the_loss() -> None:
    losses = [1 + 0.1 * (step % 3) for step in range(50)]
    for scale in (1e-6, 1.0, 1e6):
        watch = watch_after([scale * loss for loss in losses])
        assert watch.judge(scale * 10, 1.0) is Verdict.SPIKE
