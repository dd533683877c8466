"""Margins that make a softmax's own class harder, so that classes end up apart by an angle.

ArcFace: Deng et al., 2018 (arXiv:1801.07698). CosFace: Wang et al., 2018 (arXiv:1801.09414). SphereFace: Liu et al.,
2017 (arXiv:1704.08063).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

_EDGE = 1 - 1e-6
"""Nearer to 1 the derivative of the angle is of no use in float32."""


@dataclass(frozen=True, slots=True)
class Margin:
    """What makes the own class harder: angle t becomes cos(multiple t + angle) - cosine.

    ArcFace is ``Margin(angle=0.5)``, CosFace ``Margin(angle=0, cosine=0.35)``, SphereFace ``Margin(multiple=1.35,
    angle=0)``: m1, m2 and m3 of section 2.3 of arXiv:1801.07698. Beyond pi the cosine goes on falling, as in equation 7
    of arXiv:1704.08063, so that a harder angle never scores better.
    """

    multiple: float = 1.0
    angle: float = 0.5
    """Radians."""
    cosine: float = 0.0

    def __call__(self, cosine: Tensor) -> Tensor:
        """Cosines of any shape to those with the margin."""
        if self.multiple != 1 or self.angle != 0:
            angle = self.multiple * cosine.clamp(-_EDGE, _EDGE).acos() + self.angle
            turns = (angle.detach() / pi).floor()
            cosine = torch.where(turns % 2 == 0, 1.0, -1.0) * angle.cos() - 2 * turns
        return cosine - self.cosine
