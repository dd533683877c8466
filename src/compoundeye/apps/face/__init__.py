"""Faces: found, aligned, made comparable.

Guarantee: an aligned face is what OpenCV's own alignment makes of the same landmarks. Cost: 5 ms of a processor for a
picture of 640 x 640, 3 ms a face (bf16). Limit: of a face without landmarks nothing can be told.
"""

from compoundeye.apps.face._align import align
from compoundeye.apps.face._pipeline import FacePipeline, Found

__all__ = ["FacePipeline", "Found", "align"]
