"""Files of protocols as their owners lay them out, with pictures in which a double finds what the test put there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from compoundeye.apps.face import Found
from compoundeye.records import Faces

UInt8 = npt.NDArray[np.uint8]


def picture(path: Path, *people: int) -> Path:
    """A lossless picture in which the double below finds these people (1 to 255) from left to right, the first the
    smallest. With nobody in it, no face is found."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((40, 120, 3), np.uint8)
    for at, person in enumerate(people):
        pixels[:, 40 * at] = person
    Image.fromarray(pixels).save(path)
    return path


class Double:
    """Stands for a pipeline: a person is a direction, so people's cosine is about 0 and each one's own is 1."""

    def __init__(self) -> None:
        self.embedder = SimpleNamespace(dim=16, identity="double")
        self.detector = SimpleNamespace(identity="double")
        self.seen = 0
        drawn = np.random.default_rng(0).normal(size=(256, 16))
        self.directions = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    def batch(self, pictures: Sequence[UInt8]) -> list[Any]:
        """What the pictures were made of."""
        self.seen += len(pictures)
        return [self._found(one) for one in pictures]

    def _found(self, rgb: UInt8) -> Found:
        columns = [at for at in range(0, rgb.shape[1], 40) if rgb[0, at, 0]]
        boxes = np.array([[at, 5, at + 30 + at // 40, 35] for at in columns], np.float32).reshape(-1, 4)
        faces = Faces(boxes, np.ones(len(boxes), np.float32), np.zeros((len(boxes), 5, 2), np.float32))
        embeddings = self.directions[[int(rgb[0, at, 0]) for at in columns]].reshape(-1, 16)
        crops = np.zeros((len(boxes), 112, 112, 3), np.uint8)
        return Found(faces, crops, embeddings)


def lfw(root: Path) -> Path:
    """Two folds of two and two pairs of three people, laid out as LFW's archive is; the list's path."""
    for person, count in ((1, 3), (2, 3), (3, 2)):
        for number in range(1, count + 1):
            picture(root / "lfw" / f"P_{person}" / f"P_{person}_{number:04d}.png", person)
    lines = ["2\t2", "P_1\t1\t2", "P_2\t1\t3", "P_1\t1\tP_2\t1", "P_2\t2\tP_3\t1",
             "P_1\t2\t3", "P_3\t1\t2", "P_1\t3\tP_3\t2", "P_2\t3\tP_3\t1"]  # fmt: skip
    (root / "pairs.txt").write_text("\n".join(lines) + "\n")
    return root / "pairs.txt"


def ijb(root: Path) -> Path:
    """Templates 1 and 2 of one person, 3 of another, 4 of a third; 1 has two frames of one video and a photograph."""
    for name, person in {"1": 1, "2": 1, "3": 9, "4": 1, "5": 2, "6": 3}.items():
        picture(root / "loose_crop" / f"{name}.png", person)
    meta = root / "meta"
    meta.mkdir()
    (meta / "ijbc_face_tid_mid.txt").write_text(
        "1.png 1 70\n2.png 1 70\n3.png 1 71\n4.png 2 72\n5.png 3 73\n6.png 4 74\n"
    )
    (meta / "ijbc_template_pair_label.txt").write_text("1 2 1\n1 3 0\n2 3 0\n")
    (meta / "ijbc_1N_gallery_G1.csv").write_text("TEMPLATE_ID,SUBJECT_ID,FILENAME\n1,500,1\n1,500,2\n")
    (meta / "ijbc_1N_gallery_G2.csv").write_text("TEMPLATE_ID,SUBJECT_ID,FILENAME\n3,501,5\n")
    (meta / "ijbc_1N_probe_mixed.csv").write_text("TEMPLATE_ID,SUBJECT_ID,FILENAME\n2,500,4\n4,502,6\n")
    return root


def tables(root: Path) -> tuple[Path, Path]:
    """IJB as distributed: a list of pairs of template ids, and a table with boxes of the faces that are meant."""
    picture(root / "img" / "a.png", 1, 2)
    picture(root / "frames" / "b.png", 2)
    table, pairs = root / "enroll.csv", root / "matches.csv"
    table.write_text(
        "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT\n"
        "7,1,img/a.png,1,0,0,32,40\n8,2,img/a.png,1,40,0,32,40\n9,2,frames/b.png,2,0,0,40,40\n10,3,img/a.png,3,80,0,39,39\n"
    )
    pairs.write_text("7,8\n8,9\n7,9\n7,10\n")
    return pairs, table
