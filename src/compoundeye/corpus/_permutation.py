"""Keyed bijections of {0, ..., n-1}, computed for single elements: a shuffle that needs no table and no memory.

A bijection of the next power of two, applied again to what falls outside n ("cycle walking": Black and Rogaway, Ciphers
with Arbitrary Finite Domains, CT-RSA 2002). Each round adds and multiplies modulo 2^k and folds the upper half onto the
lower, as mixing functions of hash tables and generators do (O'Neill, PCG, HMC-CS-2014-0905, 2014), with constants drawn
from the key. That is half the operations of a Feistel network of as many rounds.

This is statistics, not cryptography: who sees the order can find the key.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
_Keys = list[tuple[Words, Words]]
_Scalars = list[tuple[np.uint64, np.uint64]]

MOST = 1 << 35
"""The largest domain: multipliers have 35 bits."""

# How often pairs of images differ from equally likely pairs, as the root of chi-square per sample: 4 rounds 0.00 at
# 2^16, 0.02 at 2^12, 0.11 at 2^8, 0.39 at 2^4; 8 rounds 0.02 at 2^4. See benchmarks/order.py --quality.
_ROUNDS, _MORE_ROUNDS = 4, 4
_SMALL_BITS = 13
"""Domains up to 2^13 take the further rounds too."""

_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)


def word(number: int) -> Words:
    """An integer modulo 2^64, [1]."""
    return np.array([number & 0xFFFFFFFFFFFFFFFF], np.uint64)


def mixed(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection of 64 bits that scatters them."""
    words = words + _STEP
    words ^= words >> np.uint64(30)
    words *= _FIRST
    words ^= words >> np.uint64(27)
    words *= _SECOND
    words ^= words >> np.uint64(31)
    return words


def key_of(*parts: int | Words) -> Words:
    """One word that depends on every bit of all parts and on their sequence: [1], or as long as the longest part."""
    key = np.zeros(1, np.uint64)
    for part in parts:
        key = mixed(key ^ (word(part) if isinstance(part, int) else part))
    return key


def below(n: int, *parts: int) -> int:
    """A number below n, each as likely as the others to within n / 2^64, that depends on the parts."""
    return int(key_of(*parts)[0]) * n >> 64


def permuted(elements: Words, size: int | Words, key: Words) -> Words:
    """Where a permutation takes elements [n] of {0, ..., size-1}.

    Args:
        size: of the domain, from 1 to `MOST`; one, or one an element.
        key: which permutation, as `key_of` makes it; [1], or [n] for a permutation of its own for each element.
    """
    if isinstance(size, int):
        return Permutation(size, key)(elements) if len(key) == 1 else _each(elements, word(size), key)
    return _each(elements, size, key)


class Permutation:
    """One permutation, for many calls: what depends on its size and key is computed once."""

    __slots__ = ("_fold", "_full", "_keys", "_mask", "_size")

    def __init__(self, size: int, key: Words) -> None:
        bits = (size - 1).bit_length()
        rounds = _ROUNDS + (_MORE_ROUNDS if bits <= _SMALL_BITS else 0)
        # Scalars, which NumPy adds to arrays in three quarters of the time that arrays of one take.
        self._size = np.uint64(size)
        self._mask, self._fold = np.uint64((1 << bits) - 1), np.uint64((bits + 1) // 2)
        self._keys = [(add[0], times[0]) for add, times in _round_keys(key, range(rounds))]
        self._full = size == 1 << bits

    def __call__(self, elements: Words) -> Words:
        """Images of elements [n], each below the size."""
        found = _rounds(elements, self._mask, self._fold, self._keys)
        if self._full:
            return found
        outside = np.flatnonzero(found >= self._size)
        while len(outside):
            again = _rounds(found[outside], self._mask, self._fold, self._keys)
            found[outside] = again
            outside = outside[again >= self._size]
        return found


def _each(elements: Words, size: Words, key: Words) -> Words:
    """As `Permutation`, with a size and a key for each element ([1] or [n])."""
    bits = np.frexp((size - _ONE).astype(np.float64))[1].astype(np.uint64)  # exact below 2^53
    small = bits <= np.uint64(_SMALL_BITS)
    if small.all() or not small.any():
        rounds = _ROUNDS + (_MORE_ROUNDS if small[:1].any() else 0)
        return _walk(elements, size, bits, _round_keys(key, range(rounds)))
    found = np.empty_like(elements)
    for here, rounds in ((np.flatnonzero(small), _ROUNDS + _MORE_ROUNDS), (np.flatnonzero(~small), _ROUNDS)):
        keys = _round_keys(_at(key, here), range(rounds))
        found[here] = _walk(elements[here], size[here], bits[here], keys)
    return found


def _walk(words: Words, size: Words, bits: Words, keys: _Keys) -> Words:
    """Rounds until all are within their size."""
    mask, fold = (_ONE << bits) - _ONE, (bits + _ONE) >> _ONE
    words = _rounds(words, mask, fold, keys)
    places = outside = np.flatnonzero(words >= size)
    while len(outside):
        # What is left of everything, and which places it is for.
        size, mask, fold = _at(size, outside), _at(mask, outside), _at(fold, outside)
        keys = [(_at(add, outside), _at(times, outside)) for add, times in keys]
        again = _rounds(words[places], mask, fold, keys)
        words[places] = again
        outside = np.flatnonzero(again >= size)
        places = places[outside]
    return words


def _rounds(words: Words, mask: Words | np.uint64, fold: Words | np.uint64, keys: _Keys | _Scalars) -> Words:
    """A bijection of 2^k, where the mask has k bits."""
    high = np.empty_like(words)
    out = None  # the first operation makes the copy that the others work on
    for add, times in keys:
        words = out = np.add(words, add, out=out)
        words *= times
        words &= mask
        np.right_shift(words, fold, out=high)
        words ^= high
    return words


def _round_keys(key: Words, rounds: range) -> _Keys:
    """What is added and what is multiplied by in each round."""
    words = [mixed(key ^ np.uint64(number + 1)) for number in rounds]
    return [(word, word >> np.uint64(29) | _ONE) for word in words]


def _at(values: Words, places: npt.NDArray[np.intp]) -> Words:
    return values if len(values) == 1 else values[places]
