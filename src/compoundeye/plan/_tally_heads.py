"""Operations of heads and losses, by task, from `compoundeye.nets`. All but text towers and decoders are float32.

FLOPs of a picture that its model defines are here too: `model_flops` of a tally.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from compoundeye.nets import ViTConfig
from compoundeye.plan._case import Case
from compoundeye.plan._ledger import Group, Ledger
from compoundeye.plan._operations import Operation, Precision

_FLOAT, _INT, _BOOL = 4, 8, 1
_HASH = 418
"""Bytes read and written for each class to tell whether it is sampled (nets/_partial.py): 24 operations on int64."""
_LOGITS = 1 << 28
"""Bytes of logits that a margin softmax holds at once on a GPU (nets/_margin_softmax.py)."""
_FEWEST = 256
"""Classes of a block at least (nets/_shard_softmax.py)."""
HEAD_OF_DECODER = 32
"""Width of a decoder's heads (nets/_masked.py)."""


@lru_cache(maxsize=4096)
def classify(
    features: int, classes: int, rows: int, count: float, precision: Precision, *, learns: bool
) -> tuple[Operation, ...]:
    """One layer and a softmax; a frozen backbone wants no gradient of its features."""
    ledger = Ledger(count, precision)
    ledger.linear("head", rows, classes, features, bias=True, again="never", inputs=learns)
    # Largest of each row; softmax read and written; its gradient read, read and written.
    ledger.stream("head.loss", "forward", 3 * rows * classes * _FLOAT)
    ledger.stream("head.loss", "backward", 3 * rows * classes * _FLOAT)
    return tuple(ledger.operations)


@lru_cache(maxsize=4096)
def margin(
    features: int,
    dimension: int,
    classes: int,
    rate: float,
    rows: int,
    count: float,
    precision: Precision,
    data: Group,
    *,
    learns: bool,
) -> tuple[Operation, ...]:
    """Embeddings of all ranks against this rank's classes, as many blocks of them as logits fit.

    They are the first data rank's, the most that a rank has.
    """
    ledger = Ledger(count, precision)
    ledger.linear("embed", rows, dimension, features, again="never", inputs=learns)
    ledger.precision = "fp32"
    everyone = rows * data.size
    embeddings = everyone * dimension * _FLOAT
    ledger.talk("head.embeddings", "all_gather", "reduce_scatter", data, embeddings, again="never")
    ledger.talk("head.labels", "all_gather", None, data, everyone * _INT, again="never")
    ledger.talk("head.largest", "all_reduce", None, data, everyone * _FLOAT, again="never")
    ledger.talk("head.sums", "all_reduce", "all_reduce", data, 2 * everyone * _FLOAT, again="never")
    mine = classes_here(classes, rate, data.size, everyone)
    if rate < 1:
        ledger.stream("head.sample", "forward", ceil(classes / data.size) * _HASH + 2 * mine * dimension * _FLOAT)
    block = max(_LOGITS // (_FLOAT * max(everyone, 1)), _FEWEST)
    whole, rest = divmod(mine, block)
    for size, times in ((block, whole), (rest, 1 if rest else 0)):
        ledger.count = count * times
        if not times:
            continue
        ledger.product("head", "forward", everyone, size, dimension)
        if mine > block:
            ledger.product("head", "backward", everyone, size, dimension)
        ledger.product("head", "backward", everyone, dimension, size)
        ledger.product("head", "backward", size, dimension, everyone)
        logits, weights = everyone * size * _FLOAT, size * dimension * _FLOAT
        # Length and quotient of weights, their scale; largest logit, difference and its exponential, their sum.
        ledger.stream("head.loss", "forward", 6 * logits + 5 * weights)
        ledger.stream("head.loss", "backward", (8 if mine > block else 6) * logits + 17 * weights)
    return tuple(ledger.operations)


def classes_here(classes: int, rate: float, ranks: int, everyone: int) -> int:
    """Classes of the first rank that take part in a pass over so many pictures: sampled, or theirs; as expected."""
    mine = ceil(classes / ranks)
    if rate == 1:
        return mine
    left_out = (1 - rate) * (1 - 1 / classes) ** everyone
    return min(round(mine * (1 - left_out)), mine)


@lru_cache(maxsize=4096)
def contrastive(
    features: int,
    text: int,
    dimension: int,
    kind: str,
    rows: int,
    count: float,
    precision: Precision,
    data: Group,
    *,
    learns: bool,
) -> tuple[Operation, ...]:
    """Projections of both sides, and their products with those of all ranks."""
    ledger = Ledger(count, precision)
    ledger.linear("image_projection", rows, dimension, features, again="never", inputs=learns)
    ledger.linear("text_projection", rows, dimension, text, again="never")
    ledger.precision = "fp32"
    ledger.talk("head.valid", "all_gather", None, data, rows * data.size * _BOOL, again="never")
    size = rows * dimension * _FLOAT
    if kind == "softmax":
        everyone = rows * data.size
        for _ in range(2):
            ledger.talk("head.pairs", "all_gather", "reduce_scatter", data, size * data.size, again="never")
            ledger.linear("head", rows, everyone, dimension, again="never")
            # Two masks, softmax and its loss.
            ledger.stream("head.loss", "forward", 8 * rows * everyone * _FLOAT)
            ledger.stream("head.loss", "backward", 9 * rows * everyone * _FLOAT)
        return tuple(ledger.operations)
    ledger.count = count * data.size
    again = Ledger(ledger.count, "fp32", "full")
    again.linear("head", rows, rows, dimension, again="dear")
    again.streams("head.loss", 12 * rows * rows, 8 * rows * rows, again="dear")
    ledger.count = count * (data.size - 1)
    ledger.talk("head.passed", "send", "send", data, size, again="never")
    return (*ledger.operations, *again.operations)


@lru_cache(maxsize=1024)
def masked(
    c: ViTConfig, decoder: ViTConfig, seen: int, rows: int, count: float, precision: Precision, *, learns: bool
) -> tuple[Operation, ...]:
    """The decoder's layers before and after its blocks, and the loss of hidden patches."""
    ledger = Ledger(count, precision)
    patches, values = (c.image // c.patch) ** 2, c.channels * c.patch**2
    ledger.linear("enter", rows * (c.extra + seen), decoder.width, c.width, bias=True, again="never", inputs=learns)
    tokens = rows * (c.extra + patches) * decoder.width
    ledger.streams("scatter", 7 * tokens, 5 * tokens, again="never")
    ledger.streams("decoder.norm", 2 * tokens, 3 * tokens, again="never")
    ledger.linear("leave", rows * patches, values, decoder.width, bias=True, again="never")
    pixels = rows * patches * values * _FLOAT
    # Patches put in order 3, mean and deviation 1, difference 2, quotient 2; difference 3, its square 2, mean 1.
    ledger.stream("head.loss", "forward", 14 * pixels)
    ledger.stream("head.loss", "backward", 9 * pixels)
    if ledger.width != _FLOAT:
        # To float32 and back where a unit of FSDP ends or begins: tokens, what was drawn and what it is compared with.
        cast = 1 + ledger.width / _FLOAT
        ledger.stream("head.casts", "forward", cast * (5 * pixels + 2 * rows * (c.extra + seen) * c.width * _FLOAT))
        ledger.stream("head.casts", "backward", cast * (3 * pixels + 2 * rows * (c.extra + seen) * c.width * _FLOAT))
    return tuple(ledger.operations)


def decoder_of(case: Case, c: ViTConfig) -> ViTConfig:
    """Of masked training, as `MaskedDecoder` makes it."""
    sizes = case.settings.task.decoder
    width = sizes.width or max(HEAD_OF_DECODER, c.width // 2 // HEAD_OF_DECODER * HEAD_OF_DECODER)
    return _decoder(width, sizes.depth, c.image, c.patch)


@lru_cache(maxsize=64)
def _decoder(width: int, depth: int, image: int, patch: int) -> ViTConfig:
    return ViTConfig(width=width, depth=depth, heads=width // HEAD_OF_DECODER, image=image, patch=patch)


def text_of(case: Case) -> ViTConfig:
    """Blocks of the tower that reads captions."""
    sizes = case.settings.task.text
    return _text(sizes.width, sizes.depth, sizes.heads)


@lru_cache(maxsize=64)
def _text(width: int, depth: int, heads: int) -> ViTConfig:
    return ViTConfig(width=width, depth=depth, heads=heads)


def visible(c: ViTConfig, hidden: float) -> int:
    """Patches of a picture that are seen where a share is hidden, as `MaskedDecoder` counts them."""
    patches = (c.image // c.patch) ** 2
    return patches - round(hidden * patches)


@lru_cache(maxsize=1024)
def forward_flops_of(c: ViTConfig, seen: int | None = None) -> int:
    """One picture through a vision transformer, as `nets.forward_flops` counts it; ``seen`` patches if some are not."""
    patches = (c.image // c.patch) ** 2
    tokens = c.extra + (patches if seen is None else seen)
    found = 2 * patches * c.width * c.channels * c.patch**2 + blocks_flops(c, tokens)
    if c.pool == "attention" and seen is None:
        hidden = c.hidden or 4 * c.width
        found += 2 * c.width**2 * (2 + 2 * patches) + 4 * patches * c.width + 4 * c.width * hidden
    return found


@lru_cache(maxsize=1024)
def blocks_flops(c: ViTConfig, tokens: int) -> int:
    """One sequence through all blocks."""
    hidden = c.hidden or 4 * c.width
    attention = 8 * tokens * c.width**2 + 4 * tokens**2 * c.width
    dense = 4 * tokens * c.width * hidden
    mixtures = c.depth // c.experts_every if c.experts else 0
    sparse = 2 * tokens * c.width * c.experts + c.experts_each * dense
    return c.depth * attention + (c.depth - mixtures) * dense + mixtures * sparse


def model_flops_of(case: Case, c: ViTConfig) -> float:
    """Of a whole step over all ranks: three times the forward pass of backbone and head."""
    task, batch = case.settings.task, case.settings.data.batch
    match task.kind:
        case "classify":
            each = forward_flops_of(c) + 2 * c.width * case.classes
        case "margin":
            each = forward_flops_of(c) + 2 * c.width * task.dimension
            each += 2 * task.dimension * round(case.classes * task.sample)
        case "contrastive":
            text = text_of(case)
            each = forward_flops_of(c) + blocks_flops(text, task.text.length)
            each += 2 * task.dimension * (c.width + text.width)
            each += 2 * task.dimension * batch * (2 if task.pairs == "softmax" else 1)
        case "masked":
            seen, decoder = visible(c, task.masked), decoder_of(case, c)
            patches = (c.image // c.patch) ** 2
            each = forward_flops_of(c, seen) + blocks_flops(decoder, c.extra + patches)
            each += 2 * decoder.width * (c.width * (c.extra + seen) + patches * c.channels * c.patch**2)
    return 3.0 * batch * each
