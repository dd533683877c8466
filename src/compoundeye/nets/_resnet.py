"""A small residual network for small pictures (He et al., 2016, arXiv:1603.05027: normalise before each convolution).

The layout is that paper's for 32 x 32 pictures (three stages, each half as wide and high as the one before and twice as
deep), wider as Zagoruyko and Komodakis, 2016 (arXiv:1605.07146) found better. Shapes: N pictures, S pixels, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from compoundeye.records import EyeError


class ResNet(nn.Module):
    """Pictures [N, C, S, S] of any side to features [N, D]. Fastest in ``torch.channels_last``."""

    def __init__(
        self,
        *,
        width: int = 32,
        blocks: int | Sequence[int] = 2,
        strides: Sequence[int] = (1, 2, 2),
        channels: int = 3,
        stem: int = 1,
        drop: float = 0.0,
    ) -> None:
        """Build it, with fresh weights.

        Args:
            width: channels of the first stage; each later one has twice as many.
            blocks: residual blocks of every stage, or of each.
            strides: one for each stage: by how much it makes the picture smaller.
            channels: of the input.
            stem: stride of the first convolution; 2 saves three quarters of the work on larger pictures.
            drop: probability with which a channel is left out between the two convolutions of a block.

        Raises:
            EyeError: not one number of blocks for each stage.
        """
        super().__init__()
        counts = [blocks] * len(strides) if isinstance(blocks, int) else list(blocks)
        if len(counts) != len(strides) or min([width, *counts]) < 1:
            raise EyeError(f"{len(strides)} strides need as many numbers of blocks, each at least 1, not {counts}")
        self.stem = nn.Conv2d(channels, width, 3, stem, 1, bias=False)
        stages: list[nn.Module] = []
        came = width
        for number, (count, stride) in enumerate(zip(counts, strides, strict=True)):
            out = width << number
            for index in range(count):
                stages.append(Residual(came, out, 1 if index else stride, drop))
                came = out
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(came)
        self.features = came
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights for rectifiers (He et al., 2015, arXiv:1502.01852)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, S, S] to [N, D]."""
        return F.relu(self.norm(self.stages(self.stem(x)))).mean((2, 3))


class Residual(nn.Module):
    """Two convolutions, each after a normalisation and a rectifier, added to what came in."""

    def __init__(self, came: int, out: int, stride: int, drop: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(came)
        self.convolve1 = nn.Conv2d(came, out, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.convolve2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.drop = nn.Dropout2d(drop) if drop else nn.Identity()
        # Where the shape changes, the way past the convolutions is a convolution too, on the normalised input.
        same = came == out and stride == 1
        self.shortcut = None if same else nn.Conv2d(came, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, S, S] to [N, D, S / stride, S / stride]."""
        y = F.relu(self.norm1(x))
        past = x if self.shortcut is None else self.shortcut(y)
        return past + self.convolve2(self.drop(F.relu(self.norm2(self.convolve1(y)))))
