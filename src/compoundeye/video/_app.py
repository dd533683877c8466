"""What an application of moving pictures is: four small interfaces, and nothing of any one of them.

A frame goes through two halves. A ``Look`` is shared by all streams and has no memory: it takes a batch of frames and
says what is in each. An ``App`` belongs to one stream and remembers: it takes one frame and what was found in it, in
order of time, and gives records and events. An ``Application`` makes both from settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from compoundeye.records import Event, Frame, ModelIdentity

UInt8 = npt.NDArray[np.uint8]
Found = TypeVar("Found")
"""What a ``Look`` says of one frame, such as ``Detections``."""
FoundOut = TypeVar("FoundOut", covariant=True)
FoundIn = TypeVar("FoundIn", contravariant=True)
Settings = TypeVar("Settings", bound=BaseModel)
Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""
Point = tuple[float, float]
"""x, y in pixels of the frame as shown; x to the right, y down."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the frame as shown."""


class Look(Protocol[FoundOut]):
    """What looks at frames: shared by all streams, without memory. Safe to call from several threads."""

    @property
    def identity(self) -> ModelIdentity | None:
        """The model, or None where there is none."""

    @property
    def batch(self) -> int:
        """Frames at a time that cost least each."""

    def prepare(self, frame: Frame) -> UInt8:
        """The frame as the network takes it: run in the stream's own thread, one pass from decoded pixels."""

    def __call__(self, frames: Sequence[Frame], prepared: Sequence[UInt8]) -> Sequence[FoundOut]:
        """What is in each frame, in order."""


class Canvas(Protocol):
    """Where an app draws: onto pixels of a video, or as shapes that a browser draws. Coordinates are the frame's."""

    def box(self, box: Box, colour: Colour, label: str = "") -> None:
        """A rectangle with a line of text at its top."""

    def line(self, points: Sequence[Point], colour: Colour, label: str = "", *, closed: bool = False) -> None:
        """Straight lines from point to point."""

    def arrow(self, start: Point, end: Point, colour: Colour, label: str = "") -> None:
        """A line with a head at its end."""

    def fill(self, points: Sequence[Point], colour: Colour, share: float) -> None:
        """A filled polygon that covers what is below it by a share of 0..1."""

    def dot(self, point: Point, colour: Colour) -> None:
        """A small disc."""

    def text(self, lines: Sequence[str]) -> None:
        """Lines in the upper left corner."""

    def heat(self, values: npt.NDArray[np.float32], colour: Colour) -> None:
        """[rows, columns] of 0..1, stretched over the frame."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an app says of one frame."""

    records: Sequence[Mapping[str, Any]] = ()
    """One for each thing that is followed or measured: plain values, for ``--json``."""
    events: Sequence[Event] = ()
    people: Sequence[Box] = ()
    """Where people are, to be made unrecognisable before anything is kept; with what surely belongs to them."""


class App(Protocol[FoundIn]):
    """One stream's rules. Called from one thread at a time, in order of time."""

    def step(self, frame: Frame, found: FoundIn) -> Outcome:
        """Take a frame and what was found in it."""

    def draw(self, canvas: Canvas) -> None:
        """Show how things are after the last step."""

    def state(self) -> Mapping[str, Any]:
        """How things are after the last step, as plain values: counters, occupancy, warnings."""

    def configure(self, settings: Any) -> None:
        """Go on under other settings of the same kind: counts of what is still there go on too."""

    def finish(self) -> Sequence[Event]:
        """The stream ends: the events that end whatever lasts."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What an app is told of the stream that it is made for."""

    name: str
    width: int
    """Pixels of a frame as shown."""
    height: int
    rate: float | None
    """Frames a second that the source announces; None where it does not."""
    run: str
    """A token that is different each time; it makes ids of events unique over runs."""


class Application(Protocol[Settings, Found]):
    """What ``eye watch --app NAME`` names."""

    @property
    def name(self) -> str:
        """As in ``--app``."""

    @property
    def settings(self) -> type[Settings]:
        """A Pydantic model whose fields all have a default, a description and bounds."""

    def look(self, settings: Settings, *, device: str = "cpu", threads: int = 1) -> Look[Found]:
        """What looks, made of the settings that all streams share.

        Raises:
            EyeError: a model cannot be had.
        """

    def open(self, stream: Stream, settings: Settings) -> App[Found]:
        """The rules of one stream.

        Raises:
            EyeError: settings that do not fit the stream; the message names the field and what is allowed.
        """
