"""A loaded model keeps its promises whatever it is asked."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data

from compoundeye.models import Outputs, Vision, card, labels, load
from compoundeye.models._openvino import supported_precisions
from compoundeye.pixels import PictureError, crop_resize
from compoundeye.records import EyeError

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def vision() -> Vision:
    return load()


@pytest.fixture(scope="module")
def pictures(vision: Vision) -> Pixels:
    """[21, S, S, 3]: parts of photographs; 21 is neither a multiple of the batch size nor below it."""
    side = vision.input_size
    photographs = (data.chelsea(), data.coffee(), data.astronaut())
    return np.stack([photo[row : row + side, 20:][:, :side] for photo in photographs for row in range(0, 70, 10)])


def same(a: Outputs, b: Outputs) -> None:
    np.testing.assert_array_equal(a.embedding, b.embedding)
    assert a.logits is not None
    assert b.logits is not None
    np.testing.assert_array_equal(a.logits, b.logits)


def test_outputs_have_the_shapes_of_the_card(vision: Vision, pictures: Pixels) -> None:
    outputs = vision(pictures)
    assert outputs.embedding.shape == (21, vision.card.embedding_dim)
    assert outputs.logits is not None
    assert outputs.logits.shape == (21, 1000)
    assert outputs.embedding.dtype == outputs.logits.dtype == np.float32


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_answer_does_not_depend_on_its_neighbours(pictures: Pixels, precision: str) -> None:
    """Else a job that was interrupted, and so cut into other batches, would end with other values."""
    vision = load(precision=precision)
    whole = vision(pictures)
    order = np.random.default_rng(0).permutation(len(pictures))
    shuffled = vision(pictures[order])
    assert whole.logits is not None
    assert shuffled.logits is not None
    same(shuffled, Outputs(whole.embedding[order], whole.logits[order]))
    for at in (0, 7, 8, 20):
        same(vision(pictures[at : at + 1]), Outputs(whole.embedding[at : at + 1], whole.logits[at : at + 1]))


def test_threads_may_share_a_model(vision: Vision, pictures: Pixels) -> None:
    alone = [vision(pictures[at : at + 3]) for at in range(0, 21, 3)]
    with ThreadPoolExecutor(4) as pool:
        for together, expected in zip(
            pool.map(vision, [pictures[at : at + 3] for at in range(0, 21, 3)]), alone, strict=True
        ):
            same(together, expected)


def test_outputs_are_not_overwritten_by_the_next_call(vision: Vision, pictures: Pixels) -> None:
    first = vision(pictures[:2])
    kept = first.embedding.copy()
    vision(pictures[2:4])
    np.testing.assert_array_equal(first.embedding, kept)


def test_no_pictures_give_no_answers_of_the_right_shape(vision: Vision) -> None:
    outputs = vision(np.empty((0, vision.input_size, vision.input_size, 3), np.uint8))
    assert outputs.embedding.shape == (0, 1280)
    assert outputs.logits is not None
    assert outputs.logits.shape == (0, 1000)


def test_a_batch_that_is_a_view_is_read_rightly(vision: Vision, pictures: Pixels) -> None:
    same(vision(pictures[::2]), vision(pictures[::2].copy()))


@pytest.mark.parametrize(
    "shape", [(224, 224, 3), (1, 224, 225, 3), (1, 3, 224, 224), (1, 240, 240, 3), (1, 224, 224, 4)]
)
def test_another_shape_is_refused(vision: Vision, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"efficientnet-lite0 takes uint8 \[N, 224, 224, 3\], not uint8"):
        vision(np.zeros(shape, np.uint8))


def test_another_type_is_refused(vision: Vision) -> None:
    with pytest.raises(ValueError, match="not float32"):
        vision(np.zeros((1, 224, 224, 3), np.float32))


def test_prepare_is_the_crop_of_the_card_and_fills_what_it_is_given(
    vision: Vision, photographs: dict[str, bytes]
) -> None:
    encoded = photographs["flower.jpg"]
    expected = crop_resize(encoded, 224, 0.875)
    np.testing.assert_array_equal(vision.prepare(encoded), expected)
    batch = np.zeros((2, 224, 224, 3), np.uint8)
    assert vision.prepare(encoded, batch[1]) is not None
    np.testing.assert_array_equal(batch[1], expected)
    assert not batch[0].any()


def test_what_cannot_be_decoded_is_a_picture_error(vision: Vision) -> None:
    with pytest.raises(PictureError):
        vision.prepare(b"no picture")


def test_an_upright_and_a_turned_photograph_get_the_same_answer(vision: Vision) -> None:
    upright, turned = io.BytesIO(), io.BytesIO()
    photo = Image.fromarray(data.chelsea())
    photo.save(upright, "JPEG", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by a quarter to show
    photo.transpose(Image.Transpose.ROTATE_90).save(turned, "JPEG", quality=95, exif=exif)
    outputs = vision(np.stack([vision.prepare(upright.getvalue()), vision.prepare(turned.getvalue())]))
    assert outputs.logits is not None
    assert outputs.logits[0].argmax() == outputs.logits[1].argmax()


def test_every_prediction_can_say_what_made_it(vision: Vision) -> None:
    assert (vision.identity.name, vision.identity.version) == ("efficientnet-lite0", "1")
    assert vision.identity.digest == card("efficientnet-lite0").sha256
    assert vision.labels is labels("imagenet-1k")
    assert vision.runtime.startswith("OpenVINO 20")
    assert vision.batch_size >= 1


def test_auto_takes_bf16_exactly_where_the_processor_has_it() -> None:
    assert load().precision == ("bf16" if "bf16" in supported_precisions() else "fp32")
    assert load(precision="fp32").precision == "fp32"


def test_bf16_changes_no_label_that_the_model_is_sure_of(pictures: Pixels) -> None:
    exact, cheap = load(precision="fp32")(pictures).logits, load(precision="bf16")(pictures).logits
    assert exact is not None
    assert cheap is not None
    share = np.exp(exact - exact.max(1, keepdims=True))
    sure = share.max(1) / share.sum(1) >= 0.5
    assert sure.sum() >= 5
    np.testing.assert_array_equal(exact[sure].argmax(1), cheap[sure].argmax(1))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "eficientnet-lite-0"}, "no model 'eficientnet-lite-0': did you mean efficientnet-lite0"),
        ({"name": "zzz"}, "no model 'zzz': did you mean .*'eye models' lists all"),
        ({"device": "tpu"}, "no device 'tpu': choose cpu or cuda"),
        ({"precision": "fp8"}, "no precision 'fp8': choose one of auto, fp32, bf16"),
        ({"runtime": "tvm"}, "no runtime 'tvm' for cpu: choose openvino"),
        ({"runtime": "openvino", "device": "cuda"}, "no runtime 'openvino' for cuda"),
        ({"threads": 0}, "cannot run on 0 threads"),
        ({"name": "efficientnet-lite0-int8", "device": "cuda"}, "runs in LiteRT on a CPU only"),
        ({"name": "efficientnet-lite0-int8", "runtime": "openvino"}, "runs in LiteRT on a CPU only"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        load(**asked)
