"""What each correction replaced, on disk beside the jobs: a file a correction, so that undo outlives the console."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from compoundeye.console._refusals import NotFound
from compoundeye.corpus import SAID
from compoundeye.records import EyeError

KEPT = 1_000
KEPT_BYTES = 256 << 20
"""Corrections of one corpus that can be undone: the oldest make room. One picture takes about 100 bytes."""

BEFORE = pa.schema([field.with_name(f"old_{field.name}") for field in SAID if field.name != "id"])
"""Columns of a file beside `SAID`, which is what the correction wrote."""

_NAME = re.compile(r"[0-9a-f]{32}")
_ABOUT = b"correction"


@dataclass(frozen=True, slots=True)
class Entry:
    """One correction."""

    name: str
    """What undo is asked for by."""
    at: datetime
    by: str
    label: str | None
    """What was said; None where labels were taken away, and of an undo."""
    pictures: int
    undoes: str | None
    """The correction that this one took back."""
    undone: bool


class UndoLog:
    """The corrections of one corpus. Any number of consoles may share a home: files appear whole and never change."""

    def __init__(self, folder: Path, corpus: str) -> None:
        """Keep the log of the corpus at an address below ``folder``; it is made when there is something to keep."""
        self._corpus = corpus
        self.folder = folder / hashlib.sha256(corpus.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def name(self) -> str:
        """A name for a new correction: nobody guesses it, and later ones come later in the alphabet."""
        return f"{time.time_ns():016x}{secrets.token_hex(8)}"

    def write(self, name: str, replaced: pa.Table, *, by: str, label: str | None, undoes: str | None = None) -> None:
        """Keep what a correction replaces: before it is made, so that none that happened is missing.

        Args:
            replaced: `SAID`, what will be written, and `BEFORE`, what stands there.

        Raises:
            EyeError: nothing can be written there, so nothing should be corrected.
        """
        at = datetime.now(UTC).isoformat()
        about = {"corpus": self._corpus, "at": at, "by": by, "label": label, "undoes": undoes}
        replaced = replaced.replace_schema_metadata({_ABOUT: json.dumps(about)})
        part = self.folder / f".{name}.{os.getpid()}.part"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(part, "wb") as stream:
                options = pa.ipc.IpcWriteOptions(compression="zstd")
                with pa.ipc.new_file(stream, replaced.schema, options=options) as writer:
                    writer.write_table(replaced)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, self._file(name))
            self._tidy()
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise EyeError(
                f"cannot keep what is replaced in {self.folder}: {error.strerror or error}; nothing was corrected, "
                "set COMPOUNDEYE_HOME to a folder that can be written to"
            ) from error

    def forget(self, name: str) -> None:
        """A correction that did not happen after all."""
        with suppress(OSError):
            self._file(name).unlink()

    def read(self, name: str) -> pa.Table:
        """What a correction wrote (`SAID`) and what it replaced (`BEFORE`).

        Raises:
            NotFound: it is not kept (any more).
        """
        try:
            if _NAME.fullmatch(name):
                with pa.memory_map(str(self._file(name))) as file:
                    return pa.ipc.open_file(file).read_all()
        except (OSError, pa.ArrowInvalid):
            pass
        raise NotFound("what that correction replaced is not kept (any more), so it cannot be undone")

    def mark(self, name: str) -> None:
        """Remember that a correction was undone."""
        with suppress(OSError):
            self._file(name).with_suffix(".undone").touch()

    def undone(self, name: str) -> bool:
        """Whether it was."""
        return self._file(name).with_suffix(".undone").exists()

    def entries(self, limit: int = KEPT) -> Iterator[Entry]:
        """The latest corrections, the newest first."""
        for name in self._names()[:limit]:
            with suppress(OSError, pa.ArrowInvalid, ValueError, KeyError), pa.memory_map(str(self._file(name))) as file:
                reader = pa.ipc.open_file(file)
                about: dict[str, Any] = json.loads((reader.schema.metadata or {})[_ABOUT])
                pictures = sum(reader.get_batch(number).num_rows for number in range(reader.num_record_batches))
                at = datetime.fromisoformat(about["at"])
                yield Entry(name, at, about["by"], about["label"], pictures, about["undoes"], self.undone(name))

    def _names(self) -> list[str]:
        with suppress(OSError):
            found = (file.removesuffix(".arrow") for file in os.listdir(self.folder) if file.endswith(".arrow"))
            return sorted(filter(_NAME.fullmatch, found), reverse=True)
        return []

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.arrow"

    def _tidy(self) -> None:
        size = 0
        for number, name in enumerate(self._names()):
            with suppress(OSError):
                size += self._file(name).stat().st_size
                if number and (number >= KEPT or size > KEPT_BYTES):  # the newest stays, however large
                    self._file(name).unlink(missing_ok=True)
                    self._file(name).with_suffix(".undone").unlink(missing_ok=True)
