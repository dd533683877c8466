"""What a checkpoint holds, and what saving it costs: the state of a training once, whatever the layout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from compoundeye.capacity import Cluster, Network, Term, network
from compoundeye.nets import MarginSoftmax
from compoundeye.train import Settings, learner

_NUMBER = 4
"""Bytes: parameters and moments are kept in float32."""
_HOST = "pcie4"
"""Over which a device is copied into main memory: the slowest that servers of the accelerators known here have."""
_METHOD = "train/_checkpoint.py"
_BLOCKING = "max(copy - passes, 0) + contention x min(copy, passes)"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers that a training holds, over all processes."""

    parameters: int
    learning: int
    """Of these, such that learn."""
    moments: int
    """Of the optimisers."""
    average: int
    """Of the averaged weights."""

    @property
    def bytes(self) -> int:
        """Of a checkpoint."""
        return _NUMBER * (self.parameters + self.moments + self.average)


@dataclass(frozen=True, slots=True)
class Saving:
    """A checkpoint and its cost."""

    bytes: int
    copy: float
    """Seconds from a device into main memory, beside the next forward and backward pass."""
    blocking: float
    """Seconds by which the copy makes the step longer."""
    write: float
    """Seconds until it is stored, in the background."""
    link: Network
    storage: Network
    """As a node has it."""
    nodes: int

    def terms(self) -> tuple[Term, ...]:
        """Each figure with its formula or source."""
        why = f"assumed: devices are copied over {self.link.name}"
        stored = f"assumed: the storage takes what {self.nodes:,} nodes send over {self.storage.name}"
        return (
            Term("checkpoint.bytes", self.bytes, "bytes", "4 (parameters + moments + average)", "computed", _METHOD),
            Term("checkpoint.copy", self.copy, "s", "bytes of a device / link", "computed", _METHOD),
            Term("checkpoint.blocking", self.blocking, "s", _BLOCKING, "computed", _METHOD),
            Term("checkpoint.write", self.write, "s", "bytes / (nodes x storage of a node)", "computed", _METHOD),
            Term("checkpoint.link", self.link.bandwidth, "bytes/s", "", "assumed", why),
            Term("checkpoint.storage", self.storage.bandwidth, "bytes/s", "", "assumed", stored),
        )


def sizes(settings: Settings, classes: int) -> Sizes:
    """Count what a training holds: the module is made on shapes alone.

    Raises:
        EyeError: the settings describe no model.
    """
    plain = settings.model_copy(update={"model": settings.model.model_copy(update={"pretrained": False})})
    with torch.device("meta"):
        module = learner(plain, classes)
    numbers = {name: one.numel() for name, one in module.named_parameters()}
    learning = {name: number for name, number in numbers.items() if module.get_parameter(name).requires_grad}
    moments = sum(_moments(settings, module, name) for name in learning)
    whole = sum(numbers.values())
    average = whole if settings.optimiser.ema else 0
    return Sizes(whole, sum(learning.values()), moments, average)


def _moments(settings: Settings, module: nn.Module, name: str) -> int:
    """Numbers that the optimiser keeps of a parameter."""
    optimiser, parameter = settings.optimiser, module.get_parameter(name)
    number = parameter.numel()
    of_classes = isinstance(module.get_submodule(name.rpartition(".")[0]), MarginSoftmax)
    if optimiser.name == "sgd":
        return number if optimiser.momentum else 0
    if of_classes:  # each class counts its own steps
        return 2 * number + len(parameter)
    hidden = ".blocks." in f".{name}" and parameter.ndim == 2 and not name.endswith("bias")
    return number if optimiser.name == "muon" and hidden else 2 * number


def saving(held: Sizes, cluster: Cluster, *, shards: int, beside: float, contention: float) -> Saving:
    """Cost of a checkpoint.

    Args:
        shards: processes among which the state is divided: each copies and writes its part.
        beside: seconds of a forward and backward pass, next to which the copy goes on.
        contention: share of the shorter one that is felt all the same, as of traffic beside computation.
    """
    link = network(_HOST)
    node = cluster.node
    part = held.bytes / shards
    copy = part / (link.bandwidth * link.achieved.at(part))
    nodes = max(min(-(-shards // node.accelerators), cluster.accelerators // node.accelerators), 1)
    storage = cluster.storage or _of_a_node(cluster.between, node.accelerators)
    each = held.bytes / nodes
    write = each / (storage.bandwidth * storage.achieved.at(each))
    blocking = max(copy - beside, 0.0) + contention * min(copy, beside)
    return Saving(held.bytes, copy, blocking, write, link, storage, nodes)


def _of_a_node(between: Network, accelerators: int) -> Network:
    return Network(between.name, between.bandwidth * accelerators, between.latency, between.achieved, between.sources)
