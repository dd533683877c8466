"""Aligned faces beside each other, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import SIDE
from compoundeye.records import EyeError

UInt8 = npt.NDArray[np.uint8]

GAP, CAPTION = 6, 18
PAPER, INK = (246, 244, 240), (40, 40, 40)


def crop_sheet(crops: Sequence[UInt8 | None], captions: Sequence[str], *, across: int = 10) -> UInt8:
    """RGB of rows of faces, each above its caption. A face whose crop was not kept is an empty frame.

    Args:
        crops: uint8 [112, 112, 3] RGB each.
        captions: one each; what is not ASCII is shown as ``?``.
    """
    across = max(1, min(across, len(crops)))
    down = max(1, -(-len(crops) // across))
    step_x, step_y = SIDE + GAP, SIDE + CAPTION + GAP
    sheet = np.full((GAP + down * step_y, GAP + across * step_x, 3), PAPER, np.uint8)
    for at, (crop, caption) in enumerate(zip(crops, captions, strict=True)):
        y, x = GAP + at // across * step_y, GAP + at % across * step_x
        if crop is None:
            cv2.rectangle(sheet, (x, y), (x + SIDE - 1, y + SIDE - 1), INK, 1)
        else:
            sheet[y : y + SIDE, x : x + SIDE] = crop
        text = caption.encode("ascii", "replace").decode()
        cv2.putText(sheet, text, (x, y + SIDE + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return sheet


def write_crop_sheet(path: Path, crops: Sequence[UInt8 | None], captions: Sequence[str]) -> None:
    """Write such a sheet as PNG or JPEG.

    Raises:
        EyeError: there is no face to show, another kind of file is named, or it cannot be written.
    """
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise EyeError(f"{path}: a sheet is written to .png or .jpg")
    if not crops:
        raise EyeError(f"there is no face to show in {path}")
    done, data = cv2.imencode(path.suffix.lower(), crop_sheet(crops, captions)[:, :, ::-1])
    try:
        if not done:
            raise EyeError(f"{path}: {len(crops):,} faces are too many for one sheet")
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise EyeError(f"cannot write {path}: {error.strerror or error}") from None
