"""Pictures as files: a folder for each label, as torchvision's and Hugging Face's ImageFolder read them."""

from __future__ import annotations

from pathlib import Path

from compoundeye.corpus._export_names import file_name, folder_names
from compoundeye.corpus._export_row import Order, Row


class ImageFolder:
    """``label/name-id.jpg``. Pictures without a label are left out: a folder of theirs would be one more class."""

    def __init__(self, folder: Path, order: Order) -> None:
        self._folder = folder
        self._names = folder_names(order.labels)

    def add(self, row: Row) -> bool:
        if row.label is None:
            return False
        place = self._folder / self._names[row.label]
        place.mkdir(exist_ok=True)
        write_picture(place, row)
        return True

    def close(self) -> None:
        pass


def write_picture(folder: Path, row: Row) -> str:
    """Write a picture's bytes under a name of its own, and return it."""
    for digits in (12, 32):
        name = file_name(row.source, row.id, row.format, digits=digits)
        try:
            with open(folder / name, "xb") as file:
                file.write(row.data)
        except FileExistsError:  # two ids that begin alike; of the full id there is one picture only
            continue
        return name
    raise FileExistsError(name)
