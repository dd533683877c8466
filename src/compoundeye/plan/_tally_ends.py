"""Operations before the first block and after the last: pixels to tokens, tokens to features."""

from __future__ import annotations

from functools import lru_cache

from compoundeye.nets import ViTConfig
from compoundeye.plan._ledger import Group, Ledger
from compoundeye.plan._operations import Operation, Precision
from compoundeye.plan._tally_block import ACTIVATIONS, Sight

_FLOAT = 4
_BYTE = 1


@lru_cache(maxsize=1024)
def entry(c: ViTConfig, sight: Sight, count: float, *, seen: int | None = None) -> tuple[Operation, ...]:
    """Pixels to the tokens that this rank's first block takes.

    The patches of a picture are made on every rank that sees it: their layer is small. Backward there is a product for
    its weights and none for pixels.

    Args:
        seen: patches that are not hidden, if some are.
    """
    ledger = Ledger(count, _plain(sight), learns=sight.learns, rounds=sight.rounds)
    patches, inputs = (c.image // c.patch) ** 2, c.channels * c.patch**2
    values, tokens = sight.rows * c.channels * c.image**2, sight.rows * patches * c.width
    # Bytes to floats, then a difference and a quotient.
    ledger.stream("pixels", "forward", values * (_BYTE + 5 * _FLOAT))
    if ledger.width != _FLOAT:
        ledger.stream("pixels", "forward", values * (_FLOAT + ledger.width))
    ledger.linear("patch", sight.rows * patches, c.width, inputs, bias=True, again="never", inputs=False)
    ledger.streams("position", 3 * tokens, tokens, again="never", between=True)
    whole = sight.rows * sight.tokens * c.width
    if seen is not None:
        ledger.streams("visible", 2 * whole, tokens + 2 * whole, again="never")
    if c.extra:
        ledger.streams("prefix", 2 * whole, 2 * whole, again="never", between=True)
    if c.norm_in:
        ledger.streams("norm_in", 2 * whole, 3 * whole, again="never", between=True)
    if sight.tensor.size > 1 and ledger.learns:
        size = sight.rows * sight.length * c.width * ledger.width
        ledger.call("split", "backward", "all_gather", sight.tensor, size, hidden=False)
    return tuple(ledger.operations)


@lru_cache(maxsize=1024)
def leave(c: ViTConfig, sight: Sight, count: float, *, pooled: bool = True) -> tuple[Operation, ...]:
    """Tokens of this rank after its last block to features, which all ranks that share pictures then have.

    Args:
        pooled: False where all tokens are wanted.
    """
    ledger = Ledger(count, _plain(sight), learns=sight.learns, microbatches=sight.microbatches, rounds=sight.rounds)
    tensor, context = sight.tensor, sight.context
    most, width = sight.rows * sight.length * c.width, ledger.width
    few = most // tensor.size
    ledger.streams("norm", 2 * few, 3 * few, again="never", between=True)
    if ledger.weights:
        norms = (2 if c.norm == "layer" else 1) / ledger.microbatches
        ledger.call("norm", "backward", "all_reduce", tensor, c.width * ledger.summed, count=norms, hidden=False)
    # Along tensor all ranks have the same gradient and each takes its part; along context it is summed.
    ledger.talk("join", "all_gather", None, tensor, most * width, again="never")
    ledger.talk("join", "all_gather", "reduce_scatter", context, most * context.size * width, again="never")
    if context.size * tensor.size > 1:
        ledger.streams("join", 2 * most * context.size, 2 * most * context.size, again="never")
    if not pooled:
        return tuple(ledger.operations)
    whole, features = sight.rows * sight.tokens * c.width, sight.rows * c.width
    if c.pool == "attention":
        _pool(ledger, c, sight.rows, sight.tokens - c.extra, tensor)
    else:
        forward = whole if c.pool == "mean" else 2 * features
        ledger.streams("pool", forward, whole + features, again="never", between=True)
    return tuple(ledger.operations)


def _pool(ledger: Ledger, c: ViTConfig, rows: int, tokens: int, tensor: Group) -> None:
    """A query looks at all tokens; along tensor heads and hidden units are split, and sums are on all ranks."""
    width, hidden = c.width // tensor.size, (c.hidden or 4 * c.width) // tensor.size
    most, size = rows * tokens, ledger.width
    summed = {"pool.query": 1, "pool.key": most, "pool.value": most}
    for part, m in summed.items():
        asked = ledger.weights or part != "pool.query"  # the query is a parameter
        ledger.linear(part, m, width, c.width, bias=True, again="never", inputs=asked, norms=True)
        if ledger.learns and asked:
            ledger.call(part, "backward", "all_reduce", tensor, m * c.width * size, hidden=False)
    ledger.attention("pool", rows * c.heads // tensor.size, 1, tokens, c.width // c.heads)
    ledger.linear("pool.out", rows, c.width, width, bias=True, again="never")
    ledger.talk("pool.out", "all_reduce", None, tensor, rows * c.width * size, again="never")
    ledger.streams("pool.norm", 2 * rows * c.width, 3 * rows * c.width, again="never")
    ledger.linear("pool.mlp.up", rows, hidden, c.width, bias=True, again="never")
    if ledger.learns:
        ledger.call("pool.mlp.up", "backward", "all_reduce", tensor, rows * c.width * size, hidden=False)
    forward, backward = ACTIVATIONS[c.activation]
    ledger.streams("pool.mlp.activation", forward * rows * hidden, backward * rows * hidden, again="never")
    ledger.linear("pool.mlp.down", rows, c.width, hidden, bias=True, again="never")
    ledger.talk("pool.mlp.down", "all_reduce", None, tensor, rows * c.width * size, again="never")


def _plain(sight: Sight) -> Precision:
    """Outside of blocks float8 is bf16."""
    return "bf16" if sight.precision == "float8" else sight.precision
