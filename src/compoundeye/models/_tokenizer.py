"""Texts to token ids, by the rules that each text tower was trained with.

The vocabulary and its merges come from the published ``tokenizer.json``, read by the ``tokenizers`` package. What is
put around the tokens is written out here, so that it does not depend on what else that file happens to contain:

- CLIP: begin, at most L - 2 tokens, end; shorter rows are filled up with more ends, which the tower cannot see.
- SigLIP: lower case, no ASCII punctuation, single spaces; at most L - 1 tokens, end; filled up to exactly L.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from compoundeye.models._error import WeightsError
from compoundeye.models._hub import TOKENIZER, HubModel
from compoundeye.models._safetensors import read_json
from compoundeye.models._text_tower import LEGACY_END
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = npt.NDArray[np.int64]

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class ClipTokenizer:
    """CLIP's byte-pair encoding (lower-cased by ``tokenizer.json`` itself); rows as long as the longest text."""

    def __init__(self, tokenizer: Tokenizer, begin: int, end: int, length: int) -> None:
        self._tokenizer, self._begin, self._end, self._length = tokenizer, begin, end, length

    def __call__(self, texts: Sequence[str]) -> Ids:
        """Token ids, int64 [N, L], L at most what the tower allows; longer texts are cut."""
        bodies = [ids[: self._length - 2] for ids in _encode(self._tokenizer, texts)]
        rows = np.full((len(bodies), max(map(len, bodies), default=0) + 2), self._end, np.int64)
        rows[:, 0] = self._begin
        for row, body in zip(rows, bodies, strict=True):
            row[1 : 1 + len(body)] = body
        return rows


class SiglipTokenizer:
    """SigLIP's unigram pieces; rows of exactly the tower's length."""

    def __init__(self, tokenizer: Tokenizer, end: int, pad: int, length: int) -> None:
        self._tokenizer, self._end, self._pad, self._length = tokenizer, end, pad, length

    def __call__(self, texts: Sequence[str]) -> Ids:
        """Token ids, int64 [N, L]; longer texts are cut."""
        rows = np.full((len(texts), self._length), self._pad, np.int64)
        for row, ids in zip(rows, _encode(self._tokenizer, [plain(text) for text in texts]), strict=True):
            body = ids[: self._length - 1]
            row[: len(body)] = body
            row[len(body)] = self._end
        return rows


def plain(text: str) -> str:
    """Text as SigLIP was trained on it: ``canonicalize`` in big_vision's prompt_engineering.py."""
    return " ".join(text.lower().translate(_NO_PUNCTUATION).split())


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    # One by one: the batch call starts threads, which a process that forks later must not have done.
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]


def read_tokenizer(model: HubModel) -> ClipTokenizer | SiglipTokenizer:
    """The tokenizer of a model folder.

    Raises:
        WeightsError: ``tokenizer.json`` is missing or damaged, the tokenizer is of a kind that is not known here,
            or its ids do not fit the model.
        EyeError: the ``tokenizers`` package is not installed.
    """
    folder, tower = model.folder, model.text
    if tower is None:
        raise WeightsError(f"{folder} is a {model.kind} model, which has no text tower: it sees pictures only")
    tokenizer = _load(folder / TOKENIZER)
    if tokenizer.get_vocab_size() > tower.vocabulary:
        raise WeightsError(
            f"{folder / TOKENIZER} has {tokenizer.get_vocab_size()} tokens where the model has {tower.vocabulary}: "
            "the two files are not of the same model"
        )
    settings = _settings(folder)
    if model.kind == "clip":
        begin = _special(tokenizer, settings, "bos_token", "<|startoftext|>", folder)
        end = _special(tokenizer, settings, "eos_token", "<|endoftext|>", folder)
        if tower.end not in (end, LEGACY_END):
            raise WeightsError(f"{folder}: a text ends with id {end} in tokenizer.json but {tower.end} in config.json")
        return ClipTokenizer(tokenizer, begin, end, tower.length)
    kind = str(settings.get("tokenizer_class", "SiglipTokenizer")).removesuffix("Fast")
    if kind != "SiglipTokenizer":
        raise WeightsError(f"{folder} needs a {kind}, and only SigLIP's first tokenizer is supported")
    end = _special(tokenizer, settings, "eos_token", "</s>", folder)
    return SiglipTokenizer(tokenizer, end, _special(tokenizer, settings, "pad_token", "</s>", folder), tower.length)


def _load(path: Path) -> Tokenizer:
    if not path.is_file():
        raise WeightsError(f"{path.parent} has no {path.name}, which texts need: download it beside config.json")
    try:
        # Not in the base install: it brings the client of the model hub with it.
        from tokenizers import Tokenizer
    except ImportError:
        raise EyeError("reading text needs the tokenizers package: pip install 'compoundeye[text]'") from None
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises bare Exception for any damage
        raise WeightsError(f"{path} cannot be read ({error}): download it again") from error
    # Length and filling are this module's business; whatever the file says of them is switched off.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _settings(folder: Path) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            merged |= read_json(folder / name)
    return merged


def _special(tokenizer: Tokenizer, settings: Mapping[str, Any], key: str, usual: str, folder: Path) -> int:
    """Id of a special token; its text may be written plainly or as {"content": ...}."""
    written = settings.get(key) or usual
    text = written.get("content") if isinstance(written, Mapping) else written
    identity = tokenizer.token_to_id(str(text))
    if identity is None:
        raise WeightsError(f"{folder / TOKENIZER} lacks the token {text!r}, which is the {key}: download it again")
    return int(identity)
