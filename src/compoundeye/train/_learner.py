"""A network and what it learns to do, as one module: pixels in, a loss or an answer out."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from compoundeye.nets import (
    ByteTokenizer,
    Contrastive,
    FileTokenizer,
    Linear,
    Margin,
    MarginSoftmax,
    MaskedDecoder,
    TextTower,
    ViT,
    build,
    pixel_scale,
)
from compoundeye.records import EyeError
from compoundeye.train._chance import drawn
from compoundeye.train._layout import Layout
from compoundeye.train._mix import mix
from compoundeye.train._settings import Settings

Sums = dict[str, Tensor]
"""Figures summed over pictures: the loop adds them up over processes and divides by the number of pictures."""


class Learner(nn.Module):
    """Backbone and head. ``forward`` is the training step's; ``predict`` is what an exported model does."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, backbone: nn.Module, head: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.settings = settings
        model = settings.model
        mean, deviation = pixel_scale(model.name)
        self.register_buffer("mean", torch.tensor(model.mean or mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(model.deviation or deviation).view(1, 3, 1, 1), persistent=False)

    def normalised(self, pixels: Tensor) -> Tensor:
        """uint8 [N, S, S, 3] to float [N, 3, S, S], laid out as it was: channels last."""
        return (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.deviation

    def forward(self, pixels: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, Sums]:
        """Loss summed over the valid pictures, and figures summed likewise.

        Args:
            pixels: uint8 [N, S, S, 3].
            targets: int64 [N], -1 where not known; or tokens of captions, int64 [N, L].
            valid: bool [N]; other pictures count for nothing.
        """
        raise NotImplementedError

    def predict(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """uint8 [N, S, S, 3] to embeddings [N, D] and logits [N, K], None for a task without classes."""
        raise NotImplementedError


class Classifier(Learner):
    """Softmax over classes."""

    def __init__(self, backbone: nn.Module, head: Linear, settings: Settings, classes: int) -> None:
        super().__init__(backbone, head, settings)
        self.classes = classes

    def forward(self, pixels: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, Sums]:
        x, wanted = self.normalised(pixels), targets
        task = self.settings.task
        if self.training and (task.mixup or task.cutmix):
            x, wanted = mix(x, targets, self.classes, task.mixup, task.cutmix, _generator())
        return self.judged(self.backbone(x), targets, valid, wanted)

    def judged(
        self, features: Tensor, targets: Tensor, valid: Tensor, wanted: Tensor | None = None
    ) -> tuple[Tensor, Sums]:
        """Features [N, D] to what ``forward`` returns; the last stage of a pipeline begins here.

        Args:
            wanted: what the loss is of, where mixing made shares [N, K] of the targets.
        """
        logits = self.head(features).float()
        right = ((logits.detach().argmax(1) == targets) & valid).sum()
        return cast(Linear, self.head).loss(logits, targets if wanted is None else wanted, valid), {"accuracy": right}

    def predict(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        features = self.backbone(self.normalised(pixels))
        return features, self.head(features).float()


class Recogniser(Learner):
    """Embeddings that are compared by angle, learnt by a margin softmax over identities."""

    def __init__(self, backbone: nn.Module, head: MarginSoftmax, settings: Settings) -> None:
        super().__init__(backbone, head, settings)
        self.embed = nn.Linear(cast(int, backbone.features), head.features, bias=False)

    def forward(self, pixels: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, Sums]:
        head = cast(MarginSoftmax, self.head)
        loss, right = head.loss_and_right(self.embed(self.backbone(self.normalised(pixels))), targets, valid)
        return loss, {"accuracy": right}

    def predict(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits are cosines times the scale; every process gathers the identities' weights for them."""
        head = cast(MarginSoftmax, self.head)
        embedding = head(self.embed(self.backbone(self.normalised(pixels))))
        weight = head.weight.full_tensor() if hasattr(head.weight, "full_tensor") else head.weight
        return embedding, head.scale * embedding @ nn.functional.normalize(weight.float(), dim=1).T


class Pairer(Learner):
    """Pictures and their captions in one space."""

    def forward(self, pixels: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, Sums]:
        features = self.backbone(self.normalised(pixels))
        return cast(Contrastive, self.head).loss(features, targets, valid), {}

    def predict(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.head(self.backbone(self.normalised(pixels))), None


class Restorer(Learner):
    """Hidden patches are drawn from the visible ones."""

    def forward(self, pixels: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, Sums]:
        """Learns from pictures alone: ``targets`` are not looked at."""
        del targets
        x, head = self.normalised(pixels), cast(MaskedDecoder, self.head)
        keep = head.choose(len(x), _generator())
        return head.loss(head(self.backbone(x, keep), keep), x, keep, valid), {}

    def predict(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.backbone(self.normalised(pixels)), None


def learner(settings: Settings, classes: int, layout: Layout | None = None) -> Learner:
    """The module that settings describe, with fresh or pretrained weights.

    Args:
        classes: number of classes; 0 for a task without.
        layout: needed where heads are shared by processes.

    Raises:
        EyeError: no such network, an option that it does not have, or a task that it cannot do.
    """
    task = settings.task
    options: dict[str, Any] = {"image": settings.data.view.size, **settings.model.options}
    backbone = build(settings.model.name, pretrained=settings.model.pretrained, **options)
    features = cast(int, backbone.features)
    made: Learner
    match task.kind:
        case "classify":
            head = Linear(features, classes, label_smoothing=task.label_smoothing)
            made = Classifier(backbone, head, settings, classes)
        case "margin":
            sharded = MarginSoftmax(
                task.dimension,
                classes,
                margin=Margin(angle=task.margin),
                scale=task.scale,
                rate=task.sample,
                seed=settings.seed,
                mesh=None if layout is None else layout.seeing,
            )
            made = Recogniser(backbone, sharded, settings)
        case "contrastive":
            tower = TextTower(tokenizer(settings).vocabulary, **task.text.model_dump())
            group = None if layout is None else layout.data_group
            made = Pairer(
                backbone,
                Contrastive(features, tower, dimension=task.dimension, kind=task.pairs, group=group),
                settings,
            )
        case "masked":
            if not isinstance(backbone, ViT):
                raise EyeError(f"task masked is for vision transformers, not {settings.model.name}: see model.name")
            decoder = MaskedDecoder(backbone.config, masked=task.masked, **task.decoder.model_dump())
            made = Restorer(backbone, decoder, settings)
    if not settings.optimiser.backbone_rate:
        made.backbone.requires_grad_(False)
    return made


def tokenizer(settings: Settings) -> ByteTokenizer | FileTokenizer:
    """What turns captions into tokens."""
    length, file = settings.task.text.length, settings.task.tokenizer
    return FileTokenizer(file, length) if file else ByteTokenizer(length)


def _generator() -> torch.Generator:
    """A generator of its own from the step's chance: what draws from it does not depend on the device."""
    return torch.Generator().manual_seed(drawn())
