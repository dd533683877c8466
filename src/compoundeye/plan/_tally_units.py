"""What FSDP gathers and reduces: parameters by unit, as `train/_fsdp.py`, `_tensor.py` and `_experts.py` cut them.

A unit is gathered in one call, in the precision it computes in, and its gradients are scattered in one, in float32.
What does not divide is filled up: a parameter whose first dimension is smaller than the ranks that share it is sent as
if it had one row for each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, Literal

from compoundeye.nets import ViTConfig

Split = Literal["no", "part", "copy"]
"""How a parameter is laid out along tensor: not at all, a part on each rank, a copy on each."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of a module."""

    shape: tuple[int, ...]
    """On a rank, before FSDP cuts it."""
    split: Split = "no"
    last: bool = False
    """Cut along the last dimension whatever its first is (experts' are, along the second, which comes to the same)."""
    bias: bool = False
    """Stacked, and still no matrix."""

    @property
    def size(self) -> int:
        """Numbers of it."""
        return prod(self.shape)

    def gathered(self, ways: int) -> int:
        """Numbers that are sent when so many ranks gather it."""
        first = self.shape[0]
        if self.last or (len(self.shape) > 1 and first == 1 and self.shape[-1] % ways == 0):
            return self.size
        return -(-first // ways) * ways * (self.size // first)


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """Parameters that come and go together. Equal to itself alone: those who look one up do not look through it."""

    name: str
    parameters: tuple[Parameter, ...]
    learns: bool
    splits: frozenset[Split]
    """Ways in which its parameters are laid out along tensor."""

    def gathered(self, ways: int) -> int:
        """Numbers that are sent."""
        return _gathered(self, ways)

    def held(self, ways: int) -> int:
        """Numbers of this rank's shard, as FSDP fills it up."""
        return _gathered(self, ways) // ways


@lru_cache(maxsize=4096)
def _gathered(unit: Unit, ways: int) -> int:
    return sum(one.gathered(ways) for one in unit.parameters)


@lru_cache(maxsize=4096)
def unit(name: str, learns: bool, make: Callable[..., tuple[Parameter, ...]], *arguments: Any, **options: Any) -> Unit:
    """The unit of parameters that ``make`` gives for arguments; the same one again for the same arguments."""
    parameters = make(*arguments, **options)
    return Unit(name, parameters, learns, frozenset(one.split for one in parameters))


@lru_cache(maxsize=1024)
def block_parameters(c: ViTConfig, tensor: int, *, mixture: bool, exchanged: bool = False) -> tuple[Parameter, ...]:
    """Of one block; without its experts if others hold some of them (``exchanged``)."""
    hidden, each = c.hidden or 4 * c.width, c.width // c.heads
    found = norm_parameters(c, tensor)
    qkv_bias = c.bias if c.qkv_bias is None else c.qkv_bias
    found += 3 * _columns(c.width, c.width, tensor, bias=qkv_bias)
    if c.qk_norm:
        found += 2 * norm_parameters(c, tensor, each)
    found += _rows(c.width, c.width, tensor, bias=c.bias)
    if not c.parallel:
        found += norm_parameters(c, tensor)
    if not mixture:
        found += _columns(c.width, hidden, tensor, bias=c.bias) + _rows(hidden, c.width, tensor, bias=c.bias)
    else:
        found += (Parameter((c.experts, c.width)),)
        found += () if exchanged else expert_parameters(c, 1)
    if c.layer_scale:
        found += 2 * (Parameter((c.width,), _copy(tensor)),)
    return found


@lru_cache(maxsize=256)
def expert_parameters(c: ViTConfig, expert: int) -> tuple[Parameter, ...]:
    """Of this rank's experts, stacked; where they are exchanged, FSDP cuts them along the second dimension."""
    count, hidden, cut = c.experts // expert, c.hidden or 4 * c.width, expert > 1
    found = [Parameter((count, hidden, c.width), last=cut), Parameter((count, c.width, hidden), last=cut)]
    if c.bias:
        found += [Parameter((count, n), last=cut, bias=True) for n in (hidden, c.width)]
    return tuple(found)


@lru_cache(maxsize=256)
def end_parameters(c: ViTConfig, tensor: int, *, first: bool = True, last: bool = True) -> tuple[Parameter, ...]:
    """Of a vision transformer outside of its blocks and its pool: what is before them, and the normalisation after."""
    found: tuple[Parameter, ...] = ()
    if first:
        patches = (c.image // c.patch) ** 2
        found += (Parameter((c.width, c.channels, c.patch, c.patch)), Parameter((c.width,)))
        found += (Parameter((1, patches + (c.pool == "token"), c.width)),)
        found += (Parameter((1, c.extra, c.width)),) if c.extra else ()
        found += norm_parameters(c, 1) if c.norm_in else ()
    if last:
        found += norm_parameters(c, tensor)
    return found


@lru_cache(maxsize=256)
def pool_parameters(c: ViTConfig, tensor: int) -> tuple[Parameter, ...]:
    """Of the pool that attends; its layers have biases whatever those of blocks have."""
    hidden = c.hidden or 4 * c.width
    found = (Parameter((1, 1, c.width)), *norm_parameters(c, 1))
    found += 3 * _columns(c.width, c.width, tensor, bias=True) + _rows(c.width, c.width, tensor, bias=True)
    return found + _columns(c.width, hidden, tensor, bias=True) + _rows(hidden, c.width, tensor, bias=True)


@lru_cache(maxsize=256)
def projection_parameters(image: int, text: int, dimension: int, *, sigmoid: bool) -> tuple[Parameter, ...]:
    """Of a contrastive head besides its text tower."""
    found = linear_parameters(image, dimension, bias=False) + linear_parameters(text, dimension, bias=False)
    return found + (1 + sigmoid) * (Parameter((1,)),)


@lru_cache(maxsize=256)
def text_parameters(c: ViTConfig, words: int, length: int) -> tuple[Parameter, ...]:
    """Of a text tower outside of its blocks."""
    return (Parameter((words, c.width)), Parameter((1, length, c.width)), *norm_parameters(c, 1))


@lru_cache(maxsize=256)
def decoder_parameters(c: ViTConfig, decoder: ViTConfig) -> tuple[Parameter, ...]:
    """Of a decoder outside of its blocks."""
    found = (*linear_parameters(c.width, decoder.width, bias=True), Parameter((1, 1, decoder.width)))
    return found + norm_parameters(decoder, 1) + linear_parameters(decoder.width, c.channels * c.patch**2, bias=True)


def linear_parameters(inputs: int, outputs: int, *, bias: bool) -> tuple[Parameter, ...]:
    """Of a layer that is not split."""
    return _columns(inputs, outputs, 1, bias=bias)


def norm_parameters(c: ViTConfig, tensor: int, width: int | None = None) -> tuple[Parameter, ...]:
    """Of one normalisation."""
    return (1 + (c.norm == "layer")) * (Parameter((width or c.width,), _copy(tensor)),)


def _columns(inputs: int, outputs: int, tensor: int, *, bias: bool) -> tuple[Parameter, ...]:
    """By outputs."""
    split: Split = "part" if tensor > 1 else "no"
    found = (Parameter((outputs // tensor, inputs), split),)
    return (*found, Parameter((outputs // tensor,), split)) if bias else found


def _rows(inputs: int, outputs: int, tensor: int, *, bias: bool) -> tuple[Parameter, ...]:
    """By inputs: each rank adds its part to what all have."""
    found = (Parameter((outputs, inputs // tensor), "part" if tensor > 1 else "no"),)
    return (*found, Parameter((outputs,), _copy(tensor))) if bias else found


def _copy(tensor: int) -> Split:
    return "copy" if tensor > 1 else "no"
