"""The network between nodes, measured by the processes of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

from compoundeye.capacity._bench import EFFORTS, Bench, Device, HardwareEffort
from compoundeye.capacity._calibrate import check_name, source_of
from compoundeye.capacity._calibrated import network_table
from compoundeye.capacity._cluster import Network
from compoundeye.capacity._hardware import network, users_folder
from compoundeye.capacity._hardware_write import write
from compoundeye.cluster import available_cores
from compoundeye.records import EyeError

_PATIENCE = timedelta(minutes=10)


def calibrate_between(
    name: str,
    *,
    of: str | None = None,
    tell: Callable[[str], None] | None = None,
    effort: HardwareEffort | None = None,
) -> Network:
    """Measure the network between nodes and write ``$COMPOUNDEYE_HOME/hardware/NAME.toml`` on each of them.

    Every process that torchrun started on two nodes or more calls this. Each accelerator speaks with those that have
    its place on the other nodes, all places at once: what it sends goes over the share of the network that is its own.
    All-reduces and all-gathers by size, over NCCL where there are GPUs, over gloo elsewhere. From then on
    ``cluster(GPU, GPUS, NAME)`` plans with it.

    Args:
        name: of the file and the network: small letters, digits, hyphens.
        of: the network of the data sheet whose bandwidth stays, so that the curve says what was reached of it.
        tell: is called with a few words at each step.
        effort: how long and how large; by device if None.

    Raises:
        EyeError: not started by torchrun on two nodes or more, torch is missing, or a name cannot be one.
    """
    check_name(name)
    known = network(of) if of else None
    try:
        rank, place, world, local = (int(os.environ[key]) for key in _TORCHRUN)
    except (KeyError, ValueError):
        raise EyeError("the network between nodes is measured by torchrun on two nodes or more") from None
    nodes = world // local
    if nodes < 2 or world != nodes * local:
        raise EyeError(f"{world} processes, {local} to a node, are not two equal nodes or more")
    try:
        import torch
        from torch import distributed as dist
    except ImportError:
        raise EyeError("measuring a network needs torch: install it, then compoundeye[train]") from None
    device: Device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.cuda.set_device(place)
    joined = dist.is_initialized()
    if not joined:
        dist.init_process_group("nccl" if device == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        groups = [dist.new_group([node * local + one for node in range(nodes)]) for one in range(local)]
        threads = max(1, available_cores() // local)
        bench = Bench(place, world, device, threads, effort or EFFORTS[device], groups[place], nodes)
        if tell is not None and rank == 0:
            tell(f"messages between {nodes} nodes")
        found = bench.messages()
        if place == 0:
            source = source_of(f"calibrate_between({name!r}) on {nodes} nodes", bench.name(), bench.versions())
            tables = {"network": network_table(found, nodes, known, source)}
            write(users_folder() / f"{name}.toml", {"name": name}, {"here": source}, tables)
        dist.barrier()  # the file is there
        return network(name)
    finally:
        if not joined:
            dist.destroy_process_group()


_TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
