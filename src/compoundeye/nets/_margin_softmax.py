"""Softmax with a margin over tens of millions of classes, sharded by class over the processes of a group.

Sharding and sampling of classes: An et al., 2020 (arXiv:2010.05222).
Shapes: N pictures of this process, R processes, G = R N, K classes, M of them here, D width of an embedding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard
from torch.nn import functional as F

from compoundeye.nets._counts import distinct, holds, places
from compoundeye.nets._gather import Group, gathered, largest, rank_in, size_of, summed
from compoundeye.nets._margin import Margin
from compoundeye.nets._partial import sampled
from compoundeye.nets._shard_softmax import LOWEST, against_shard, nearest_in_shard
from compoundeye.records import EyeError

_DEVIATION = 0.01
"""Of fresh weights; their length only sets how fast they turn (the value of arXiv:2010.05222's code)."""
_DRAWN_TOGETHER = 4096
_TINY = 1e-30


class MarginSoftmax(nn.Module):
    """Cross-entropy of embeddings with identities, each process holding a shard of the identities' weights.

    **Sum and mean.** ``loss`` is the sum over the valid pictures of *this process*. When every process of the group has
    called ``(loss * R / count).backward()``, count being the valid pictures of all, and gradients of what made the
    features have been averaged over the group (FSDP and DDP do so), all gradients are those of the dense softmax's mean
    loss over all pictures. ``weight`` is nobody's to average: its gradient is divided by R here.

    **Sampling.** With ``rate`` below 1, training takes only the classes of the batch and a share of the others a step:
    call ``begin(step)`` before it. ``weight.grad`` then stays None; gradients are of the rows that took part
    (``touched``), and ``SampledSGD`` or ``SampledAdamW`` update just these.

    Memory of a process: M x D weights, as much for each moment of the optimiser, rate x M x D gradients, and ``memory``
    bytes of logits; never G x K.
    """

    weight: nn.Parameter

    def __init__(
        self,
        features: int,
        classes: int,
        *,
        margin: Margin | None = None,
        scale: float = 64.0,
        rate: float = 1.0,
        seed: int = 0,
        mesh: DeviceMesh | None = None,
        device: torch.device | str | None = None,
        memory: int | None = None,
        precision: torch.dtype = torch.float32,
    ) -> None:
        """Build it, with fresh weights: the same for any number of processes.

        Args:
            features: D.
            classes: K, at least 2.
            margin: ArcFace's of 0.5 radians if not given.
            scale: factor of the cosines (s in the papers).
            rate: share of the classes that take part in a step.
            seed: of the weights and of the sampling.
            mesh: 1-d, the processes that see different pictures; None for a process alone.
            device: the mesh's if not given.
            memory: bytes of logits held at once; what fits in a processor's cache, or fills a GPU, if not given.
            precision: of the factors of matrix products; bfloat16 is faster, and rounds logits to about scale / 256.
                Normaliser, loss and margin are float32 in any case.

        Raises:
            EyeError: the numbers make no sense.
        """
        super().__init__()
        if classes < 2 or not 0 < rate <= 1:
            raise EyeError(f"a margin softmax needs 2 classes and a rate in (0, 1], not {classes} and {rate}")
        if mesh is not None and mesh.ndim != 1:
            raise EyeError(f"a margin softmax is sharded over a mesh of one dimension, not {mesh.ndim}")
        self.features, self.classes = features, classes
        self.margin = Margin() if margin is None else margin
        self.scale, self.rate, self.seed = scale, rate, seed
        self.precision = precision
        self.mesh = mesh
        self.group: Group = None if mesh is None else mesh.get_group()
        self.first, self.last = bounds(classes, rank_in(self.group), size_of(self.group))
        if device is None:
            device = "cpu" if mesh is None else mesh.device_type
            if torch.get_default_device().type == "meta":  # the whole network is being made without memory
                device = "meta"
        self.memory = memory or (1 << 22 if torch.device(device).type == "cpu" else 1 << 28)
        self.weight = nn.Parameter(self.as_sharded(torch.empty(self.last - self.first, features, device=device)))
        self._step: int | None = None
        self._taken: list[tuple[Tensor, Tensor]] = []
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Draw fresh weights, in blocks of classes with a seed each, so that shards do not matter."""
        local = self.local()
        if local.is_meta:
            return
        for block in range(self.first // _DRAWN_TOGETHER, -(-self.last // _DRAWN_TOGETHER)):
            start = block * _DRAWN_TOGETHER
            chance = torch.Generator().manual_seed(_seed(self.seed, block))
            drawn = torch.randn(_DRAWN_TOGETHER, self.features, generator=chance) * _DEVIATION
            begin, end = max(start, self.first), min(start + _DRAWN_TOGETHER, self.last)
            local[begin - self.first : end - self.first] = drawn[begin - start : end - start]

    def begin(self, step: int) -> None:
        """Say which step follows: the classes that take part are a function of seed and step. Forgets gradients."""
        self._step = step
        self.forget()

    def forget(self) -> None:
        """Drop the gradients of sampled rows, as ``zero_grad`` does with others."""
        self._taken = []

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] to embeddings of length 1, float32: what a face is compared by."""
        return F.normalize(features.float(), dim=1)

    def loss(self, features: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Sum of this process's losses in nats; see ``loss_and_right``."""
        return self.loss_and_right(features, targets, valid)[0]

    def loss_and_right(self, features: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of this process's losses in nats, and how many of its pictures are nearest to their own class.

        Every process of the group must call it at once, with the same N: fill up with pictures that are not valid.

        Args:
            features: [N, D], of any length and precision.
            targets: classes, int64 [N]; -1 counts for nothing.
            valid: bool [N]; other pictures count for nothing, whatever their features are.

        Raises:
            EyeError: a class does not exist, or sampling was not told which step this is.
        """
        if holds((targets >= self.classes).any()):
            raise EyeError(
                f"a target is class {int(targets.max())}, but the head has {self.classes}: build it for more"
            )
        valid = valid & (targets >= 0)
        mine = self(torch.where(valid[:, None], features, 0.0))
        with torch.autocast(mine.device.type, enabled=False):
            x = gathered(mine, self.group)
            labels = gathered(torch.where(valid, targets, -1), self.group)
            rows, own = self._rows(labels)
            share = 1 / size_of(self.group)
            found = against_shard(
                x, rows, own, scale=self.scale, share=share, memory=self.memory, precision=self.precision
            )
            here = slice(len(mine) * rank_in(self.group), len(mine) * (rank_in(self.group) + 1))
            others, cosine, nearest = (figure[here] for figure in self._over_shards(*found))
            each = F.softplus(others - self.scale * self.margin(cosine))
            right = (self.scale * cosine.detach() > nearest) & valid
        return torch.where(valid, each, 0.0).sum(), right.sum()

    @torch.no_grad()
    def nearest(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[N, D] to the nearest of all classes, int64 [N], and its cosine, float32 [N].

        Every process of the group must call it at once, with the same N. No [N, K] is ever held.
        """
        x = gathered(self(features), self.group)
        best, found = nearest_in_shard(x, self.local(), memory=self.memory)
        most = largest(best, self.group)
        found = torch.where(best == most, found + self.first, self.classes)
        here = slice(len(features) * rank_in(self.group), len(features) * (rank_in(self.group) + 1))
        first = -largest(-found, self.group)  # of equals
        return first[here], most[here]

    @torch.no_grad()
    def imprint(self, features: Tensor, targets: Tensor) -> None:
        """Set the weights of classes to the mean direction of pictures of them (Qi et al., 2018, arXiv:1712.07136).

        For a start where there are few pictures of each of many classes, and for classes that came later. Every process
        of the group must call it at once, with the same N.

        Args:
            features: [N, D], of any length.
            targets: classes, int64 [N]; -1: a picture that counts for nothing.
        """
        x, labels = gathered(self(features), self.group), gathered(targets, self.group)
        here = (labels >= self.first) & (labels < self.last)
        classes, where = (labels[here] - self.first).unique(return_inverse=True)
        total = x.new_zeros(len(classes), self.features).index_add_(0, where, x[here])
        self.local()[classes] = F.normalize(total) * (_DEVIATION * self.features**0.5)

    def touched(self) -> list[nn.Parameter]:
        """After the backward pass, rows that were sampled, with gradients, for whoever clips these; else nothing."""
        found = []
        for _, gradient in self.row_gradients():
            rows = nn.Parameter(self._as_shard(gradient))
            rows.grad = self._as_shard(gradient)
            found.append(rows)
        return found

    def row_gradients(self) -> list[tuple[Tensor, Tensor]]:
        """Sampled rows of this shard, int64 [m] without repeats, and their gradients [m, D]: one pair, or none."""
        taken = [(index, rows) for index, rows in self._taken if rows.grad is not None]
        if len(taken) > 1:
            taken = [_merged(taken, round(self.rate * len(self.local())))]
            self._taken = taken
        return [(index, rows.grad) for index, rows in taken if rows.grad is not None]

    def local(self) -> Tensor:
        """This process's weights [M, D]: classes ``first`` up to but not including ``last``."""
        return self.weight.to_local() if isinstance(self.weight, DTensor) else self.weight

    def as_sharded(self, local: Tensor) -> Tensor:
        """[M, ...] for this process's classes to [K, ...] laid out as the weights are."""
        if self.mesh is None:
            return local
        shape = torch.Size([self.classes, *local.shape[1:]])
        stride = torch.empty(shape, device="meta").stride()
        return DTensor.from_local(local, self.mesh, [Shard(0)], run_check=False, shape=shape, stride=stride)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return f"{self.features}, {self.classes} classes ({self.first} to {self.last} here), rate={self.rate}"

    def _rows(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Weights that take part [m, D], and for each label [G] which of them it is (-1: not here)."""
        here = (labels >= self.first) & (labels < self.last)
        own = torch.where(here, labels - self.first, -1)
        if self.rate == 1 or not self.training:
            return self.local(), own
        if self._step is None:
            raise EyeError("classes are sampled by step: call begin(step) on the head before each step")
        mask = sampled(self.first, self.last, self.rate, self.seed, self._step, labels.device)
        mask[own[places(here, len(own) * len(mask) / self.classes)]] = True
        left_out = (1 - self.rate) * (1 - 1 / self.classes) ** len(own)  # of all classes, as expected
        index = places(mask, len(mask) * (1 - left_out))
        rows = self.local().detach().index_select(0, index)
        if torch.is_grad_enabled() and self.weight.requires_grad:
            rows.requires_grad_()
            self._taken.append((index, rows))
        return rows, torch.where(here, torch.searchsorted(index, own.clamp_min(0)), -1)

    def _over_shards(self, others: Tensor, cosine: Tensor, nearest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same figures of each picture [G], over all shards."""
        if size_of(self.group) == 1:
            return others, cosine, nearest
        nearest = largest(nearest, self.group)
        total, cosine = summed(torch.stack([(others - nearest).exp(), cosine]), self.group)
        return torch.where(nearest > LOWEST, nearest + total.clamp_min(_TINY).log(), LOWEST), cosine, nearest

    def _as_shard(self, local: Tensor) -> Tensor:
        """Rows of this process among those of the others; how many those are does not matter."""
        return local if self.mesh is None else DTensor.from_local(local, self.mesh, [Shard(0)], run_check=False)


def bounds(rows: int, rank: int, size: int) -> tuple[int, int]:
    """First and one past the last row of a shard: as ``torch.chunk`` and DTensor cut, so the last may have fewer."""
    each = -(-rows // size)
    return min(rank * each, rows), min((rank + 1) * each, rows)


def _merged(taken: list[tuple[Tensor, Tensor]], common: int) -> tuple[Tensor, Tensor]:
    """Gradients of several backward passes as of one, ``common`` being as many rows as were sampled in all of them."""
    every = torch.cat([index for index, _ in taken])
    index, where = distinct(every, len(every) - common * (len(taken) - 1))
    gradients = torch.cat([rows.grad for _, rows in taken if rows.grad is not None])
    rows = gradients.new_empty(len(index), gradients.shape[1])
    rows.grad = torch.zeros_like(rows).index_add_(0, where, gradients)
    return index, rows


def _seed(seed: int, block: int) -> int:
    return int(np.random.SeedSequence([seed, block]).generate_state(1, np.uint64)[0] >> np.uint64(1))
