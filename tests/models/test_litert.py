"""The authors' quantised file, run by their own runtime, is the second witness for the float network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from compoundeye.models import Outputs, Vision, WeightsError, card, load, weights
from compoundeye.models._litert import LiteRT, _input_values


@pytest.fixture(scope="module")
def quantised() -> Vision:
    return load("efficientnet-lite0-int8")


@pytest.fixture(scope="module")
def pictures(quantised: Vision, photographs: dict[str, bytes]) -> npt.NDArray[np.uint8]:
    return np.stack([quantised.prepare(data) for data in photographs.values()])


@pytest.fixture(scope="module")
def exact(pictures: npt.NDArray[np.uint8]) -> Outputs:
    return load(precision="fp32")(pictures)


def shares(outputs: Outputs) -> npt.NDArray[np.float32]:
    assert outputs.logits is not None
    powers = np.exp(outputs.logits - outputs.logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_both_see_the_same_in_photographs(quantised: Vision, pictures: npt.NDArray[np.uint8], exact: Outputs) -> None:
    found = quantised(pictures)
    assert found.logits is not None
    assert exact.logits is not None
    np.testing.assert_array_equal(found.logits.argmax(1), exact.logits.argmax(1))
    for a, b in ((found.embedding, exact.embedding), (found.logits, exact.logits)):
        cosine = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert cosine.min() > 0.98  # eight bits throughout the network
        assert cosine.mean() > 0.99


def test_inner_tensors_lead_to_the_files_own_answer(quantised: Vision, pictures: npt.NDArray[np.uint8]) -> None:
    """Softmax of the logits that are read from inside is what the file itself puts out, in its steps of 1/256."""
    runtime = quantised._runtime
    assert isinstance(runtime, LiteRT)
    for picture, share in zip(pictures, shares(quantised(pictures)), strict=True):
        quantised(picture[None])
        output = runtime._interpreter.get_output_details()[0]
        own = runtime._interpreter.get_tensor(output["index"])[0] / 256
        np.testing.assert_allclose(share, own, atol=2 / 256)


def test_pixels_are_quantised_anew_not_passed_as_they_are(
    quantised: Vision, pictures: npt.NDArray[np.uint8], exact: Outputs
) -> None:
    runtime = quantised._runtime
    assert isinstance(runtime, LiteRT)

    def overlap(outputs: Outputs) -> float:
        return float(np.minimum(shares(outputs), shares(exact)).sum(axis=1).mean())

    right = overlap(quantised(pictures))
    lookup, runtime._lookup = runtime._lookup, np.arange(256, dtype=np.uint8)
    raw = overlap(quantised(pictures))
    runtime._lookup = lookup
    assert right > raw + 0.03


def test_an_input_value_stands_for_the_normalised_pixel() -> None:
    source = {"quantization": (0.0125, 131), "dtype": np.uint8}
    values = _input_values(source, 127.0, 128.0)
    pixels = np.arange(256)
    assert values.dtype == np.uint8
    np.testing.assert_allclose((values - 131.0) * 0.0125, (pixels - 127) / 128, atol=0.0125 / 2 + 1e-9)
    real = _input_values({"quantization": (0.0, 0), "dtype": np.float32}, 127.0, 128.0)
    np.testing.assert_array_equal(real, np.float32((pixels - 127) / 128))


def test_a_file_without_the_tensors_of_the_card_is_refused() -> None:
    with pytest.raises(WeightsError, match="has no tensor head: not the model of the catalogue"):
        LiteRT(weights(card("efficientnet-lite0-int8")), ("head", "logits"), 127.0, 128.0, 1)
