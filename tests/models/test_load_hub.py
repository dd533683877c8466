"""Hub models by name and by folder: from encoded pictures and words to a judgement, with one identity throughout."""

from __future__ import annotations

import dataclasses
import io
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from compoundeye.models import Card, WeightsError, WeightsFile, catalogue, load, load_text, present, weights_folder
from compoundeye.models._catalogue import published
from compoundeye.models._hub import file_sha256
from compoundeye.models._hub_cards import HUB_CARDS
from compoundeye.records import EyeError


def jpeg(pixels: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def card_in_cache(make_hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Card, Path]:
    """A card like CLIP's for a tiny model, found by name, its files already in the cache and no network."""
    folder: Path = make_hub("clip")[0]
    names = ["model.safetensors", "config.json", "preprocessor_config.json", "tokenizer.json"]
    first, *rest = (
        WeightsFile(name, file_sha256(folder / name), (folder / name).stat().st_size, None) for name in names
    )
    card = dataclasses.replace(
        catalogue()["clip-vit-base-patch32"],
        name="tiny-clip",
        input_size=32,
        embedding_dim=20,
        source=None,
        sha256=first.sha256,
        size_bytes=first.size_bytes,
        beside=tuple(rest),
    )
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    monkeypatch.setenv("COMPOUNDEYE_OFFLINE", "1")
    monkeypatch.setitem(published(), card.name, card)
    weights_folder(card).mkdir(parents=True)
    for name in names:
        shutil.copy(folder / name, weights_folder(card) / name)
    return card, folder


@pytest.mark.parametrize(("kind", "dim"), [("clip", 20), ("siglip", 32), ("dinov2", 32)])
def test_a_downloaded_folder_is_a_model(make_hub: Any, kind: str, dim: int) -> None:
    folder = make_hub(kind)[0]
    vision = load(str(folder), precision="fp32")
    batch = np.stack([vision.prepare(jpeg(picture)) for picture in (data.chelsea(), data.astronaut())])
    outputs = vision(batch)
    assert outputs.embedding.shape == (2, dim)
    assert outputs.embedding.dtype == np.float32
    assert outputs.logits is None
    assert vision.labels is None
    assert vision.card.text == (kind != "dinov2")


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_words_and_pictures_meet_in_one_space_under_one_identity(make_hub: Any, kind: str) -> None:
    folder = make_hub(kind)[0]
    vision, texts = load(str(folder)), load_text(str(folder))
    assert texts.identity == vision.identity
    pictures = vision(np.stack([vision.prepare(jpeg(data.coffee()))])).embedding
    probabilities = texts.probabilities(pictures, texts.categories(["cup of coffee", "cat", "rocket"]))
    assert probabilities.shape == (1, 3)
    assert texts.independent == (kind == "siglip")


def test_a_model_by_name_is_its_folder_under_the_cards_name(card_in_cache: tuple[Card, Path]) -> None:
    card, folder = card_in_cache
    assert present(card)
    named, local = load(card.name), load(str(folder))
    assert named.identity == load_text(card.name).identity
    assert (named.identity.name, named.identity.version) == (card.name, card.version)
    assert named.identity.digest == local.identity.digest  # the same files, so the same digest
    batch = named.prepare(jpeg(data.chelsea()))[None]
    np.testing.assert_array_equal(named(batch).embedding, local(batch).embedding)


def test_a_changed_side_file_is_noticed(card_in_cache: tuple[Card, Path]) -> None:
    card, _ = card_in_cache
    path = weights_folder(card) / "preprocessor_config.json"
    path.write_text(path.read_text().replace("0.48", "0.49"))
    with pytest.raises(WeightsError, match=r"preprocessor_config.json is not in .* forbids fetching it"):
        load(card.name)


def test_a_model_without_text_says_which_ones_have_it() -> None:
    with pytest.raises(EyeError, match=r"dinov2-small cannot read text: .* clip-vit-b32-laion2b, siglip-base-patch16"):
        load_text("dinov2-small")


@pytest.mark.parametrize("card", HUB_CARDS, ids=lambda card: card.name)
def test_cards_name_every_file_by_digest_at_a_pinned_revision(card: Card) -> None:
    assert catalogue()[card.name] == card
    names = {file.name for file in card.files}
    assert {"model.safetensors", "config.json", "preprocessor_config.json"} <= names
    assert ("tokenizer.json" in names) == card.text
    revisions = set()
    for file in card.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.source is not None
        found = re.fullmatch(
            r"https://huggingface\.co/[^/]+/[^/]+/resolve/([0-9a-f]{40})/" + re.escape(file.name), file.source
        )
        assert found is not None
        revisions.add(found[1])
    assert len(revisions) == 1  # all files of one version
    assert card.version == revisions.pop()[:12]


def test_cards_are_not_present_before_a_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    monkeypatch.setenv("COMPOUNDEYE_OFFLINE", "1")
    for card in HUB_CARDS:
        assert not present(card)
        with pytest.raises(WeightsError, match=r"model.safetensors is not in .* COMPOUNDEYE_OFFLINE=1"):
            load(card.name)
