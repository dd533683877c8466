"""The learning rate of a step."""

from hypothesis import given
from hypothesis import strategies as st

from compoundeye.train._schedule import rate
from compoundeye.train._settings import Optimiser


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from(["cosine", "linear", "constant"]), st.floats(0, 1))
def test_it_rises_once_then_never_rises_again(steps: int, warmup: float, shape: str, final: float) -> None:
    settings = Optimiser(warmup=warmup, schedule=shape, final=final)  # type: ignore[arg-type]
    rates = [rate(settings, step, steps) for step in range(steps)]
    top = round(warmup * steps)
    assert all(0 <= one <= 1 for one in rates)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    if top < steps:
        assert rates[top] == 1


def test_it_ends_near_the_final_share() -> None:
    assert abs(rate(Optimiser(final=0.1), 99_999, 100_000) - 0.1) < 1e-3
