"""Several processes on this machine, started by torchrun's own launcher."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from uuid import uuid4

from compoundeye.cluster import available_cores


def launched() -> bool:
    """Whether a launcher (torchrun, Slurm with torchrun) started this process as one of several."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def launch(arguments: Sequence[str], processes: int, *, restarts: int = 0) -> int:
    """Run ``eye ARGUMENTS`` in so many processes; returns the exit code.

    Args:
        restarts: how often to start all of them again after one died; each time the run goes on from its checkpoint.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the workers tell what went wrong
    # One process must not take all cores, which is what torch would do.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, available_cores() // processes)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=restarts,
        monitor_interval=0.2,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "compoundeye.cli", *arguments)
    except ChildFailedError as error:
        return max(failure.exitcode for failure in error.failures.values()) if error.failures else 1
    except SignalException as stop:
        return 128 + stop.sigval  # passed on to the workers, who saved and left
    return 0
