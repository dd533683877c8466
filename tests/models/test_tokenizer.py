"""Token ids equal those of the reference library, for texts of every length."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compoundeye.models._error import WeightsError
from compoundeye.models._hub import read_hub
from compoundeye.models._tokenizer import plain, read_tokenizer

TEXTS = ["a cat", "", "A  Photo of\ttwo DOGS!", "don't look: café 東京", "the small tree " * 30]


@pytest.fixture(scope="module")
def clip(make_hub: Any) -> Path:
    folder: Path = make_hub("clip")[0]
    return folder


@pytest.fixture(scope="module")
def siglip(make_hub: Any) -> Path:
    folder: Path = make_hub("siglip")[0]
    return folder


def reference(folder: Path, texts: list[str], **special: str) -> Any:
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), model_max_length=16, padding_side="right", **special
    )
    return tokenizer(texts, padding="max_length", truncation=True, return_tensors="np")["input_ids"]


def test_clip_ids_are_the_references(clip: Path) -> None:
    ids = read_tokenizer(read_hub(clip))(TEXTS)
    expected = reference(clip, TEXTS, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    np.testing.assert_array_equal(ids, expected)  # the last text fills the whole length


def test_a_clip_batch_is_as_long_as_its_longest_text(clip: Path) -> None:
    tokenize = read_tokenizer(read_hub(clip))
    assert tokenize(["a", "a cat"]).shape == (2, tokenize(["a cat"]).shape[1])
    assert tokenize([]).shape == (0, 2)


def test_siglip_ids_are_the_references(siglip: Path) -> None:
    ids = read_tokenizer(read_hub(siglip))(TEXTS)
    # The reference's own class needs sentencepiece; its documented cleaning is plain().
    expected = reference(siglip, [plain(text) for text in TEXTS], eos_token="</s>", pad_token="</s>")
    np.testing.assert_array_equal(ids, expected)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("A Photo, of: (two) dogs!", "a photo of two dogs"),
        ("  it's\n\tHERE  ", "its here"),
        ("¡Olé! — 東京", "¡olé — 東京"),  # only ASCII punctuation goes
        ("...", ""),
    ],
)
def test_siglip_cleaning(text: str, cleaned: str) -> None:
    assert plain(text) == cleaned == plain(cleaned)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be read"),
        (lambda folder: _set(folder, "tokenizer_config.json", eos_token="<end>"), "lacks the token '<end>'"),
        (lambda folder: _set_text(folder, vocab_size=50), "has 700 tokens where the model has 50"),
        (lambda folder: _set_text(folder, eos_token_id=5), "a text ends with id 699 in tokenizer.json but 5"),
    ],
    ids=["missing", "damaged", "special token", "vocabulary", "end of text"],
)
def test_a_tokenizer_that_does_not_fit_is_refused(clip: Path, tmp_path: Path, change: Any, message: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(clip, folder)
    change(folder)
    with pytest.raises(WeightsError, match=message):
        read_tokenizer(read_hub(folder))


def test_a_tokenizer_of_another_family_is_refused(siglip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(siglip, folder)
    _set(folder, "tokenizer_config.json", tokenizer_class="GemmaTokenizerFast")
    with pytest.raises(WeightsError, match="needs a GemmaTokenizer"):
        read_tokenizer(read_hub(folder))


def test_a_model_without_text_has_no_tokenizer(make_hub: Any) -> None:
    with pytest.raises(WeightsError, match="no text tower"):
        read_tokenizer(read_hub(make_hub("dinov2")[0]))


def _set(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(old | values))


def _set_text(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= values
    (folder / "config.json").write_text(json.dumps(config))
