"""Pictures find their captions, with one process or several."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from compoundeye.nets import ByteTokenizer, Contrastive, FileTokenizer, TextTower, sigmoid_loss, softmax_loss
from compoundeye.records import EyeError

PAIRS, FEATURES = 12, 10
COLOURS, THINGS = ("red", "green", "blue", "black"), ("cat", "ship", "tree")
CAPTIONS = [f"a {colour} {thing}" for colour in COLOURS for thing in THINGS]
KINDS: tuple[Literal["softmax", "sigmoid"], ...] = ("softmax", "sigmoid")


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., list[Any]]]:
    """Calls a function on every rank of a gloo group."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "train"))
    from processes import run as start

    yield start
    sys.path.pop(0)


def unit(seed: int) -> Tensor:
    return F.normalize(torch.randn(PAIRS, FEATURES, generator=torch.Generator().manual_seed(seed)))


def model(kind: Literal["softmax", "sigmoid"]) -> Contrastive:
    torch.manual_seed(0)
    text = TextTower(ByteTokenizer().vocabulary, 20, width=32, depth=2, heads=2)
    group = dist.group.WORLD if dist.is_initialized() else None
    return Contrastive(FEATURES, text, dimension=16, kind=kind, group=group)


def pairs() -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, captions and which are valid; one is not, and its picture would do harm."""
    features, valid = 3 * unit(5), torch.ones(PAIRS, dtype=torch.bool)
    features[4], valid[4] = torch.nan, False
    return features, ByteTokenizer(20)(CAPTIONS), valid


def step(kind: Literal["softmax", "sigmoid"]) -> dict[str, Tensor]:
    """Loss and every gradient, as the loop and FSDP make them of sums."""
    size, rank = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
    made = model(kind)
    features, tokens, valid = (part[rank::size] for part in pairs())
    features.requires_grad_()
    loss = made.loss(features, tokens, valid)
    (loss * size / (PAIRS - 1)).backward()
    of_features = torch.zeros(PAIRS, FEATURES)
    of_features[rank::size] = features.grad
    found = {name: parameter.grad for name, parameter in made.named_parameters()}
    found = {"loss": loss.detach() * size, "features": of_features, **found}
    for figure in found.values():
        if size > 1:
            dist.all_reduce(figure)
    return {name: figure / size for name, figure in found.items()}


def steps() -> dict[str, dict[str, Tensor]]:
    return {kind: step(kind) for kind in KINDS}


@pytest.mark.parametrize("size", [2, 3])
def test_several_processes_make_the_gradients_of_one(size: int, run: Callable[..., list[Any]]) -> None:
    alone = steps()
    for found in run(steps, size):
        for kind, figures in alone.items():
            for name, figure in figures.items():
                torch.testing.assert_close(found[kind][name], figure, rtol=1e-3, atol=1e-5)
    for kind in KINDS:
        assert alone[kind]["scale"].abs() > 0
        assert not alone[kind]["features"][4].any()
        assert alone[kind]["features"][[3, 5]].any(1).all()


def test_softmax_is_the_mean_of_choosing_captions_and_choosing_pictures() -> None:
    images, texts, valid = unit(0), unit(1), torch.ones(PAIRS, dtype=torch.bool)
    logits = 5 * images @ texts.T
    own = torch.arange(PAIRS)
    wanted = (F.cross_entropy(logits, own, reduction="sum") + F.cross_entropy(logits.T, own, reduction="sum")) / 2
    torch.testing.assert_close(softmax_loss(images, texts, valid, torch.tensor([5.0])), wanted)


def test_sigmoid_asks_yes_or_no_of_every_pair() -> None:
    images, texts, valid = unit(0), unit(1), torch.ones(PAIRS, dtype=torch.bool)
    logits = 5 * images @ texts.T - 2
    wanted = F.binary_cross_entropy_with_logits(logits, torch.eye(PAIRS), reduction="sum")
    loss = sigmoid_loss(images, texts, valid, torch.tensor([5.0]), torch.tensor([-2.0]))
    torch.testing.assert_close(loss, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_that_is_not_valid_is_as_if_it_were_not_there(kind: Literal["softmax", "sigmoid"]) -> None:
    features, tokens, valid = pairs()
    made = model(kind)
    wanted = made.loss(features[valid], tokens[valid], valid[valid])
    torch.testing.assert_close(made.loss(features, tokens, valid), wanted)
    assert made.loss(features, tokens, torch.zeros_like(valid)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_towers_learn_which_caption_belongs_to_which_picture(kind: Literal["softmax", "sigmoid"]) -> None:
    made = model(kind)
    eye = torch.nn.Linear(len(COLOURS) + len(THINGS), FEATURES)
    tokens, valid = ByteTokenizer(20)(CAPTIONS), torch.ones(PAIRS, dtype=torch.bool)
    seen = torch.cat([torch.eye(4).repeat_interleave(3, 0), torch.eye(3).repeat(4, 1)], 1)
    optimiser = torch.optim.AdamW([*made.parameters(), *eye.parameters()], 3e-3)
    start = made.scale.item()
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = made.loss(eye(seen), tokens, valid) / PAIRS
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
    assert made.scale.item() != start
    with torch.no_grad():
        found = (made(eye(seen)) @ made.embed_text(tokens).T).argmax(1)
    assert (found == torch.arange(PAIRS)).float().mean() > 0.9


def test_the_scale_stops_at_a_hundred() -> None:
    made = model("softmax")
    losses = []
    for value in (100.0, 1e6):
        torch.nn.init.constant_(made.scale, torch.tensor(value).log().item())
        losses.append(made.loss(*pairs()))
    torch.testing.assert_close(*losses)


def test_what_follows_the_end_of_a_text_does_not_matter_and_what_precedes_it_does() -> None:
    tower = model("softmax").text
    tokens = ByteTokenizer(20)(["a red cat", "a red car"])
    features = tower(tokens)
    longer = tokens.clone()
    longer[:, 12:] = 77
    torch.testing.assert_close(tower(longer), features)
    torch.testing.assert_close(tower(tokens[:, :11]), features)
    assert (features[0] - features[1]).abs().max() > 0.01
    with pytest.raises(EyeError, match="at most 20 tokens"):
        tower(torch.ones(1, 21, dtype=torch.int64))


def test_bytes_are_tokens_and_long_texts_are_cut_before_their_end_token() -> None:
    tokens = ByteTokenizer(6)(["ab", "Ж", "abcdefgh", ""])
    assert tokens.tolist() == [
        [1, 100, 101, 2, 0, 0],
        [1, 0xD0 + 3, 0x96 + 3, 2, 0, 0],
        [1, 100, 101, 102, 103, 2],
        [1, 2, 0, 0, 0, 0],
    ]


def test_a_vocabulary_from_a_file(tmp_path: Path) -> None:
    words = {"[UNK]": 0, "a": 1, "red": 2, "cat": 3}
    model_of_words = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    file = tmp_path / "tokenizer.json"
    file.write_text(
        json.dumps(
            {"version": "1.0", "model": model_of_words, "pre_tokenizer": {"type": "Whitespace"}, "added_tokens": []}
        )
    )
    tokenizer = FileTokenizer(file, 6)
    assert tokenizer.vocabulary == 7
    assert tokenizer(["a red cat", "a dog"]).tolist() == [[1, 4, 5, 6, 2, 0], [1, 4, 3, 2, 0, 0]]
    file.write_text("{}")
    with pytest.raises(EyeError, match=r"not a tokenizer\.json"):
        FileTokenizer(file)
    with pytest.raises(EyeError, match="no tokenizer"):
        FileTokenizer(tmp_path / "missing.json")
