"""YuNet: its published file as a network of bytes for any size of picture, and how its answers are read.

W. Wu, H. Peng, S. Yu: "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20 (2023).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx

from compoundeye.models._detect_graph import Pixels, cut, free_batch, take_bytes
from compoundeye.models._face_heads import Found
from compoundeye.models._runtime import Arrays

STRIDES = (8, 16, 32)
# nms_threshold of FaceDetectorYN::create (OpenCV, modules/objdetect).
YUNET_IOU = 0.3
_KINDS = ("cls", "obj", "bbox", "kps")


def yunet_graph(published: bytes, size: tuple[int, int]) -> bytes:
    """The network for pictures of one width and height, multiples of 32: bytes of RGB in, any number at a time."""
    model = cut(onnx.load_from_string(published), {f"{kind}_{s}": f"{kind}_{s}" for kind in _KINDS for s in STRIDES})
    free_batch(model)
    take_bytes(model, size, Pixels(bgr=True))
    return bytes(model.SerializeToString(deterministic=True))


def yunet_read(outputs: Arrays, size: tuple[int, int], min_score: float) -> list[Found]:
    """What each picture of a batch may show, before faces that were found several times are made one.

    Each cell of a grid of one stride says how sure it is of a face (the geometric mean of two numbers), where its
    middle lies from the cell's corner and its landmarks too, in strides, and the logarithms of its sides.

    Args:
        outputs: of ``yunet_graph``: cls, obj [N, cells, 1], bbox [N, cells, 4], kps [N, cells, 10] of each stride.
        size: width and height of the input in pixels.
        min_score: cells that are less sure are left out.
    """
    pictures = len(outputs[f"cls_{STRIDES[0]}"])
    grids = [_read_grid(outputs, stride, size[0] // stride, min_score) for stride in STRIDES]
    owners, every = np.concatenate([owner for owner, _ in grids]), Found.joined([found for _, found in grids])
    places = [np.flatnonzero(owners == picture) for picture in range(pictures)]
    return [Found(every.boxes[own], every.scores[own], every.landmarks[own]) for own in places]


def _read_grid(outputs: Arrays, stride: int, columns: int, min_score: float) -> tuple[npt.NDArray[np.int64], Found]:
    """What all pictures' cells of one stride say, and of which picture each is."""
    sure, there = (np.clip(outputs[f"{kind}_{stride}"][:, :, 0], 0, 1) for kind in ("cls", "obj"))
    all_scores = np.sqrt(sure * there)
    owners, cells = np.nonzero(all_scores >= min_score)
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
    box = outputs[f"bbox_{stride}"][owners, cells]
    middle = (corner + box[:, :2]) * stride
    half = np.exp(np.minimum(box[:, 2:], 10.0)) * (stride / 2)
    points = (corner[:, None] + outputs[f"kps_{stride}"][owners, cells].reshape(-1, 5, 2)) * stride
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    return owners, Found(boxes, all_scores[owners, cells], points)
