"""What is kept of a person, handed over: a folder that needs no CompoundEye to be read.

Article 15 of the General Data Protection Regulation gives a person the right to a copy, Article 20 to one in a
structured, commonly used and machine-readable form.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from compoundeye.apps.face._audit import AuditEntry
from compoundeye.apps.face._gallery_rows import Face
from compoundeye.apps.face._sightings import Float32, UInt8
from compoundeye.records import EyeError

FILE = "person.json"


def export_person(
    folder: str | os.PathLike[str], person: dict[str, Any], faces: Sequence[Face], templates: Float32,
    crops: Sequence[UInt8 | None], entries: Sequence[AuditEntry],
) -> Path:  # fmt: skip
    """Write ``person.json`` (faces, templates, audit entries) and each crop as a PNG; the file.

    Raises:
        EyeError: the folder is there already and holds something, or cannot be written.
    """
    place = Path(folder).expanduser()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise EyeError(f"{place} is not empty; give a new folder")
        rows = [
            _face(place, face, template.tolist(), crop)
            for face, template, crop in zip(faces, templates, crops, strict=True)
        ]
        said = person | {"faces": rows, "audit": [asdict(entry) for entry in entries]}
        (place / FILE).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EyeError(f"cannot write to {place}: {error.strerror}") from error
    return place / FILE


def _face(place: Path, face: Face, template: list[float], crop: UInt8 | None) -> dict[str, Any]:
    row = asdict(face) | {"template": template, "crop": None}
    if crop is not None:
        row["crop"] = f"face-{face.id}.png"
        done, png = cv2.imencode(".png", crop[:, :, ::-1])
        assert done
        (place / row["crop"]).write_bytes(png.tobytes())
    return row
