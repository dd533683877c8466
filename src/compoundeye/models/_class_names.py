"""Names of what detectors find."""

from __future__ import annotations

from collections.abc import Mapping

# COCO's 80 categories of things in the order of their ids (Lin et al., 2014, arXiv:1405.0312; the "categories" of
# instances_val2017.json).
COCO_80 = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee"),
    *("skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard"),
    *("cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors"),
    *("teddy bear", "hair drier", "toothbrush"),
)

# Ids that COCO left out between 1 and 90 (the same file): networks with 90 or 91 outputs have places for them.
COCO_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)

CLASS_NAMES: Mapping[str, tuple[str, ...]] = {"coco-80": COCO_80, "person": ("person",)}
"""By the name that cards use."""


def coco_ids() -> tuple[int, ...]:
    """COCO's id (1 to 90) of each of the 80 names."""
    return tuple(id_ for id_ in range(1, 91) if id_ not in COCO_UNUSED_IDS)
