"""Where people and things were, as seconds in the cells of a grid over the picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from compoundeye.apps.traffic._geometry import Float64
from compoundeye.apps.traffic._scene import Scene
from compoundeye.apps.traffic._visitors import foot


class Heat:
    """One stream's grid. Cells are about square."""

    def __init__(self, columns: int, width: int, height: int) -> None:
        self._size = np.array([width, height], np.float64)
        rows = max(1, round(columns * height / width)) if columns else 0
        self.total = np.zeros((rows, columns))
        """[rows, columns] s since the beginning, or since the grid changed."""
        self._told = self.total.copy()

    def step(self, scene: Scene) -> None:
        """Take a frame: all who are seen add the time since the last one where they stand; bags do not."""
        if not self.total.size:
            return
        rows, columns = self.total.shape
        at: Float64 = foot(scene.boxes[scene.seen & scene.of_classes(scene.rows, None)]) / self._size * [columns, rows]
        x, y = np.floor(at).astype(np.int64).T
        # A foot at the very lower edge belongs to the last row.
        cells = np.clip(y, 0, rows - 1) * columns + np.clip(x, 0, columns - 1)
        self.total += np.bincount(cells, minlength=rows * columns).reshape(rows, columns) * scene.watched_s

    def take(self) -> dict[str, Any]:
        """What an event says of the interval that ends; a new one begins."""
        rows, columns = self.total.shape
        seconds = self.total - self._told
        self._told = self.total.copy()
        return {"rows": rows, "columns": columns, "seconds": np.round(seconds, 1).ravel().tolist()}
