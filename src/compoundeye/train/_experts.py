"""Experts split over processes: each holds some, and tokens go to where theirs are (arXiv:2006.16668, section 3).

Two all-to-alls before a mixture's experts (how many tokens, then the tokens) and one after, forward and backward. No
token is dropped, so results are those of one process. What is not split this way, FSDP shards as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.distributed._functional_collectives import all_reduce, all_to_all_single
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.checkpoint import _CachedTorchDispatchMode, _CachingTorchDispatchMode

from compoundeye.nets import Mixture, inverted, mixtures, permuted, told
from compoundeye.records import EyeError
from compoundeye.train._layout import Layout


def split_experts(model: nn.Module, layout: Layout) -> None:
    """Give each process its share of every mixture's experts, in place and once; before `parallelise` does the rest.

    Of the experts that ``plan.expert`` processes share out, the ``copies`` (replicate x shard x context / expert) shard
    the hidden units; gradients are means over all of these processes, as those of other parameters. Also without
    ``expert`` routers learn to balance the load of all processes, not of each.

    Raises:
        EyeError: experts, or what each copy is to hold of them, do not divide.
    """
    if layout.sharing is None:
        return
    for mixture in [one for one in mixtures(model) if not isinstance(one.total, Summed)]:
        mixture.total = Summed(layout.sharing)
        if layout.experts is not None:
            mixture.dispatch = Exchange(layout.experts["expert"])
            _keep_mine(mixture, layout.experts["expert"])
            _shard(mixture, layout.experts["copies"], layout)


class Summed(nn.Module):
    """A count, added up over all processes that see other tokens of a step."""

    def __init__(self, mesh: DeviceMesh) -> None:
        super().__init__()
        self.mesh = mesh

    def forward(self, counts: Tensor) -> Tensor:
        """int64 [E] to the same."""
        for dimension in range(self.mesh.ndim):
            if self.mesh.size(dimension) > 1:
                counts = all_reduce(counts, "sum", (self.mesh, dimension))
        return counts


class Exchange(nn.Module):
    """Tokens to the processes that hold their experts, and back."""

    def __init__(self, mesh: DeviceMesh) -> None:
        super().__init__()
        self.mesh = mesh

    def forward(self, tokens: Tensor, counts: Tensor, experts: nn.Module) -> Tensor:
        """[T, D], ordered by expert, to [T, D].

        Args:
            counts: int64 [E], how many of the tokens go to each of all experts.
            experts: this process's; called with the tokens of all processes for each.
        """
        processes = self.mesh.size()
        leaving = counts.view(processes, -1)  # [process, one of its experts]
        coming = _moved(counts, None, None, self.mesh).view(processes, -1)  # [process, one of mine]
        # The one time that the device is waited for.
        sizes = told(torch.stack([leaving.sum(1), coming.sum(1)]), len(tokens))
        there = _moved(tokens, sizes[1], sizes[0], self.mesh)  # by process, then expert
        mine = torch.arange(coming.shape[1], device=tokens.device).repeat(processes)
        order = mine.repeat_interleave(coming.flatten(), output_size=len(there)).argsort(stable=True)
        inverse = inverted(order)
        there = permuted(there, order, inverse)
        # Selective recomputation counts operations, and FSDP's are not as many the second time (pytorch#196862).
        with _whole():
            done = experts(there, coming.sum(0))
        return _moved(permuted(done, inverse, order), sizes[0], sizes[1], self.mesh)


def _moved(x: Tensor, came: list[int] | None, went: list[int] | None, mesh: DeviceMesh) -> Tensor:
    """All-to-all: parts of the first dimension, ``went`` to each process and ``came`` from each (None: equal)."""
    return all_to_all_single(x.contiguous(), came, went, mesh)


@contextmanager
def _whole() -> Iterator[None]:
    """Out of sight of selective recomputation, but not of others that watch operations (`compoundeye.plan`)."""
    with _disable_current_modes() as modes, ExitStack() as stack:
        for mode in reversed(modes):  # innermost first
            if not isinstance(mode, _CachingTorchDispatchMode | _CachedTorchDispatchMode):
                stack.enter_context(mode)
        yield


def _keep_mine(mixture: Mixture, mesh: DeviceMesh) -> None:
    """Experts' stacked parameters become this process's part of them."""
    experts = mixture.router.out_features
    if experts % mesh.size():
        raise EyeError(
            f"{experts} experts do not divide into expert {mesh.size()}; change [plan] or the model's experts"
        )
    for module in mixture.experts.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            part = parameter.detach().chunk(mesh.size())[mesh.get_local_rank()].clone()
            whole = DTensor.from_local(part, mesh, [Shard(0)], run_check=False)
            setattr(module, name, nn.Parameter(whole, requires_grad=parameter.requires_grad))


def _shard(mixture: Mixture, copies: DeviceMesh, layout: Layout) -> None:
    policy = MixedPrecisionPolicy()
    if layout.plan.precision != "fp32":
        policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32)
    for parameter in mixture.experts.parameters():
        if parameter.shape[1] % copies.size():
            raise EyeError(
                f"{parameter.shape[1]} units of an expert do not divide into the {copies.size()} processes that hold "
                "it; raise expert in [plan] or change the model's width or hidden"
            )
    experts = fully_shard(mixture.experts, mesh=copies, mp_policy=policy, shard_placement_fn=lambda _: Shard(1))
    # An expert's gradient is a sum over those that sent it tokens already; it is to be a mean over all processes.
    experts.set_gradient_divide_factor(float(copies.size() * layout.plan.expert))
    if layout.device.type == "cpu" and copies.size() > 1:  # gloo can only sum
        experts.set_force_sum_reduction_for_comms(True)
