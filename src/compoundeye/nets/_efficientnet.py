"""EfficientNet-Lite (Tan and Le, 2019, arXiv:1905.11946) as a network that can be trained.

The Lite form of the authors' release: no squeeze-and-excite, ReLU6, stem and head not scaled, TensorFlow's SAME padding
(``models/official/efficientnet/lite/efficientnet_lite_builder.py`` in github.com/tensorflow/tpu). The catalogue's
``efficientnet-lite0`` to ``lite2`` are the same networks with weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compoundeye.nets._state import State
from compoundeye.nets._vit import DropPath
from compoundeye.records import EyeError


@dataclass(frozen=True, slots=True)
class Scale:
    """How one of the family differs from the first."""

    width: float
    depth: float
    image: int
    """Side of the pictures it was trained on, pixels."""


LITE: Mapping[str, Scale] = {
    "efficientnet-lite0": Scale(1.0, 1.0, 224),
    "efficientnet-lite1": Scale(1.0, 1.1, 240),
    "efficientnet-lite2": Scale(1.1, 1.2, 260),
    "efficientnet-lite3": Scale(1.2, 1.4, 280),
    "efficientnet-lite4": Scale(1.4, 1.8, 300),
}
# efficientnet_lite_builder.py, _DEFAULT_BLOCKS_ARGS: repeats, kernel, stride, expansion, channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _HEAD = 32, 1280
_NORM = {"eps": 1e-3, "momentum": 0.01}  # TensorFlow's momentum is the rest of one
MEAN, DEVIATION = 127.0, 128.0
"""Of the pixels that the published weights were trained with, for each colour."""


class EfficientNetLite(nn.Module):
    """Pictures [N, 3, S, S] of any side to features [N, 1280]. Fastest in ``torch.channels_last``."""

    def __init__(self, scale: Scale, *, channels: int = 3, drop_path: float = 0.0) -> None:
        """Build it, with fresh weights.

        Args:
            scale: one of ``LITE``.
            channels: of the input.
            drop_path: probability of skipping the last block for a picture; linear in depth, from 0.
        """
        super().__init__()
        self.stem = Convolution(channels, _STEM, 3, stride=2)
        plans = _plans(scale)
        self.stages = nn.Sequential(
            *(Inverted(*plan, drop=drop_path * i / max(len(plans) - 1, 1)) for i, plan in enumerate(plans))
        )
        self.last = Convolution(plans[-1][1], _HEAD, 1)
        self.features = _HEAD
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights (He et al., 2015, arXiv:1502.01852, by what goes out of a filter)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                going = module.kernel_size[0] ** 2 * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / going))
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, S, S] to [N, D]."""
        return self.last(self.stages(self.stem(x))).mean((2, 3))


class Convolution(nn.Module):
    """Convolution, batch normalisation and, unless ``linear``, a rectifier that ends at 6."""

    def __init__(
        self, came: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        # At stride 1 SAME is the same on both sides; else it depends on the picture: see ``forward``.
        self.kernel, self.stride, self.linear = kernel, stride, linear
        padding = kernel // 2 if stride == 1 else 0
        self.filter = nn.Conv2d(came, out, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, **_NORM)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, S, S] to [N, D, S / stride, S / stride], rounded up."""
        if self.stride > 1:
            height, width = (self.padding(side) for side in x.shape[2:])
            x = F.pad(x, (*width, *height))
        x = self.norm(self.filter(x))
        return x if self.linear else F.relu6(x)

    def padding(self, side: int) -> tuple[int, int]:
        """Zeros before and after, the odd one after."""
        total = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
        return total // 2, total - total // 2


class Inverted(nn.Module):
    """Widen, filter each channel, narrow (Sandler et al., 2018, arXiv:1801.04381); add the input where shapes allow."""

    def __init__(self, came: int, out: int, kernel: int, stride: int, expansion: int, drop: float) -> None:
        super().__init__()
        inner = came * expansion
        self.expand = Convolution(came, inner, 1) if expansion > 1 else nn.Identity()
        self.depthwise = Convolution(inner, inner, kernel, stride=stride, groups=inner)
        self.project = Convolution(inner, out, 1, linear=True)
        self.drop = DropPath(drop)
        self.same = came == out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, S, S] to [N, D, S / stride, S / stride], rounded up."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + self.drop(y) if self.same else y


def _plans(scale: Scale) -> list[tuple[int, int, int, int, int]]:
    """Channels in and out, kernel, stride and expansion of every block."""
    plans = []
    came = _STEM
    for number, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        out = _rounded(channels * scale.width)
        # In the Lite form the first and last stage are not deepened.
        count = repeats if number in (0, len(_STAGES) - 1) else math.ceil(repeats * scale.depth)
        for index in range(count):
            plans.append((came, out, kernel, 1 if index else stride, expansion))
            came = out
    return plans


def _rounded(channels: float) -> int:
    """To a multiple of 8, and down by no more than a tenth."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found + 8 if found < 0.9 * channels else found


def read_lite(model: EfficientNetLite, state: State, where: str) -> None:
    """Give the network the weights of the catalogue's files, in place; their classifier (``_fc``) is left aside.

    Raises:
        EyeError: the weights are of another network; the model is then as it was.
    """
    wanted = model.state_dict()
    found = {_ours(name): tensor for name, tensor in state.items() if not name.startswith("_fc.")}
    for name in wanted:  # counts batches; not all files have it
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, torch.zeros((), dtype=torch.int64))
    shapes, others = ({name: tensor.shape for name, tensor in tensors.items()} for tensors in (wanted, found))
    if wrong := sorted(name for name in shapes.keys() | others if shapes.get(name) != others.get(name)):
        raise EyeError(f"{where} are of another network: {wrong[0]} differs, and {len(wrong)} tensors in all")
    model.load_state_dict(found)


def _ours(name: str) -> str:
    """Our name of a tensor by the PyTorch port's."""
    block = re.match(r"_blocks\.(\d+)\.", name)
    owner, _, rest = name[block.end() if block else 0 :].partition(".")
    owner = (_IN_A_BLOCK if block else _AT_THE_ENDS).get(owner, owner)
    return f"stages.{block[1]}.{owner}.{rest}" if block else f"{owner}.{rest}"


_AT_THE_ENDS = {"_conv_stem": "stem.filter", "_bn0": "stem.norm", "_conv_head": "last.filter", "_bn1": "last.norm"}
_IN_A_BLOCK = {
    "_expand_conv": "expand.filter",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.filter",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.filter",
    "_bn2": "project.norm",
}
