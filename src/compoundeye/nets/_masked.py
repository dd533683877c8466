"""Learning from pictures without labels: hide most patches, draw them from the rest.

The masked autoencoder of He et al., 2021 (arXiv:2111.06377). The backbone sees the visible patches only, so that a step
costs about as much as one with a quarter of the tokens; a light decoder puts the others back.
Shapes: N pictures, C colours, S pixels, L patches, K visible ones, P = C * patch * patch values of a patch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from compoundeye.nets._positions import sine_positions
from compoundeye.nets._vit import Block, ViT, ViTConfig
from compoundeye.records import EyeError


class MaskedDecoder(nn.Module):
    """A head that draws hidden patches: tokens of the visible ones to the values of all, [N, L, P]."""

    place: Tensor

    def __init__(
        self,
        backbone: ViTConfig,
        *,
        masked: float = 0.75,
        width: int | None = None,
        depth: int = 2,
        normalise: bool = True,
    ) -> None:
        """Build it, with fresh weights.

        Args:
            backbone: what sees the pictures.
            masked: share of the patches that are hidden.
            width: of the decoder, a multiple of 32 (one head each); half the backbone's if not given.
            depth: its blocks; the paper finds one enough to fine-tune the backbone, and eight best if it stays frozen.
            normalise: a patch is to be drawn with its mean taken off and divided by its deviation, which taught the
                paper's networks more than plain pixels did.

        Raises:
            EyeError: a width that is not whole heads, or a share that hides all patches or none.
        """
        super().__init__()
        self.backbone = backbone
        self.side = backbone.image // backbone.patch
        self.visible = self.side**2 - round(masked * self.side**2)
        if not 0 < self.visible < self.side**2:
            raise EyeError(
                f"hiding {masked} of {self.side**2} patches leaves {self.visible}: set another share or size"
            )
        width = width or max(32, backbone.width // 2 // 32 * 32)
        if width % 32:
            raise EyeError(f"a decoder {width} wide is not whole heads of 32: set its width to a multiple of 32")
        self.normalise = normalise
        config = ViTConfig(width=width, depth=depth, heads=width // 32, image=backbone.image, patch=backbone.patch)
        self.enter = nn.Linear(backbone.width, width)
        self.mask = nn.Parameter(torch.empty(1, 1, width))
        self.register_buffer("place", torch.empty(1, self.side**2, width), persistent=False)
        self.blocks = nn.ModuleDict({str(i): Block(config, i) for i in range(depth)})
        self.norm = nn.LayerNorm(width, config.epsilon)
        self.leave = nn.Linear(width, backbone.channels * backbone.patch**2)
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights (Glorot and Bengio, 2010, as the paper's code does)."""
        nn.init.normal_(self.mask, std=0.02)
        self.place.copy_(sine_positions(self.side, self.place.shape[2], self.place.device))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()

    def choose(self, pictures: int, generator: torch.Generator | None = None) -> Tensor:
        """Patches that stay visible, int64 [N, K], each picture's in order; a function of the generator's state."""
        device = generator.device if generator else self.place.device
        scores = torch.rand(pictures, self.side**2, generator=generator, device=device)
        return scores.argsort(1)[:, : self.visible].sort(1).values.to(self.place.device)

    def forward(self, tokens: Tensor, keep: Tensor) -> Tensor:
        """What ``backbone(pixels, keep)`` gave, [N, extra + K, D], to the values of all patches, [N, L, P]."""
        x = self.enter(tokens)
        extra = self.backbone.extra
        seen = x[:, extra:]
        index = keep[..., None].expand_as(seen)
        patches = self.mask.to(x.dtype).expand(len(x), self.side**2, -1).scatter(1, index, seen)
        x = torch.cat([x[:, :extra], patches + self.place.to(x.dtype)], 1)
        for block in self.blocks.values():
            x = block(x)
        return self.leave(self.norm(x[:, extra:]))

    def loss(self, outputs: Tensor, pixels: Tensor, keep: Tensor, valid: Tensor) -> Tensor:
        """Mean squared error of the hidden patches of a picture, summed over the pictures that count.

        Args:
            outputs: [N, L, P].
            pixels: what the backbone saw, float [N, C, S, S].
            keep: the visible patches, int64 [N, K]; their outputs count for nothing.
            valid: bool [N].
        """
        wanted = patches(pixels.float(), self.backbone.patch)
        if self.normalise:
            variance, mean = torch.var_mean(wanted, 2, keepdim=True)
            wanted = (wanted - mean) / (variance + 1e-6).sqrt()
        each = (outputs.float() - wanted).square().mean(2)
        each = each.scatter(1, keep, 0.0).sum(1) / (self.side**2 - self.visible)
        return torch.where(valid, each, 0.0).sum()


class MaskedAutoencoder(nn.Module):
    """Backbone and decoder as one module to train; the backbone is what is kept."""

    def __init__(self, backbone: ViT, decoder: MaskedDecoder | None = None) -> None:
        """Put them together; without a decoder, with a fresh one of the usual shape."""
        super().__init__()
        self.backbone = backbone
        self.decoder = decoder or MaskedDecoder(backbone.config)

    def forward(self, pixels: Tensor, valid: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The loss, as ``MaskedDecoder.loss``, of float [N, C, S, S]; what is hidden depends on the generator."""
        keep = self.decoder.choose(len(pixels), generator)
        return self.decoder.loss(self.decoder(self.backbone(pixels, keep), keep), pixels, keep, valid)

    def loss(self, pixels: Tensor, valid: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The same."""
        return self(pixels, valid, generator)


def patches(pixels: Tensor, side: int) -> Tensor:
    """[N, C, S, S] to [N, L, P]: the values of each patch, row by row; within it by colour, row and column."""
    count, colours, height, width = pixels.shape
    x = pixels.reshape(count, colours, height // side, side, width // side, side)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(count, (height // side) * (width // side), colours * side**2)


def assembled(values: Tensor, side: int, colours: int = 3) -> Tensor:
    """The inverse of ``patches`` for square pictures: [N, L, P] to [N, C, S, S], to look at what was drawn."""
    count, length, _ = values.shape
    rows = round(length**0.5)
    x = values.reshape(count, rows, rows, colours, side, side)
    return x.permute(0, 3, 1, 4, 2, 5).reshape(count, colours, rows * side, rows * side)
