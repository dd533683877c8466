"""COCO's layout: a folder of images, and one JSON file of what is on them.

Format: https://cocodataset.org/#format-data. A label is of the whole picture, so its box is the whole picture.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from compoundeye.corpus._export_folders import write_picture
from compoundeye.corpus._export_row import Order, Row, plain


class Coco:
    """``images/`` and ``annotations.json``. Width and height are as displayed, after EXIF orientation."""

    def __init__(self, folder: Path, order: Order) -> None:
        self._folder = folder
        self._labels = order.labels
        self._numbers = {label: number for number, label in enumerate(order.labels, 1)}
        self._images = self._annotations = 0
        (folder / "images").mkdir()
        # Lists that may have millions of entries: each grows in a file of its own.
        self._files: dict[str, IO[str]] = {
            part: open(folder / f"{part}.part", "w+", encoding="utf-8")  # noqa: SIM115  closed by close()
            for part in ("images", "annotations")
        }

    def add(self, row: Row) -> bool:
        self._images += 1
        facts = plain(row)
        name = write_picture(self._folder / "images", row)
        image = {"id": self._images, "file_name": name, "width": row.width, "height": row.height}
        if "taken_at" in facts:
            image["date_captured"] = facts["taken_at"]
        self._append("images", image | {"compoundeye": facts})
        if row.label is not None:
            self._annotations += 1
            whole = {
                "id": self._annotations,
                "image_id": self._images,
                "category_id": self._numbers[row.label],
                "bbox": [0, 0, row.width, row.height],
                "area": row.width * row.height,
                "segmentation": [],
                "iscrowd": 0,
            }
            self._append("annotations", whole)
        return True

    def close(self) -> None:
        categories = [{"id": number, "name": label, "supercategory": ""} for label, number in self._numbers.items()]
        with open(self._folder / "annotations.json", "w", encoding="utf-8") as file:
            file.write(f'{{"info": {json.dumps({"description": "exported by CompoundEye"})},\n"licenses": [],\n')
            file.write(f'"categories": {json.dumps(categories, ensure_ascii=False)}')
            for part, lines in self._files.items():
                file.write(f',\n"{part}": [\n')
                lines.seek(0)
                file.writelines(lines)
                file.write("\n]")
                lines.close()
                (self._folder / f"{part}.part").unlink()
            file.write("}\n")

    def _append(self, part: str, entry: Mapping[str, Any]) -> None:
        file = self._files[part]
        if entry["id"] > 1:
            file.write(",\n")
        file.write(json.dumps(entry, ensure_ascii=False))
