"""The same numbers for TensorBoard, where it is installed; without torch and without TensorFlow."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def open_board(folder: Path, step: int) -> Board | None:
    """A writer of one more file of events in ``folder``; None without the package ``tensorboard``.

    Args:
        step: the first that will be told; what other files tell from there on is no longer shown.
    """
    try:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        return None
    return Board(EventFileWriter(str(folder), flush_secs=10), event_pb2, summary_pb2, step)


class Board:
    """Scalars as "loss/train" and "loss/validation", so that both stand in one group."""

    def __init__(self, writer: Any, event: Any, summary: Any, step: int) -> None:
        self._writer, self._event, self._summary = writer, event, summary
        self.restart(step)

    def restart(self, step: int) -> None:
        """From here on steps are told anew (tensorflow/core/util/event.proto, SessionLog.START)."""
        log = self._event.SessionLog(status=self._event.SessionLog.START)
        self._writer.add_event(self._event.Event(wall_time=time.time(), step=step, session_log=log))

    def write(self, split: str, step: int, moment: float, numbers: Mapping[str, float]) -> None:
        """Tell finite numbers of a step."""
        values = [
            self._summary.Summary.Value(tag=f"{name}/{split}", simple_value=float(number))
            for name, number in numbers.items()
            if math.isfinite(number)
        ]
        event = self._event.Event(wall_time=moment, step=step, summary=self._summary.Summary(value=values))
        self._writer.add_event(event)

    def flush(self) -> None:
        """To the disk."""
        self._writer.flush()

    def close(self) -> None:
        """To the disk, and no more."""
        self._writer.close()
