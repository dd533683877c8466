"""Pictures through the real model, with some that cannot be looked at in between."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compoundeye.categorise._look import ModelRef, look, reference, run_size, vision
from compoundeye.models import Outputs, Vision
from compoundeye.records import EyeError

MODEL = "efficientnet-lite0"


class Moody:
    """A model that has its own views on some pictures: it is told by their first pixel."""

    def __init__(self, real: Vision, say: Callable[[Outputs, np.ndarray], Outputs]) -> None:
        self._real, self._say = real, say

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __call__(self, batch: np.ndarray) -> Outputs:
        return self._say(self._real(batch), batch)


@pytest.fixture
def real() -> Vision:
    return reference(MODEL)[1]


def test_each_picture_gets_what_it_would_get_alone(real: Vision, views: Any) -> None:
    pictures = [*views("cat", 3), b"no picture", *views("coffee", 3), b""]
    (seen,) = look(real, pictures)
    assert [reason is None for reason in seen.reason] == [True] * 3 + [False] + [True] * 3 + [False]
    assert seen.labels is real.labels
    assert seen.logits is not None
    for place, data in enumerate(pictures):
        if seen.reason[place] is None:
            alone = real(real.prepare(data)[None])
            assert alone.logits is not None
            np.testing.assert_allclose(seen.embedding[place], alone.embedding[0], atol=0.05)
            np.testing.assert_allclose(seen.logits[place], alone.logits[0], atol=0.1)


def test_chunks_end_where_they_should_and_nothing_is_lost(real: Vision, views: Any) -> None:
    size = run_size(real)
    pictures = [*views("rocket", 5), b"bad"] * 30
    parts = list(look(real, iter(pictures), chunk=size))
    assert [len(part) for part in parts] == [size, size, 180 - 2 * size]
    reasons = [reason for part in parts for reason in part.reason]
    assert [reason is None for reason in reasons] == [True, True, True, True, True, False] * 30
    np.testing.assert_array_equal(parts[0].embedding[0], parts[0].embedding[6])


def test_nothing_to_look_at_is_nothing_seen(real: Vision) -> None:
    assert list(look(real, [])) == []


def test_reading_goes_no_further_than_one_buffer_ahead(real: Vision, views: Any) -> None:
    taken = 0

    def endless() -> Any:
        nonlocal taken
        for picture in views("cat", 1) * 10_000:
            taken += 1
            yield picture

    size = run_size(real)
    next(look(real, endless(), chunk=size))
    assert taken == size


def test_a_picture_that_upsets_the_model_fails_alone(real: Vision, views: Any) -> None:
    def say(outputs: Outputs, batch: np.ndarray) -> Outputs:
        if (batch == 255).all(axis=(1, 2, 3)).any():
            raise RuntimeError("white is too bright")
        return outputs

    white = _white()
    (seen,) = look(Moody(real, say), [*views("cat", 2), white, *views("coffee", 2)])  # type: ignore[arg-type]
    assert seen.reason == [None, None, "model failed (RuntimeError)", None, None]
    assert np.all(seen.embedding[[0, 1, 3, 4]].any(axis=1))


def test_an_answer_that_is_no_number_is_a_failure(real: Vision, views: Any) -> None:
    def say(outputs: Outputs, batch: np.ndarray) -> Outputs:
        white = (batch == 255).all(axis=(1, 2, 3))
        embedding = outputs.embedding.copy()
        embedding[white] = 1e6  # finite here, infinite in the corpus's float16
        return Outputs(embedding, outputs.logits)

    (seen,) = look(Moody(real, say), [*views("cat", 2), _white()])  # type: ignore[arg-type]
    assert seen.reason == [None, None, "model gave no finite answer"]


def test_running_out_of_memory_is_no_pictures_fault(real: Vision, views: Any) -> None:
    def say(_outputs: Outputs, _batch: np.ndarray) -> Outputs:
        raise MemoryError

    with pytest.raises(MemoryError):
        list(look(Moody(real, say), views("cat", 1)))  # type: ignore[arg-type]


def test_a_worker_with_other_weights_stops() -> None:
    ref, found = reference(MODEL)
    assert vision(ref) is found
    with pytest.raises(EyeError, match="not those that the job began with"):
        vision(ModelRef(ref.name, ref.precision, "0" * 64))


def _white() -> bytes:
    with io.BytesIO() as sink:
        Image.new("RGB", (300, 300), "white").save(sink, "PNG")
        return sink.getvalue()
