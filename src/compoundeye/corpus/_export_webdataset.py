"""Tar files as WebDataset reads them: the members of a sample share a name, here the picture's id.

Format: https://github.com/webdataset/webdataset. Beside the picture lie ``.json`` (what is known), ``.txt`` (the
caption; empty for none, if any picture has one), and ``.cls`` (the label's number, the place of its line in
``classes.txt``). Readers that want the same members in every sample, as Hugging Face's, take an export of one format
with labels: ``where="format = 'JPEG' AND category IS NOT NULL"``.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from compoundeye.corpus._export_names import ENDINGS
from compoundeye.corpus._export_row import Order, Row, plain


class WebDataset:
    """Shards of about one size. The same pictures give the same bytes: no times, no owners, one order."""

    def __init__(self, folder: Path, order: Order) -> None:
        self._folder, self._order = folder, order
        self._numbers = {label: number for number, label in enumerate(order.labels)}
        self._tar: tarfile.TarFile | None = None
        self._shards = self._bytes = 0
        if not order.single:
            (folder / "classes.txt").write_text("".join(f"{_line(label)}\n" for label in order.labels), "utf-8")

    def add(self, row: Row) -> bool:
        if self._tar is None or (self._bytes >= self._order.shard_bytes and not self._order.single):
            self._next()
        key = row.id.hex()
        self._member(key + ENDINGS.get(row.format, ".bin"), row.data)
        self._member(f"{key}.json", json.dumps(plain(row), ensure_ascii=False, sort_keys=True).encode())
        if self._order.captions:
            self._member(f"{key}.txt", (row.caption or "").encode())
        if row.label is not None:
            self._member(f"{key}.cls", b"%d" % self._numbers[row.label])
        self._bytes += len(row.data)
        return True

    def close(self) -> None:
        if self._tar is None:
            self._next()  # no pictures: a tar file that says so
        assert self._tar is not None
        self._tar.close()

    def _next(self) -> None:
        if self._tar is not None:
            self._tar.close()
        name = "single" if self._order.single else f"pictures-{self._shards:06d}.tar"
        self._tar = tarfile.open(self._folder / name, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  closed above
        self._shards, self._bytes = self._shards + 1, 0

    def _member(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        assert self._tar is not None
        self._tar.addfile(member, io.BytesIO(data))


def _line(label: str) -> str:
    return " ".join(label.split())
