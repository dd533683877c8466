"""UltraFace (Linzaer's Ultra-Light-Fast-Generic-Face-Detector-1MB, version RFB): a second opinion, boxes only."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import onnx

from compoundeye.models._detect_graph import Pixels, cut, take_bytes
from compoundeye.models._face_heads import Found
from compoundeye.models._runtime import Arrays

Float32 = npt.NDArray[np.float32]

# vision/ssd/config/fd_config.py of the authors: sides of the boxes that each grid begins with, by its stride.
_SIDES = {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}
# The same file: center_variance and size_variance.
_MIDDLE, _SIZE = 0.1, 0.2
# detect_imgs_onnx.py of the authors: iou_threshold of predict.
ULTRAFACE_IOU = 0.5
STEP = 64
# The same file: (value - 127) / 128. Written as shares of the scale, as ``take_bytes`` has it.
_PIXELS = Pixels(scale=128.0, mean=(127 / 128,) * 3)


def ultraface_graph(published: bytes, size: tuple[int, int]) -> bytes:
    """The network for pictures of one width and height, multiples of 64, up to where its file knows only 640 x 480."""
    model = onnx.load_from_string(published)
    stored = {tensor.name for tensor in model.graph.initializer}
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    pictures = [value for value in model.graph.input if value.name not in stored]
    del model.graph.input[:]
    model.graph.input.extend(pictures)
    joins = [node for node in model.graph.node if node.op_type == "Concat" and len(node.input) == len(_SIDES)]
    (offsets,) = [node.output[0] for node in joins if node.output[0] != softmax.input[0]]
    part = cut(model, {softmax.input[0]: "logits", offsets: "offsets"})
    take_bytes(part, size, _PIXELS)
    return bytes(part.SerializeToString(deterministic=True))


def ultraface_read(outputs: Arrays, size: tuple[int, int], min_score: float) -> list[Found]:
    """What each picture of a batch may show; its landmarks are not numbers, for this network finds none.

    Args:
        outputs: of ``ultraface_graph``: logits [N, P, 2] of nothing and of a face, offsets [N, P, 4].
        size: width and height of the input in pixels.
        min_score: what is less sure is left out.
    """
    return [
        _read(*pair, _beginnings(*size), min_score) for pair in zip(outputs["logits"], outputs["offsets"], strict=True)
    ]


def _read(logits: Float32, offsets: Float32, beginnings: Float32, min_score: float) -> Found:
    scores = 1 / (1 + np.exp(np.clip(logits[:, 0] - logits[:, 1], -60, 60)))
    (places,) = np.nonzero(scores >= min_score)
    begin, offset = beginnings[places], offsets[places]
    middle = begin[:, :2] + offset[:, :2] * _MIDDLE * begin[:, 2:]
    half = begin[:, 2:] * np.exp(np.minimum(offset[:, 2:] * _SIZE, 10.0)) / 2
    points = np.full((len(places), 5, 2), np.nan, np.float32)
    return Found(np.concatenate([middle - half, middle + half], axis=1), scores[places].astype(np.float32), points)


@lru_cache(maxsize=64)
def _beginnings(width: int, height: int) -> Float32:
    """[P, 4] middle and sides in pixels of the boxes that offsets count from."""
    grids = []
    for stride, sides in _SIDES.items():
        rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
        middle = (np.stack([columns, rows], axis=-1).reshape(-1, 1, 2) + 0.5) * stride
        side = np.broadcast_to(np.array(sides, np.float64)[None, :, None], (len(middle), len(sides), 2))
        grids.append(np.concatenate([np.broadcast_to(middle, side.shape), side], axis=2).reshape(-1, 4))
    return np.concatenate(grids).astype(np.float32)
