"""Operations of a transformer block on one rank, from `compoundeye.nets.Block` and how `compoundeye.train` splits it.

Where it is split by tensor each rank has D / T of the width within attention and H / T hidden units, and between layers
L / T of the tokens (Korthikanti et al., 2022, arXiv:2205.05198, section 4.2): a gather before and a scatter after each.
Split by context it has L / C tokens, but within attention all of them of 1 / C of the heads.
With ``full`` recomputation stops where nothing more is needed: the block's last product is not done again, unless
something after it (layer scale, stochastic depth, a mixture's weighting) needs what it gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compoundeye.nets import ViTConfig
from compoundeye.plan._ledger import Again, Group, Learns, Ledger
from compoundeye.plan._operations import Operation, Precision
from compoundeye.plan._tally_mixture import Places, mixture

_MULTIPLE = 16
"""train/_float8.py: layers of which a side is no multiple of it stay in bf16."""
ACTIVATIONS = {"gelu": (2, 3), "gelu_tanh": (2, 3), "quick_gelu": (7, 14)}
"""Numbers read and written for each hidden unit, forward and backward; the last is four operations, not one."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the blocks of a rank work on in one pass, and how."""

    rows: int
    """Pictures, or texts."""
    tokens: int
    """Of each, over all ranks, without those that fill up."""
    context: Group
    tensor: Group
    precision: Precision
    again: str
    """Activation checkpointing."""
    learns: Learns = "weights"
    causal: bool = False
    microbatches: int = 1
    """Passes between two reductions of gradients: what is summed over copies of a parameter is summed then."""
    rounds: bool = False
    """By autocast, which a process alone computes in: norms and sums are float32."""

    @property
    def length(self) -> int:
        """Tokens of each on this rank where all of its neighbours by tensor have the same."""
        ways = self.context.size * self.tensor.size
        return (self.tokens + -self.tokens % ways) // self.context.size


@lru_cache(maxsize=4096)
def block(
    config: ViTConfig, sight: Sight, count: float, *, drop: bool, places: Places | None = None
) -> tuple[Operation, ...]:
    """All of one block.

    Args:
        count: how often in a step: passes times such blocks.
        drop: stochastic depth is at work.
        places: where experts are, if its feed-forward layer is a mixture of them.
    """
    c, tensor = config, sight.tensor
    ledger = Ledger(
        count,
        sight.precision,
        sight.again,
        learns=sight.learns,
        microbatches=sight.microbatches,
        rounds=sight.rounds,
    )
    most = sight.rows * sight.length
    few = most // tensor.size * c.width
    _norm(ledger, "norm1", few, c, tensor)
    _attention(ledger, c, sight)
    tail = bool(c.layer_scale) or drop
    if not c.parallel:
        _added(ledger, "attention", few, c, tensor, drop=drop)
        _norm(ledger, "norm2", few, c, tensor)
    elif c.layer_scale:
        _scale(ledger, "scale1", few, c, tensor)
    if places is not None:
        mixture(ledger, c, most, places)
    else:
        _feed_forward(ledger, c, most, tensor, last="dear" if tail else "never")
    if c.parallel:
        ledger.streams("attention.add", 3 * few, 3 * few, again="cheap" if tail else "never", between=True)
    _added(ledger, "mlp", few, c, tensor, drop=drop, again="never")
    return tuple(ledger.operations)


def _attention(ledger: Ledger, c: ViTConfig, sight: Sight) -> None:
    context, tensor = sight.context, sight.tensor
    most, width, each = sight.rows * sight.length, c.width // tensor.size, c.width // c.heads
    bias = c.bias if c.qkv_bias is None else c.qkv_bias
    precision = _precision(ledger, c.width, c.width)
    _joined(ledger, "attention", most * c.width, tensor)
    for part in ("query", "key", "value"):
        ledger.linear(part, most, width, c.width, bias=bias, precision=precision, norms=True)
    ledger.streams("attention.gradients", 0, 6 * most * c.width, again="never", between=True)  # of three
    if c.qk_norm:
        for part in ("query", "key"):
            _norm(ledger, f"norm_{part}", most * width, c, tensor, each)
    moved = most * width
    if c.qk_norm:  # what norms give is ordered by head, what layers take by token
        ledger.streams("attention.order", 2 * moved, 4 * moved)
    if context.size > 1:
        # Stacked, cut into what goes to each, and put in order where it comes: two numbers a time.
        ledger.streams("attention.moved", 3 * 6 * moved + 4 * moved, 3 * 6 * moved + 4 * moved)
        ledger.talk("attention.in", "all_to_all", "all_to_all", context, 3 * moved * ledger.width, again="dear")
    ledger.attention(
        "attention",
        sight.rows * c.heads // (context.size * tensor.size),
        sight.tokens,
        sight.tokens,
        each,
        causal=sight.causal,
    )
    ledger.talk("attention.out", "all_to_all", "all_to_all", context, moved * ledger.width, again="dear")
    if sight.tokens % (context.size * tensor.size):
        ledger.streams("attention.pad", 2 * moved, 4 * 2 * moved)
    ledger.linear("out", most, c.width, width, bias=c.bias, precision=precision)
    _parted(ledger, "out", most * c.width, tensor, again="dear")


def _feed_forward(ledger: Ledger, c: ViTConfig, most: int, tensor: Group, *, last: Again) -> None:
    hidden = c.hidden or 4 * c.width
    mine = hidden // tensor.size
    precision = _precision(ledger, c.width, hidden)
    _joined(ledger, "mlp", most * c.width, tensor)
    ledger.linear("mlp.up", most, mine, c.width, bias=c.bias, precision=precision, norms=True)
    forward, backward = ACTIVATIONS[c.activation]
    ledger.streams("mlp.activation", forward * most * mine, backward * most * mine)
    ledger.linear("mlp.down", most, c.width, mine, bias=c.bias, again=last, precision=precision)
    _parted(ledger, "mlp", most * c.width, tensor, again=last)


def _precision(ledger: Ledger, a: int, b: int) -> Precision:
    return "bf16" if ledger.precision == "float8" and (a % _MULTIPLE or b % _MULTIPLE) else ledger.precision


def _joined(ledger: Ledger, part: str, numbers: int, tensor: Group) -> None:
    """Tokens of all ranks along tensor; what is gathered along the first dimension is cut and put behind each other."""
    if tensor.size > 1:
        ledger.talk(part + ".join", "all_gather", "reduce_scatter", tensor, numbers * ledger.width, again="cheap")
        ledger.streams(part + ".join", 2 * numbers, 2 * numbers)


def _parted(ledger: Ledger, part: str, numbers: int, tensor: Group, *, again: Again) -> None:
    if tensor.size > 1:
        ledger.talk(part + ".part", "reduce_scatter", "all_gather", tensor, numbers * ledger.width, again=again)
        ledger.streams(part + ".part", 2 * numbers, 2 * numbers, again=again)


def _norm(ledger: Ledger, part: str, numbers: int, c: ViTConfig, tensor: Group, width: int | None = None) -> None:
    """Read and written forward; read twice and written backward. Gradients of its weights are sums along tensor."""
    ledger.streams(part, 2 * numbers, 3 * numbers, between=True)
    if ledger.weights:
        count = 2 if c.norm == "layer" else 1
        size = (width or c.width) * ledger.summed
        ledger.call(part, "backward", "all_reduce", tensor, size, count=count / ledger.microbatches, hidden=False)


def _scale(ledger: Ledger, part: str, numbers: int, c: ViTConfig, tensor: Group) -> None:
    ledger.streams(part, 2 * numbers, 6 * numbers, between=True)
    if ledger.weights:
        size, count = c.width * ledger.summed, 1 / ledger.microbatches
        ledger.call(part, "backward", "all_reduce", tensor, size, count=count, hidden=False)


def _added(
    ledger: Ledger, part: str, numbers: int, c: ViTConfig, tensor: Group, *, drop: bool, again: Again = "cheap"
) -> None:
    """What comes after a layer: its scale, stochastic depth (a product and a quotient), the sum."""
    if c.layer_scale:
        _scale(ledger, part + ".scale", numbers, c, tensor)
    if drop:
        ledger.streams(part + ".drop", 4 * numbers, 4 * numbers, between=True)
    ledger.streams(part + ".add", 3 * numbers, 3 * numbers, again=again, between=True)
