"""What is closed when its block ends, however that ends."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closed:
    """``with`` for whatever has ``close()``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        raise NotImplementedError
