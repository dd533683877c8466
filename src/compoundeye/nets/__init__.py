"""What learns: networks and heads as PyTorch modules, one readable file each.

Guarantee: plain modules without global state; published weights load by name or are refused, never in part.
Cost: importing this imports torch. Limit: needs the extra `train`.
"""

from compoundeye.nets._vit import ViT, ViTConfig

__all__ = ["ViT", "ViTConfig"]
