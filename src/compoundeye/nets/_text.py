"""Text for contrastive training: a transformer that reads tokens from left to right, and tokenizers.

Radford et al., 2021 (arXiv:2103.00020), section 2.4: the text's features are what the last layer has at its end token.
Shapes: N texts, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compoundeye.nets._vit import Attention, Block, ViTConfig, normalisation
from compoundeye.records import EyeError

PAD, BEGIN, END = range(3)
_SPECIAL = 3
_BYTES = 256
_CAUSAL = "the network reads texts of at most {most} tokens, not {length}: tokenize with length={most}"


class ByteTokenizer:
    """A token for each byte of UTF-8: any language, no vocabulary to download, but long (a letter is a token)."""

    def __init__(self, length: int = 128) -> None:
        """Texts are cut to ``length`` tokens, begin and end included."""
        self.length = length
        self.vocabulary = _BYTES + _SPECIAL

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Tokens, int64 [N, L]: begin, text, end, padding."""
        return _filled(([byte + _SPECIAL for byte in text.encode()] for text in texts), len(texts), self.length)


class FileTokenizer:
    """A vocabulary from the ``tokenizer.json`` of the package ``tokenizers``; its numbers are moved up by 3."""

    def __init__(self, file: str | PathLike[str], length: int = 77) -> None:
        """Read it; texts are cut to ``length`` tokens, begin and end included.

        Raises:
            EyeError: the package is not installed, or the file is not a tokenizer's.
        """
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise EyeError("a tokenizer file needs the package tokenizers: pip install 'compoundeye[text]'") from None
        if not Path(file).is_file():
            raise EyeError(f"there is no tokenizer {fspath(file)}")
        try:
            self._tokenizer: Any = Tokenizer.from_file(fspath(file))
        except Exception as error:  # the package raises nothing more precise
            raise EyeError(f"{fspath(file)} is not a tokenizer.json: {error}") from None
        self.length = length
        self.vocabulary = int(self._tokenizer.get_vocab_size()) + _SPECIAL

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Tokens, int64 [N, L]: begin, text, end, padding."""
        read = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return _filled(([token + _SPECIAL for token in one.ids] for one in read), len(texts), self.length)


class TextTower(nn.Module):
    """Tokens int64 [N, L] to features [N, D]."""

    def __init__(
        self, vocabulary: int, length: int, *, width: int = 512, depth: int = 12, heads: int = 8, **options: Any
    ) -> None:
        """Build it, with fresh weights; CLIP's sizes if not given.

        Args:
            vocabulary: number of tokens.
            length: most tokens of a text.
            options: other fields of ``ViTConfig`` that concern blocks (norm, activation, qk_norm, ...).

        Raises:
            EyeError: the width does not divide into heads.
        """
        super().__init__()
        config = ViTConfig(width=width, depth=depth, heads=heads, **options)
        self.features, self.length, self.depth = width, length, depth
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.empty(1, length, width))
        self.blocks = nn.ModuleDict({str(i): _causal(Block(config, i)) for i in range(depth)})
        self.norm = normalisation(config, width)
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights, with deviations as in CLIP's code: small where many layers add up."""
        width = self.features
        nn.init.normal_(self.token.weight, std=0.02)
        nn.init.normal_(self.position, std=0.01)
        for name, module in self.blocks.named_modules():
            if isinstance(module, nn.Linear):
                added = name.endswith(("out", "down"))
                nn.init.normal_(module.weight, std=width**-0.5 * ((2 * self.depth) ** -0.5 if added else 1))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif callable(reset := getattr(module, "reset_parameters", None)):
                reset()

    def forward(self, tokens: Tensor) -> Tensor:
        """[N, L], L at most ``length``, to [N, D]. What follows the end token does not matter.

        Raises:
            EyeError: L is too long.
        """
        length = tokens.shape[1]
        if length > self.length:
            raise EyeError(_CAUSAL.format(most=self.length, length=length))
        x = self.token(tokens) + self.position[:, :length]
        for block in self.blocks.values():
            x = block(x)
        end = (tokens == END).int().argmax(1)
        return self.norm(x[torch.arange(len(x), device=x.device), end])


def _causal(block: Block) -> Block:
    assert isinstance(block.attention, Attention)
    block.attention.attend = CausalAttend()  # type: ignore[assignment]
    return block


class CausalAttend(nn.Module):
    """Softmax attention over [N, H, L, E] in which a token sees itself and those before it."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Three [N, H, L, E] to one."""
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def _filled(bodies: Iterator[list[int]], rows: int, length: int) -> Tensor:
    """Begin, as much of each body as there is room for, end, then padding."""
    tokens = torch.full((rows, length), PAD)
    for row, body in zip(tokens, bodies, strict=True):
        ids = [BEGIN, *body[: length - 2], END]
        row[: len(ids)] = torch.tensor(ids)
    return tokens
