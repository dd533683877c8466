"""Text columns as codes: places in a sorted list of the different texts, or ranks where there are too many of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.console._column import Flags, Values

MOST_NAMES = 65_536
"""Different texts that are kept as such: all categories and cameras there are, but not all file names."""
TEXT_BYTES = 1 << 30
"""Texts that are sorted in memory: 10 million names of files are a third of it."""
_RANKS_AT_ONCE = 1 << 20


class TooMuchText(Exception):  # noqa: N818  # told to the caller, who knows the column's name
    """The texts of a column take more than `TEXT_BYTES`."""


class Coder:
    """Gives each different text a code, in the order in which they come."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.codes: dict[str, int] = {name: code for code, name in enumerate(names)}

    def add(self, texts: pa.Array) -> tuple[npt.NDArray[np.int32], bool]:
        """Codes [N] of texts, -1 for null; and whether there are still few enough of them."""
        encoded = texts.dictionary_encode()
        places = [self.codes.setdefault(text, len(self.codes)) for text in encoded.dictionary.to_pylist()]
        table = np.array([*places, -1], np.int32)
        return table[encoded.indices.fill_null(len(places)).to_numpy()], len(self.codes) <= MOST_NAMES

    def ordered(self, codes: npt.NDArray[np.int32]) -> tuple[Values, Flags | None, tuple[str, ...]]:
        """Codes in the order of the alphabet, whatever the case of letters; what is null; the texts."""
        names = sorted(self.codes, key=lambda name: (name.casefold(), name))
        table = np.empty(len(names) + 1, np.min_scalar_type(max(len(names), 1)))
        table[[self.codes[name] for name in names]] = np.arange(len(names))
        table[-1] = 0
        missing = codes < 0
        return table[codes], ~missing if missing.any() else None, tuple(names)


def ranks(batches: Iterable[pa.Array]) -> tuple[Values, Flags | None]:
    """The rank of each text among all, equal for equal texts: uint32 [N], and which are there (None: all).

    In the order of their bytes. Ten million names of files take 5 seconds and 0.9 GB while it lasts.

    Raises:
        TooMuchText: before more than `TEXT_BYTES` are in memory.
    """
    parts, size = list[pa.Array](), 0
    for batch in batches:
        size += batch.nbytes
        if size > TEXT_BYTES:
            raise TooMuchText
        parts.append(batch)
    texts = pa.concat_arrays(parts) if parts else pa.array([], pa.string())
    parts.clear()
    order = pc.array_sort_indices(texts)
    there = len(texts) - texts.null_count
    found = np.zeros(len(texts), np.uint32)
    rank, before = 0, None
    for first in range(0, there, _RANKS_AT_ONCE):
        places = order[first : min(first + _RANKS_AT_ONCE, there)]
        piece = texts.take(places)
        new = np.ones(len(piece), np.bool_)
        new[1:] = pc.not_equal(piece[1:], piece[:-1]).to_numpy(zero_copy_only=False)
        new[0] = before is not None and piece[0].as_py() != before
        found[places.to_numpy()] = rank + np.cumsum(new, dtype=np.uint32)
        rank, before = int(rank + new.sum()), piece[-1].as_py()
    return found, texts.is_valid().to_numpy(zero_copy_only=False) if texts.null_count else None
