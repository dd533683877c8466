"""Blocks split over processes by depth: a pipeline through which parts of a batch follow each other.

Schedules are PyTorch's: one forward, one backward in turn (PipeDream-Flush, Narayanan et al., 2021, arXiv:2006.09503),
or the interleaved one where each process holds several chunks of blocks (arXiv:2104.04473, section 2.2). Of P processes
with C chunks each and M microbatches, (P - 1) / (C * M) is the time lost over the time worked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe, ScheduleInterleaved1F1B

from compoundeye.nets import ViT, share_router_losses
from compoundeye.records import EyeError
from compoundeye.train._chance import drawn
from compoundeye.train._experts import split_experts
from compoundeye.train._fsdp import let_go
from compoundeye.train._layout import Layout
from compoundeye.train._parallel import parallelise

Loss = Callable[..., tuple[Tensor, dict[str, Tensor]]]
"""Features [n, D] and the targets' parts for these pictures, to the sum of losses and figures summed likewise."""


class Stage(nn.Module):
    """Consecutive blocks of a learner, with what is before the first block or after the last if they are its."""

    def __init__(self, learner: nn.Module, blocks: range, *, first: bool, last: bool, carried: torch.dtype) -> None:
        super().__init__()
        self.backbone = part_of(learner.backbone, blocks, first=first, last=last)  # type: ignore[arg-type]
        self.head = learner.head if last else None
        self.carried = carried
        self.answer: Callable[[Tensor], Tensor] | None = None
        self._normalised = getattr(learner, "normalised", None)

    def forward(self, x: Tensor) -> Tensor:
        """Pixels or [n, L, D] from the stage before, to [n, L, D] for the stage after or features (or an answer)."""
        if self.backbone.patch is not None and self._normalised is not None:
            x = self._normalised(x)
        x = self.backbone(x)
        if self.head is None:
            return x.to(self.carried)
        return x if self.answer is None else self.answer(x)


class Pipelined:
    """A learner of which this process has some blocks; all processes of a pipeline call the same methods.

    The learner is cut in place: its parameters are those of this process, under the names they have in the whole, so
    that optimisers, averages and checkpoints work as without a pipeline.
    """

    def __init__(
        self,
        learner: nn.Module,
        layout: Layout,
        microbatches: int,
        loss: Loss,
        *,
        chunks: int = 1,
        figures: Sequence[str] | None = None,
    ) -> None:
        """Cut the learner and make its parts parallel (instead of `parallelise`).

        Args:
            learner: has a ``ViT`` as ``backbone``, a ``head``, and maybe ``normalised`` from pixels to what the
                backbone takes; equal on all processes, or on ``meta``.
            microbatches: parts of a batch; at least as many as the pipeline has processes.
            loss: called on the last stage, which has the head.
            chunks: of blocks, that each process holds; more than one shortens the time lost but talks more.
            figures: names of those that ``loss`` gives; the last stage tells them in the first step if not given.

        Raises:
            EyeError: the learner cannot be cut so.
        """
        self.layout = layout
        self.microbatches = microbatches
        self.loss = loss
        size, rank = layout.size("pipeline"), layout.rank("pipeline")
        vit = _vit(learner)
        _check(size, chunks, microbatches, vit.config.depth)
        self._count = size * chunks
        carried = torch.float32 if layout.plan.precision == "fp32" else torch.bfloat16
        cuts = cut(vit.config.depth, self._count)
        self._numbers = range(rank, self._count, size)
        self.stages = [
            Stage(learner, cuts[i], first=i == 0, last=i == self._count - 1, carried=carried) for i in self._numbers
        ]
        _prune(learner, {block for i in self._numbers for block in cuts[i]})
        for stage in self.stages:
            split_experts(stage, layout)
            parallelise(stage, layout)
        self._schedules: dict[tuple[int, bool], Any] = {}
        self._targets: tuple[Tensor, ...] = ()
        self._factor = 1.0
        self._sums: dict[str, Tensor] = {}
        self._names = None if figures is None else ["loss", *figures]

    @property
    def first(self) -> bool:
        """Whether this process needs the pixels."""
        return self._numbers[0] == 0

    @property
    def last(self) -> bool:
        """Whether this process has the head and computes the loss."""
        return self._numbers[-1] == self._count - 1

    def step(
        self, pixels: Tensor | None, *targets: Tensor, factor: float = 1.0, share: float = 1.0
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Forward and backward for one batch; gradients are added to what there is.

        Args:
            pixels: [n, ...], n a multiple of ``microbatches`` and equal on all processes; only the first stage looks.
            targets: what ``loss`` takes besides features, each [n, ...]; only the last stage looks, but at their length
                all.
            factor: that the loss is multiplied with before the backward pass.
            share: of this batch in the step, for losses that are means (routers of experts).

        Returns:
            Sum of losses and of figures over this data rank's n pictures, without ``factor``; on every stage.
        """
        self._targets, self._factor, self._sums = targets, factor, {}
        rows = len(targets[0])
        schedule = self._schedule(rows, learns=True)
        self._reseed()
        for stage in self.stages:
            stage.train()
            stage.answer = None
            share_router_losses(stage, share / self.microbatches)
        numbers = torch.arange(rows, device=self.layout.device)
        schedule.step(*([pixels] if self.first else []), target=numbers, return_outputs=False)
        return self._shared_sums()

    @torch.no_grad()
    def predict(self, pixels: Tensor, answer: Callable[[Tensor], Tensor]) -> Tensor:
        """What ``answer`` makes of features [n, D] on the last stage (say logits), on every stage.

        Args:
            pixels: as in `step`.
        """
        schedule = self._schedule(len(pixels), learns=False)
        for stage in self.stages:
            stage.eval()
            stage.answer = answer
        found = schedule.step(*([pixels] if self.first else []))
        for stage in self.stages:
            stage.answer = None
            let_go(stage)
        return self._from_last(found)

    def _schedule(self, rows: int, *, learns: bool) -> Any:
        if rows % self.microbatches:
            raise EyeError(
                f"{rows} pictures a process do not divide into {self.microbatches} microbatches; change data.batch or "
                "plan.microbatches"
            )
        key = (rows // self.microbatches, learns)
        if key not in self._schedules:
            loss = self._judge if learns else None
            stages = [self._torch_stage(stage, i, key[0]) for stage, i in zip(self.stages, self._numbers, strict=True)]
            options: dict[str, Any] = {"n_microbatches": self.microbatches, "loss_fn": loss, "scale_grads": False}
            if len(stages) > 1:
                self._schedules[key] = ScheduleInterleaved1F1B(list(stages), **options)
            else:
                self._schedules[key] = (Schedule1F1B if learns else ScheduleGPipe)(stages[0], **options)
        return self._schedules[key]

    def _torch_stage(self, stage: Stage, number: int, rows: int) -> PipelineStage:
        """Shapes are told: without, PyTorch would try them out, with a backward pass on no real targets."""
        config = stage.backbone.config
        cuts = self.layout.size("context") * self.layout.size("tensor")
        between = torch.empty(
            rows, -(-config.tokens // cuts), config.width, dtype=stage.carried, device="meta", requires_grad=True
        )
        pixels = torch.empty(rows, config.image, config.image, config.channels, dtype=torch.uint8, device="meta")
        features = torch.empty(rows, config.width, device="meta", requires_grad=True)
        assert self.layout.mesh is not None
        return PipelineStage(
            stage,
            number,
            self._count,
            self.layout.device,
            input_args=pixels if number == 0 else between,
            output_args=features if number == self._count - 1 else between,
            group=self.layout.mesh["pipeline"].get_group(),
        )

    def _judge(self, features: Tensor, numbers: Tensor) -> Tensor:
        loss, figures = self.loss(features, *(part[numbers] for part in self._targets))
        for name, value in {"loss": loss.detach(), **figures}.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        return loss * self._factor

    def _reseed(self) -> None:
        """Stages start from one seed, but their layers are not to draw the same numbers."""
        torch.manual_seed(drawn() + self.layout.rank("pipeline"))

    def _shared_sums(self) -> tuple[Tensor, dict[str, Tensor]]:
        assert self.layout.mesh is not None
        group = self.layout.mesh["pipeline"].get_group()
        if self._names is None:
            names = [list(self._sums)]
            dist.broadcast_object_list(names, group=group, group_src=group.size() - 1)
            self._names = names[0]
        device = self.layout.device
        if self.last:
            sums = torch.stack([self._sums[name].to(device, torch.float32) for name in self._names])
        else:
            sums = torch.empty(len(self._names), device=device)
        dist.broadcast(sums, group=group, group_src=group.size() - 1)
        found = dict(zip(self._names, sums.unbind(), strict=True))
        return found.pop("loss"), found

    def _from_last(self, found: Tensor | None) -> Tensor:
        assert self.layout.mesh is not None
        group = self.layout.mesh["pipeline"].get_group()
        described = [None if found is None else (found.shape, found.dtype)]
        dist.broadcast_object_list(described, group=group, group_src=group.size() - 1)
        assert described[0] is not None
        shape, dtype = described[0]
        found = torch.empty(shape, dtype=dtype, device=self.layout.device) if found is None else found.contiguous()
        dist.broadcast(found, group=group, group_src=group.size() - 1)
        return found


def cut(depth: int, stages: int) -> list[range]:
    """Blocks of each stage: consecutive, as many in each as can be, longer ones first but after the first stage."""
    each, more = divmod(depth, stages)
    # The first and the last stage have the ends to do as well.
    preferred = [*range(1, stages - 1), 0, stages - 1]
    lengths = [each + (i in preferred[:more]) for i in range(stages)]
    starts = [sum(lengths[:i]) for i in range(stages)]
    return [range(start, start + length) for start, length in zip(starts, lengths, strict=True)]


def part_of(vit: ViT, blocks: range, *, first: bool, last: bool) -> ViT:
    """A network with some of another's blocks and ends, and the very same parameters."""
    part = copy.copy(vit)
    nn.Module.__init__(part)  # own tables of modules, parameters and hooks; settings stay
    part.patch, part.norm_in = (vit.patch, vit.norm_in) if first else (None, None)
    part.norm, part.pool = (vit.norm, vit.pool) if last else (None, None)
    part.blocks = nn.ModuleDict({str(i): vit.blocks[str(i)] for i in blocks})
    if first:
        part._parameters = vit._parameters  # one table: what FSDP puts there, both see
    else:
        part.register_parameter("prefix", None)
        part.register_parameter("position", None)
    return part


def _prune(learner: nn.Module, blocks: set[int]) -> None:
    """Drop what other processes have."""
    vit = _vit(learner)
    depth = vit.config.depth
    vit.blocks = nn.ModuleDict({name: block for name, block in vit.blocks.items() if int(name) in blocks})
    if 0 not in blocks:
        vit.patch = vit.norm_in = None
        vit.register_parameter("prefix", None)
        vit.register_parameter("position", None)
    if depth - 1 not in blocks:
        vit.norm = vit.pool = None
        learner.head = nn.Identity()


def _vit(learner: nn.Module) -> ViT:
    backbone = getattr(learner, "backbone", None)
    others = [name for name, part in learner.named_children() if any(True for _ in part.parameters())]
    if not isinstance(backbone, ViT) or not {*others} <= {"backbone", "head"}:
        raise EyeError("only a vision transformer with a head makes a pipeline; set pipeline to 1 in [plan]")
    return backbone


def _check(size: int, chunks: int, microbatches: int, depth: int) -> None:
    if depth < size * chunks:
        raise EyeError(f"{depth} blocks do not make {size * chunks} stages of a pipeline; lower pipeline in [plan]")
    if microbatches < size:
        raise EyeError(f"a pipeline of {size} needs as many microbatches, not {microbatches}; raise plan.microbatches")
    if chunks > 1 and microbatches % size:
        raise EyeError(
            f"with chunks, microbatches have to be a multiple of the pipeline's {size} processes, not {microbatches}; "
            "change plan.microbatches"
        )
