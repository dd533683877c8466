"""Which part of a picture is looked at without chance: in evaluation, and by the model that comes of a training."""

from typing import Literal

from compoundeye.pixels._box import Box

Crop = Literal["centre", "whole"]


def framed(crop: Crop, fraction: float, width: int, height: int) -> Box:
    """The box for `crop_box`: the central square, or everything.

    Args:
        crop: "centre", or "whole" (then resizing may change the proportions).
        fraction: centre: side of the square as a share of the picture's shorter side.
        width: of the picture as displayed, in pixels.
        height: likewise.
    """
    if crop == "whole":
        return 0, 0, width, height
    side = max(1, round(min(width, height) * fraction))
    return (width - side) // 2, (height - side) // 2, side, side
