"""A detector's network at the sizes of input that pictures ask for.

A wide picture in a square input leaves a third of it or more grey. A network of convolutions alone takes an input of
any size: one that is cut to the picture costs that much less, and what it looks at has the same pixels.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from compoundeye.models._detect_heads import Head
from compoundeye.models._letterbox import Letterbox
from compoundeye.models._runtime import Array, Arrays


class Network(Protocol):
    """What runs: as ``Runtime`` says, and quantised networks too."""

    @property
    def name(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def batch(self) -> int: ...
    def __call__(self, batch: Array) -> Arrays: ...


@dataclass(frozen=True, slots=True)
class View:
    """A network for one size of input, how a picture gets there, and who reads what comes out."""

    letterbox: Letterbox
    network: Network
    head: Head

    def warm(self) -> View:
        """The same, with its network compiled: the first frame of a live stream must not wait for that."""
        self.network(np.zeros((1, self.letterbox.height, self.letterbox.width, 3), np.uint8))
        return self


class Views(Protocol):
    """Which view is whose. Safe to call from several threads."""

    @property
    def largest(self) -> View:
        """Of the largest input."""

    def of_picture(self, width: int, height: int) -> View:
        """For a picture of this size in pixels."""

    def of_input(self, width: int, height: int) -> View:
        """Whose input has this size in pixels."""


class OneView:
    """One input for all pictures."""

    def __init__(self, view: View) -> None:
        self.largest = view.warm()

    def of_picture(self, width: int, height: int) -> View:
        del width, height
        return self.largest

    def of_input(self, width: int, height: int) -> View:
        del width, height
        return self.largest


class CutViews:
    """Inputs whose longer side is the full one and whose shorter one is what the picture needs.

    A view is made, and its network compiled, when the first picture of its shape is prepared.

    Args:
        make: the view of an input of some width and height.
        side: of the largest, square input in pixels.
        step: sides are multiples of this: the network's coarsest stride.
    """

    def __init__(self, make: Callable[[int, int], View], side: int, step: int) -> None:
        self._make = make
        self._side = side
        self._step = step
        self._lock = threading.Lock()
        self.largest = make(side, side)
        self._views: dict[tuple[int, int], View] = {}

    def of_picture(self, width: int, height: int) -> View:
        return self.of_input(*cut_input(width, height, self._side, self._step))

    def of_input(self, width: int, height: int) -> View:
        size = (width, height)
        if size not in self._views:
            with self._lock:
                if size not in self._views:
                    square = size == (self._side, self._side)
                    self._views[size] = (self.largest if square else self._make(width, height)).warm()
        return self._views[size]


def cut_input(width: int, height: int, side: int, step: int) -> tuple[int, int]:
    """Width and height of the input of a picture, none above ``side`` and both multiples of ``step``."""
    longer = max(width, height)
    wide, high = (-(-length * side // (longer * step)) * step for length in (width, height))
    return min(wide, side), min(high, side)
