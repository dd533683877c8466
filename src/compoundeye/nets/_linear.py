"""The plain classifier: one linear layer and the cross-entropy of its softmax."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Linear(nn.Module):
    """Features [N, D] to logits [N, K]."""

    def __init__(self, features: int, classes: int, *, label_smoothing: float = 0.0, zero: bool = False) -> None:
        """Build it, with fresh weights.

        Args:
            features: D.
            classes: K.
            label_smoothing: share of the target that is spread evenly over all classes (Szegedy et al., 2015,
                arXiv:1512.00567).
            zero: start at zero, so that every class is as likely and fine-tuning starts from the backbone's features.
        """
        super().__init__()
        self.layer = nn.Linear(features, classes)
        self.label_smoothing = label_smoothing
        self.zero = zero
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights, or zeros."""
        if self.zero:
            nn.init.zeros_(self.layer.weight)
        else:
            nn.init.trunc_normal_(self.layer.weight, std=0.02)
        nn.init.zeros_(self.layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] to [N, K]."""
        return self.layer(features)

    def loss(self, outputs: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Cross-entropy in nats, summed over the pictures that count.

        Args:
            outputs: logits [N, K].
            targets: classes, int64 [N] (-1: not known, counts for nothing), or their shares, float [N, K].
            valid: bool [N]; other pictures count for nothing, whatever their logits are.
        """
        each = F.cross_entropy(
            outputs.float(), targets, ignore_index=-1, reduction="none", label_smoothing=self.label_smoothing
        )
        return torch.where(valid, each, 0.0).sum()
