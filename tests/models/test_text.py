"""Texts land where the reference library puts them, and categories named in words are judged as the papers say."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.models._error import WeightsError
from compoundeye.models._hub import read_hub
from compoundeye.models._runtime import open_onnx
from compoundeye.models._text import TEMPLATES, TextEncoder, unit
from compoundeye.models._text_tower import similarity_scale, text_graph
from compoundeye.models._tokenizer import read_tokenizer
from compoundeye.records import EyeError, ModelIdentity

TEXTS = ["a cat", "", "a photo of two dogs!", "the small tree " * 30]


def reference(model: Any, ids: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.get_text_features(input_ids=torch.from_numpy(ids)).pooler_output.numpy()


@pytest.mark.parametrize(
    ("kind", "act", "end"),
    [
        pytest.param("clip", "quick_gelu", 699, id="CLIP"),
        pytest.param("clip", "gelu", 2, id="CLIP with the early, wrong end-of-text id"),
        pytest.param("siglip", None, None, id="SigLIP"),
    ],
)
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_embeddings_are_the_references(
    make_hub: Any, kind: str, act: str | None, end: int | None, runtime: str
) -> None:
    folder, model = make_hub(kind, act=act, end=end)
    hub = read_hub(folder)
    graph = text_graph(hub)
    onnx.checker.check_model(graph, full_check=True)
    run = open_onnx(graph.SerializeToString(), runtime=runtime)
    tokenize = read_tokenizer(hub)
    for texts in (TEXTS, TEXTS[:1]):  # full length, then a short batch
        ids = tokenize(texts)
        expected = reference(model, ids)
        assert np.abs(expected).mean() > 0.1
        np.testing.assert_allclose(run(ids)["embedding"], expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_logits_are_the_references(make_hub: Any, kind: str) -> None:
    import torch

    folder, model = make_hub(kind)
    encoder = encoder_of(folder)
    pixels = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    ids = torch.from_numpy(read_tokenizer(read_hub(folder))(TEXTS))
    with torch.no_grad():
        expected = model(input_ids=ids, pixel_values=pixels)
    pictures = model.get_image_features(pixel_values=pixels).pooler_output.detach().numpy()
    logits = encoder.logits(pictures, encoder(TEXTS))
    np.testing.assert_allclose(logits, expected.logits_per_image.numpy(), atol=2e-4)
    wanted = expected.logits_per_image.sigmoid() if kind == "siglip" else expected.logits_per_image.softmax(dim=1)
    np.testing.assert_allclose(encoder.probabilities(pictures, encoder(TEXTS)), wanted.numpy(), atol=1e-4)


def test_embeddings_have_length_one_and_no_texts_give_none(make_hub: Any) -> None:
    encoder = encoder_of(make_hub("clip")[0])
    np.testing.assert_allclose(np.linalg.norm(encoder(TEXTS), axis=1), 1, atol=1e-6)
    assert encoder([]).shape == (0, 20)


def test_many_texts_are_embedded_as_few_are(make_hub: Any) -> None:
    encoder = encoder_of(make_hub("clip")[0])
    texts = [f"a photo of {number} cats" for number in range(70)]
    each = np.concatenate([encoder([text]) for text in texts[60:]])
    np.testing.assert_allclose(encoder(texts)[60:], each, atol=1e-5)


def test_categories_are_the_renormalised_mean_over_templates(make_hub: Any) -> None:
    encoder = encoder_of(make_hub("clip")[0])
    names = ["cat", "dog {}"]  # braces in a name are only letters
    by_hand = np.mean([encoder([template.replace("{}", name) for name in names]) for template in TEMPLATES], axis=0)
    np.testing.assert_allclose(encoder.categories(names), unit(by_hand), atol=1e-6)
    np.testing.assert_allclose(encoder.categories(names, ["{}"]), encoder(names), atol=1e-6)


@pytest.mark.parametrize(("templates", "message"), [([], "no template"), (["a photo"], "has no {} to put")])
def test_templates_without_a_place_for_the_name_are_refused(templates: list[str], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        plain_encoder(independent=False).categories(["cat"], templates)


@given(st.lists(st.floats(-1, 1, width=32), min_size=6, max_size=6), st.floats(1, 1000), st.floats(-20, 20))
def test_probabilities_are_probabilities(values: list[float], scale: float, bias: float) -> None:
    pictures, texts = np.array(values, np.float32).reshape(2, 3), np.eye(3, dtype=np.float32)
    for independent in (False, True):
        found = plain_encoder(scale, bias, independent=independent).probabilities(pictures, texts)
        assert ((found >= 0) & (found <= 1)).all()
        if not independent:
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_embeddings_of_another_model_are_refused() -> None:
    encoder, ours, other = plain_encoder(independent=False), np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    for pair in ((other, ours), (ours, other)):
        with pytest.raises(EyeError, match="embeddings are 4 wide where none has 3"):
            encoder.logits(*pair)


def test_a_model_without_text_is_refused(make_hub: Any) -> None:
    with pytest.raises(WeightsError, match="dinov2 model, which has no text tower"):
        text_graph(read_hub(make_hub("dinov2")[0]))


def encoder_of(folder: Any) -> TextEncoder:
    hub = read_hub(folder)
    assert hub.text is not None
    run = open_onnx(text_graph(hub).SerializeToString())
    scale, bias = similarity_scale(hub)
    return TextEncoder(
        read_tokenizer(hub),
        lambda ids: run(ids)["embedding"],
        ModelIdentity("tiny", "0", hub.digest()),
        dim=hub.text.joint,
        scale=scale,
        bias=bias,
        independent=hub.kind == "siglip",
    )


def plain_encoder(scale: float = 1.0, bias: float = 0.0, *, independent: bool) -> TextEncoder:
    """Without a tower: for what follows the embeddings."""

    def nothing(_: Any) -> Any:
        raise AssertionError("no text should be embedded here")

    identity = ModelIdentity("none", "0", "")
    return TextEncoder(nothing, nothing, identity, dim=3, scale=scale, bias=bias, independent=independent)
