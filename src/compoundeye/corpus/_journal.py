"""The note that makes two commits one: written before pictures are committed, gone once their inputs are booked."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
from pyarrow import fs as arrow_fs

from compoundeye.corpus._schema import INPUTS

NAME = "_pending.arrow"


class Journal:
    """What became of the inputs of pictures that are being committed, beside the corpus. All methods raise OSError."""

    def __init__(self, corpus: str) -> None:
        self._where = f"{corpus}/{NAME}"
        self._in_bucket = "://" in corpus

    def write(self, inputs: pa.Table) -> None:
        """Keep ``inputs`` durably, whole or not at all."""
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, INPUTS) as writer:
            writer.write_table(inputs)
        if self._in_bucket:
            files, path = arrow_fs.FileSystem.from_uri(self._where)
            with files.open_output_stream(path) as file:  # an object appears whole
                file.write(sink.getvalue())
            return
        part = Path(f"{self._where}.part")
        part.write_bytes(sink.getvalue())
        part.replace(self._where)

    def read(self) -> pa.Table | None:
        """What was written and not removed, or None."""
        try:
            if self._in_bucket:
                files, path = arrow_fs.FileSystem.from_uri(self._where)
                with files.open_input_file(path) as file:
                    data = file.read()
            else:
                data = Path(self._where).read_bytes()
        except FileNotFoundError:
            return None
        return pa.ipc.open_file(data).read_all()

    def remove(self) -> None:
        """Forget."""
        if self._in_bucket:
            files, path = arrow_fs.FileSystem.from_uri(self._where)
            files.delete_file(path)
        else:
            Path(self._where).unlink()
