"""One Kalman filter for all boxes of a stream at once: numpy arrays, no object for each.

Centre, width and height each move at a constant velocity and are disturbed alone, so the usual 8 x 8 covariance falls
apart into four 2 x 2 ones. Noise is a share of a box's size (ByteTrack, Zhang et al. 2022, takes its height), the same
for both coordinates of the centre and the same for both sides, so the four are two: six numbers for a box in place
of 64, with the same result.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

# Rows of a state: what stands for one box is one column.
POSITION: Final = slice(0, 4)
"""Centre x, centre y, width, height in pixels."""
VELOCITY: Final = slice(4, 8)
"""Of each, in pixels a tick."""
SIZE_VELOCITY: Final = slice(6, 8)
P_POSITION: Final = slice(8, 10)
"""Variance of the centre's position in each direction, and of each side, in pixels squared."""
P_BETWEEN: Final = slice(10, 12)
P_VELOCITY: Final = slice(12, 14)
P_UP_TO_BETWEEN: Final = slice(8, 12)
P_ALL: Final = slice(8, 14)
STATE_ROWS: Final = 14

# Zhang et al. 2022, ByteTrack, as DeepSORT (Wojke et al. 2017) before it: standard deviations as shares of the size,
# for one frame at 30 frames/s. That frame is the tick here, whatever the rate of the stream.
TICKS_PER_SECOND: Final = 30.0
POSITION_SHARE: Final = 1 / 20
# Not of the source, which has 1 / 20 for how a place strays within a frame too, and 1 / 160 for both velocities: that
# believes each box by more than half and hardly smooths. Who walks strays little but turns, and sides change slower
# than the centre. Chosen on shaken truth of both TUD clips and synthetic streets (other seeds than
# benchmarks/trackers.py uses).
STRAY_SHARE: Final = 1 / 80
VELOCITY_SHARE: Final = 1 / 100
SIDE_SHARE: Final = 1 / 640
# The same source: at the beginning twice the position's and ten times the velocity's.
FIRST_POSITION: Final = 2 * POSITION_SHARE
FIRST_VELOCITY: Final = 10 * VELOCITY_SHARE

LEAST_SIDE: Final = 1.0
"""Pixels; a box that shrinks while nobody sees it does not turn inside out."""


def centred(corners: Float32) -> Float32:
    """[4, N] left, top, right, bottom as centre x, centre y, width, height."""
    out = np.empty(corners.shape, np.float32)
    np.add(corners[:2], corners[2:], out=out[:2])
    out[:2] *= np.float32(0.5)
    np.subtract(corners[2:], corners[:2], out=out[2:])
    return out


def corners(state: Float32) -> Float32:
    """[4, N] left, top, right, bottom of the boxes of a state."""
    out = np.empty((4, state.shape[1]), np.float32)
    half = state[2:4] * np.float32(0.5)
    np.subtract(state[:2], half, out=out[:2])
    np.add(state[:2], half, out=out[2:])
    return out


def start(state: Float32, measured: Float32) -> None:
    """Begin at a [4, N] centred measurement, at rest; ``state`` has at least ``STATE_ROWS`` rows of N columns."""
    state[POSITION] = measured
    state[VELOCITY] = 0
    size = np.square(np.maximum(measured[2], measured[3]))
    np.multiply(size, FIRST_POSITION**2, out=state[P_POSITION])
    state[P_BETWEEN] = 0
    np.multiply(size, FIRST_VELOCITY**2, out=state[P_VELOCITY])


_STRAYS: Final = np.float32((STRAY_SHARE / POSITION_SHARE) ** 2)
_DISTURBED: Final = np.array([[VELOCITY_SHARE], [SIDE_SHARE]], np.float32) ** 2 / np.float32(POSITION_SHARE**2)


def predict(state: Float32, ticks: float | Float32) -> Float32:
    """Move on by so many ticks, one number or one for each, in place.

    Gives the [N] variance of a measurement, which ``correct`` takes.
    """
    state[POSITION] += state[VELOCITY] * ticks
    sides = state[2:4]
    np.maximum(sides, LEAST_SIDE, out=sides)
    variance: Float32 = np.square(np.maximum(sides[0], sides[1]))
    variance *= np.float32(POSITION_SHARE**2)
    between, before = state[P_BETWEEN], state[P_BETWEEN].copy()
    between += state[P_VELOCITY] * ticks
    before += between
    before += variance * _STRAYS
    before *= ticks
    state[P_POSITION] += before
    state[P_VELOCITY] += _DISTURBED * (variance * ticks)
    return variance


def correct(state: Float32, measured: Float32, variance: Float32, seen: npt.NDArray[np.bool_]) -> None:
    """Take a [4, N] centred measurement, in place, in those columns that are ``seen``; the others' is not read.

    Whoever is not seen goes on at its velocity but keeps its size, as ByteTrack has it.
    """
    place = state[P_POSITION]
    gain = seen / (place + variance)
    between = state[P_BETWEEN]
    to_velocity = gain * between
    gain *= place
    surprise = (measured - state[POSITION]).reshape(2, 2, -1)
    state[POSITION] += (surprise * gain[:, None]).reshape(4, -1)
    surprise *= to_velocity[:, None]
    state[VELOCITY] += surprise.reshape(4, -1)
    state[SIZE_VELOCITY] *= seen
    state[P_VELOCITY] -= to_velocity * between
    np.subtract(np.float32(1), gain, out=gain)
    state[P_UP_TO_BETWEEN].reshape(2, 2, -1)[:] *= gain
