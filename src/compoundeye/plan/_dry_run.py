"""The dry run: the real training step as any one rank of thousands, on tensors that have shapes but no numbers.

The learner is built, shared out and optimised by the very functions that `compoundeye.train.train` calls; PyTorch's
fake process group answers collectives at once, and fake tensors take no memory. Of two steps the second is counted.

What this tells of a training on GPUs, and what not:

- Shapes, FLOPs and collectives are those of the real run. A collective counts by the larger of what goes into it and
  what comes out, on this rank; sends count where they leave; groups of one rank are left out. ``compile`` is left out:
  it fuses operations, not products.
- Where contents decide shapes (tokens of an expert, classes of a margin head), an even spread stands for them.
- Memory is the sum of the bytes of all storages alive. An allocator takes more: it rounds each up (CUDA's to 512 bytes
  and its segments to 2 MiB and more), and it fragments. Libraries' workspaces (cuBLAS, NCCL), the CUDA context and what
  a kernel takes while it runs are not seen.
- Kernels are chosen as for a processor. Its fused attention keeps its output and the logarithm of its normaliser, as
  FlashAttention on a GPU does (Dao et al., 2022, arXiv:2205.14135); a GPU's keeps a few bytes of random state besides,
  and pads heads whose width is no multiple of 8. Experts are multiplied one by one: a GPU with bf16 has one product for
  all, without the copy that joins the parts. Alone, without other ranks, a GPU updates many weights at once, for which
  AdamW takes as much memory as the weights for a moment; among others and here it is one weight after the other.
- On a processor all work is in one order. On a GPU collectives have streams of their own, and memory that one stream
  gave back can serve another only when that has passed: FSDP2 then holds gathered weights a little longer.
"""

from __future__ import annotations

import re
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from compoundeye.nets import MarginSoftmax
from compoundeye.plan._alone import alone
from compoundeye.plan._case import Case
from compoundeye.plan._executed import Executed
from compoundeye.plan._trackers import Trackers
from compoundeye.plan._traffic import tensors_in
from compoundeye.records import EyeError
from compoundeye.train import Settings, Stepper, lay_out, learner, shared, total_of

_STEPS = 2
"""In the first the optimiser makes its moments; the second is as all others."""
_BLOCK = re.compile(r"(.*\.)?blocks\.\d+")


def executed(case: Case, rank: int) -> Executed:
    """One rank's step, executed in this process, which should be a fresh one: FSDP keeps things of a process's first.

    Raises:
        EyeError: the plan cannot be carried out (the very error of a real run), or there is no such rank.
    """
    if not 0 <= rank < case.world_size:
        raise EyeError(f"there is no rank {rank} among {case.world_size}: give one from 0 to {case.world_size - 1}")
    if case.plan.precision == "float8":
        raise EyeError(
            "a dry run knows no float8, which needs a GPU: set precision to bf16, whose products are as many"
        )
    began = time.perf_counter()
    settings = _without(case.settings)
    with alone(rank, case.world_size), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layout = lay_out(settings.plan, "cpu")
        trackers = Trackers(layout)
        with torch.device("meta"):
            model = learner(settings, case.classes, layout)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        work = shared(model, layout)
        with FakeTensorMode(allow_non_fake_inputs=True):
            model.to_empty(device=layout.device)
            step = Stepper.of(model, work, settings, layout, _STEPS)
            with trackers.watching():
                _hold(trackers, step)
                _watch(trackers, model)
                for number in range(_STEPS):
                    trackers.restart()
                    _do(trackers, step, case, number)
                moments = trackers.allocations.moments()[1:]
    highest = max(moments, key=lambda one: one.bytes)
    return Executed(
        rank=rank,
        world_size=case.world_size,
        stage=case.stage(rank),
        parameters=parameters,
        peak=highest.bytes,
        parts=highest.parts,
        moments=moments,
        flops=trackers.flops,
        sent=trackers.traffic.sent(),
        seconds=time.perf_counter() - began,
        host_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    )


def _do(trackers: Trackers, step: Stepper, case: Case, number: int) -> None:
    """One step, in the order of `Stepper.step`, which besides reads numbers off the device."""
    settings, layout, memory = case.settings, step.layout, trackers.allocations
    trackers.step = "forward"
    pixels, targets, valid = _pictures(case)
    memory.belongs((pixels, targets, valid), "inputs")
    memory.belongs(step.learner.parameters(), "parameters")  # FSDP pads them when it begins
    if dist.is_initialized():
        total_of([len(pixels), 0, 0], layout)
    sums = step.learn(number, pixels, targets, valid, settings.data.batch)
    trackers.step = "update"
    memory.belongs(_gradients(step), "gradients")
    memory.mark("backward")
    step.clip()
    if dist.is_initialized():
        total_of([0.0] * len(sums), layout)
    memory.mark("clip")
    step.update()
    memory.belongs(
        tensors_in([list(state.values()) for one in step.optimisers for state in one.state.values()]), "optimiser"
    )
    memory.mark("update")


def _pictures(case: Case) -> tuple[Tensor, Tensor, Tensor]:
    """A data rank's share of a batch, as `Feed` gives it: pixels, targets, valid."""
    settings = case.settings
    rows, side = case.rows * case.plan.accumulate, settings.data.view.size
    tokens = (settings.task.text.length,) if settings.task.kind == "contrastive" else ()
    return (
        torch.empty(rows, side, side, 3, dtype=torch.uint8),
        torch.zeros(rows, *tokens, dtype=torch.int64),
        torch.ones(rows, dtype=torch.bool),
    )


def _gradients(step: Stepper) -> Iterator[Tensor]:
    for head in (one for one in step.learner.modules() if isinstance(one, MarginSoftmax)):
        yield from (gradient for _, gradient in head.row_gradients())
    for parameter in step.learner.parameters():
        if parameter.grad is not None:
            yield parameter.grad


def _hold(trackers: Trackers, step: Stepper) -> None:
    """What is there before the first step."""
    memory, model = trackers.allocations, step.learner
    memory.belongs(model.buffers(), "buffers")
    if step.average is not None:
        memory.belongs(step.average.state_dict()["mean"].values(), "average")
    plain = step.work.step

    def counted(*arguments: Any, **options: Any) -> Any:
        trackers.passes += 1
        return plain(*arguments, **options)

    step.work.step = counted  # type: ignore[method-assign]


def _watch(trackers: Trackers, model: nn.Module) -> None:
    """A moment after each block, forward and backward."""
    memory = trackers.allocations

    def before(name: str, inputs: tuple[Any, ...]) -> None:
        for one in inputs:
            if isinstance(one, Tensor) and one.requires_grad:
                one.register_hook(lambda _: memory.mark(f"{name} backward"))

    for name, module in model.named_modules():
        if _BLOCK.fullmatch(name):
            module.register_forward_pre_hook(lambda _, inputs, name=name: before(name, inputs), prepend=True)
            module.register_forward_hook(lambda *_, name=name: memory.mark(f"{name} forward"))


def _without(settings: Settings) -> Settings:
    """What neither shapes nor operations depend on is left out: published weights, the compiler."""
    plan = settings.plan.model_copy(update={"compile": False, "deterministic": False})
    model = settings.model.model_copy(update={"pretrained": False})
    return settings.model_copy(update={"plan": plan, "model": model})
