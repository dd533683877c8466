"""Operations of a mixture of experts on one rank, from `compoundeye.nets.Mixture` and `train/_experts.py`.

Tokens are taken to be spread evenly: each rank gets as many as it sends. FLOPs of all experts together then do not
depend on which expert has how many, so one product stands for all of a rank's experts.
"""

from __future__ import annotations

from dataclasses import dataclass

from compoundeye.nets import ViTConfig
from compoundeye.plan._ledger import Group, Ledger

_FLOAT = 4
_COUNT = 8
"""Bytes of an int64."""
_ACTIVATION = (2, 3)


@dataclass(frozen=True, slots=True)
class Places:
    """Where experts are and who counts their tokens."""

    expert: Group
    replicate: Group
    shard: Group


def mixture(ledger: Ledger, c: ViTConfig, tokens: int, places: Places) -> None:
    """All of it: router, exchange, experts, exchange.

    What ``selective`` keeps are results of products, but those of experts that were exchanged are done again: FSDP's
    operations within them may not be counted (pytorch#196862).
    """
    rows, width, hidden = tokens * c.experts_each, c.width, c.hidden or 4 * c.width
    ledger.linear("router", tokens, c.experts, width, precision="fp32")
    ledger.stream("router.tokens", "forward", (_FLOAT + ledger.width) * tokens * width)
    if ledger.learns:  # as float32, and added to the gradient of what experts take
        ledger.stream("router.tokens", "backward", (_FLOAT + 4 * ledger.width) * tokens * width)
    ledger.streams("experts.copies", (tokens + rows) * width, (tokens + rows) * width)
    # As float32; softmax, its sum, its largest, and the losses of the router: each reads or writes the logits once.
    ledger.streams("router.choose", 2 * 10 * tokens * c.experts, 2 * 10 * tokens * c.experts)
    exchanged = places.expert.size > 1
    moves = 4 if exchanged else 2
    ledger.streams("experts.order", 2 * moves * rows * width, 2 * moves * rows * width)
    if exchanged:
        ledger.talk("experts.counts", "all_to_all", None, places.expert, c.experts * _COUNT, again="dear")
        for part in ("experts.there", "experts.back"):
            ledger.talk(part, "all_to_all", "all_to_all", places.expert, rows * width * ledger.width, again="dear")
    for part, n, k in (("experts.up", hidden, width), ("experts.down", width, hidden)):
        ledger.linear(part, rows, n, k, bias=c.bias, again="cheap" if exchanged else "dear")
        if part == "experts.up":
            ledger.streams("experts.activation", _ACTIVATION[0] * rows * hidden, _ACTIVATION[1] * rows * hidden)
    ledger.streams("experts.weigh", 3 * rows * width, 5 * rows * width)
    for group in (places.replicate, places.shard):
        ledger.talk("experts.load", "all_reduce", None, group, c.experts * _COUNT, again="cheap")
