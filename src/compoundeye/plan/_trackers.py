"""Watches every operation that a program calls, each once, and tells what it is for: FLOPs, traffic, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator
from torch._subclasses.fake_tensor import FakeTensor
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.distributed.fsdp._fully_shard._fsdp_param_group import FSDPParamGroup
from torch.distributed.pipelining.stage import _PipelineStageBase
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._sharding_prop import ShardingPropagator
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import _recomputation_hook
from torch.utils.flop_counter import conv_flop_count, flop_registry, sdpa_backward_flop_count, sdpa_flop_count
from torch.utils.weak import WeakIdKeyDictionary

from compoundeye.plan._allocations import Allocations
from compoundeye.plan._operations import Phase
from compoundeye.plan._traffic import Traffic, tensors_in
from compoundeye.train import Layout

_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_ATTENTION_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
_TRANSPOSED, _GROUPS, _WANTED = 7, 9, 10
"""Arguments of ``convolution_backward``."""
_OF_FSDP = {"unshard": "gathered", "wait_for_unshard": "gathered", "post_backward": "reduced"}


class Trackers(TorchDispatchMode):
    """Counts what one process does while it is `watching`, inside a ``FakeTensorMode``.

    Operations on tensors that wrap others (DTensors) are passed by: they come again as what they are on this rank.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.step: Phase = "forward"
        """What is being done outside of backward passes."""
        self.passes = 0
        self.flops: dict[str, int] = {}
        self.traffic = Traffic(layout)
        self.allocations = Allocations(lambda: (self.phase, self.passes))
        self._recomputing = 0
        self._reducing = 0
        self._paused = 0
        self._gradients = WeakIdKeyDictionary()

    @property
    def phase(self) -> Phase:
        """Of now."""
        if self._recomputing:
            return "recompute"
        back = self._reducing or torch._C._current_graph_task_id() != -1  # a pipeline reduces after its last pass
        return "backward" if back else self.step

    def restart(self) -> None:
        """Count anew; memory that is alive stays counted."""
        self.flops = {}
        self.traffic.restart()
        self.allocations.restart()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block operations are counted."""
        with ExitStack() as stack:
            enter = stack.enter_context
            enter(self.allocations.resizes())
            enter(patch.object(ShardingPropagator, "_fake_mode_lock", _Within(self._pause)))
            enter(_around(_recomputation_hook, self._recompute))
            enter(
                patch.object(_PipelineStageBase, "get_bwd_send_ops", self._noted(_PipelineStageBase.get_bwd_send_ops))
            )
            for name, part in _OF_FSDP.items():
                enter(patch.object(FSDPParamGroup, name, self._scoped(getattr(FSDPParamGroup, name), part)))
            enter(self)
            yield

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See TorchDispatchMode."""
        if any(issubclass(one, DTensor | AsyncCollectiveTensor) for one in types):
            return NotImplemented
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._paused or isinstance(func, HigherOrderOperator):
            return result
        self.allocations.saw(one for one in tensors_in(result) if isinstance(one, FakeTensor))
        inputs = (*args, *kwargs.values())
        back = func.namespace == "c10d" and any(tensor in self._gradients for tensor in tensors_in(inputs))
        self.traffic.saw(func, inputs, result, "backward" if back else self.phase)
        if (found := _flops(func, args, kwargs, result)) is not None:
            self.flops[self.phase] = self.flops.get(self.phase, 0) + found
        return result

    def _scoped(self, method: Callable[..., Any], part: str) -> Callable[..., Any]:
        """The method of an FSDP unit, with what it makes being of a part."""

        @wraps(method)
        def scoped(unit: Any, *arguments: Any, **options: Any) -> Any:
            reduces = method.__name__ == "post_backward"
            if reduces:
                self.allocations.belongs(_whole_gradients(unit), part)
            self._reducing += reduces
            try:
                with self.allocations.scope(part):
                    return method(unit, *arguments, **options)
            finally:
                self._reducing -= reduces

        return scoped

    def _noted(self, method: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        """A pipeline sends gradients when its backward pass is over."""

        @wraps(method)
        def noted(*arguments: Any) -> list[Any]:
            operations = method(*arguments)
            for one in operations:
                self._gradients[one.tensor] = True
            return operations

        return noted

    @contextmanager
    def _pause(self) -> Iterator[None]:
        """DTensor tries an operation on whole shapes to learn the result's: that is no work."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    @contextmanager
    def _recompute(self) -> Iterator[None]:
        self._recomputing += 1
        try:
            yield
        finally:
            self._recomputing -= 1


class _Within:
    """A context that can be entered any number of times."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._open: list[Any] = []

    def __enter__(self) -> None:
        self._open.append(self._make())
        self._open[-1].__enter__()

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


@contextmanager
def _around(kind: type[Any], make: Callable[[], Any]) -> Iterator[None]:
    """Each time that a context of this class is entered, another is entered with it."""
    within = _Within(make)
    enter, leave = kind.__enter__, kind.__exit__

    def entered(context: Any) -> Any:
        within.__enter__()
        return enter(context)

    def left(context: Any, *error: Any) -> Any:
        try:
            return leave(context, *error)
        finally:
            within.__exit__(None, None, None)

    with patch.object(kind, "__enter__", entered), patch.object(kind, "__exit__", left):
        yield


def _whole_gradients(unit: Any) -> Iterator[Tensor]:
    """What backward operations have left for FSDP to reduce."""
    for parameter in unit.fsdp_params:
        if (whole := getattr(parameter, "_unsharded_param", None)) is not None and whole.grad is not None:
            yield whole.grad
        if (kept := parameter.unsharded_accumulated_grad) is not None:
            yield kept


def _flops(function: Any, arguments: Any, options: Any, result: Any) -> int | None:
    """As PyTorch's counter has them, and the processor's fused attention as that of a GPU."""
    packet = function._overloadpacket
    if packet == _ATTENTION:
        return int(sdpa_flop_count(*(one.shape for one in arguments[:3])))
    if packet == _ATTENTION_BACKWARD:
        return int(sdpa_backward_flop_count(*(one.shape for one in arguments[:4])))
    if packet == torch.ops.aten.convolution_backward and arguments[_GROUPS] > 1:
        # PyTorch's formula takes no notice of groups; as many as forward, for inputs and for weights.
        forward = conv_flop_count(arguments[1].shape, arguments[2].shape, arguments[0].shape, arguments[_TRANSPOSED])
        return int(forward * sum(arguments[_WANTED][:2]))
    count = flop_registry.get(packet)
    return None if count is None else int(count(*arguments, **options, out_val=result))
