"""The pre-processing of a hub model equals the reference library's, for every shape of picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from compoundeye.models._recipe import Recipe, read_recipe

HALF = (0.5, 0.5, 0.5)
CLIP, SIGLIP, DINOV2 = Recipe(224, 224, HALF, HALF), Recipe(224, None, HALF, HALF), Recipe(224, 256, HALF, HALF)


def jpeg(pixels: Any, scale: int = 1) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def reference(recipe: Recipe, picture: bytes) -> Any:
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    pixels = {"do_rescale": False, "do_normalize": False}
    processor = {
        id(CLIP): lambda: CLIPImageProcessorPil(**pixels),
        id(SIGLIP): lambda: SiglipImageProcessorPil(**pixels),
        id(DINOV2): lambda: BitImageProcessorPil(size={"shortest_edge": 256}, **pixels),
    }[id(recipe)]()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    return np.asarray(processor(image, return_tensors="np")["pixel_values"][0]).transpose(1, 2, 0).astype(int)


@pytest.mark.parametrize("recipe", [CLIP, SIGLIP, DINOV2], ids=["CLIP", "SigLIP", "DINOv2"])
@pytest.mark.parametrize(
    "pixels",
    [data.chelsea(), data.chelsea().transpose(1, 0, 2), data.astronaut(), data.astronaut()[:30, :400]],
    ids=["landscape", "portrait", "square", "small panorama"],
)
def test_prepare_equals_the_reference(recipe: Recipe, pixels: Any) -> None:
    picture = jpeg(pixels)
    difference = np.abs(recipe.prepare(picture, exact=True).astype(int) - reference(recipe, picture))
    # Rounding to 8 bits between Pillow's two passes; edges can gather a few levels, the mean less than a third.
    assert difference.max() <= 8
    assert difference.mean() < 0.34


@pytest.mark.parametrize("recipe", [CLIP, SIGLIP, DINOV2], ids=["CLIP", "SigLIP", "DINOv2"])
def test_a_large_photograph_may_be_decoded_cheaper_and_looks_the_same(recipe: Recipe) -> None:
    picture = jpeg(data.coffee(), scale=4)
    fast, exact = recipe.prepare(picture).astype(int), recipe.prepare(picture, exact=True).astype(int)
    assert np.abs(fast - exact).mean() < 1


def test_prepare_fills_the_array_it_is_given() -> None:
    out = np.zeros((224, 224, 3), np.uint8)
    assert CLIP.prepare(jpeg(data.chelsea()), out) is out
    np.testing.assert_array_equal(out, CLIP.prepare(jpeg(data.chelsea())))


@pytest.mark.parametrize(("kind", "shorter"), [("clip", 32), ("siglip", None), ("dinov2", 36)])
def test_the_recipe_of_a_folder(make_hub: Any, kind: str, shorter: int | None) -> None:
    recipe = read_recipe(make_hub(kind)[0])
    assert (recipe.size, recipe.shorter) == (32, shorter)
    assert recipe.resample is Image.Resampling.BICUBIC
