"""What learns: networks and heads as PyTorch modules, one readable file each.

Guarantee: plain modules without global state; published weights load by name or are refused, never in part.
Cost: importing this imports torch. Limit: needs the extra `train`.
"""

from compoundeye.nets._build import NETWORKS, build, pixel_scale
from compoundeye.nets._contrastive import Contrastive, sigmoid_loss, softmax_loss
from compoundeye.nets._counts import told
from compoundeye.nets._efficientnet import LITE, EfficientNetLite
from compoundeye.nets._experts import (
    Mixture,
    inverted,
    mixtures,
    permuted,
    router_figures,
    share_router_losses,
)
from compoundeye.nets._flops import forward_flops, training_flops
from compoundeye.nets._linear import Linear
from compoundeye.nets._margin import Margin
from compoundeye.nets._margin_softmax import MarginSoftmax
from compoundeye.nets._masked import MaskedAutoencoder, MaskedDecoder
from compoundeye.nets._pretrained import read_pretrained
from compoundeye.nets._resnet import ResNet
from compoundeye.nets._sampled_optimiser import SampledAdamW, SampledSGD
from compoundeye.nets._sizes import SIZES, Size, vit_config
from compoundeye.nets._state import read_state
from compoundeye.nets._text import ByteTokenizer, FileTokenizer, TextTower
from compoundeye.nets._vit import ViT, ViTConfig

__all__ = [
    "LITE",
    "NETWORKS",
    "SIZES",
    "ByteTokenizer",
    "Contrastive",
    "EfficientNetLite",
    "FileTokenizer",
    "Linear",
    "Margin",
    "MarginSoftmax",
    "MaskedAutoencoder",
    "MaskedDecoder",
    "Mixture",
    "ResNet",
    "SampledAdamW",
    "SampledSGD",
    "Size",
    "TextTower",
    "ViT",
    "ViTConfig",
    "build",
    "forward_flops",
    "inverted",
    "mixtures",
    "permuted",
    "pixel_scale",
    "read_pretrained",
    "read_state",
    "router_figures",
    "share_router_losses",
    "sigmoid_loss",
    "softmax_loss",
    "told",
    "training_flops",
    "vit_config",
]
