"""environment.json: what a run ran on and with, for whoever wants to do it again."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

_TELLING = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NCCL_", "PYTORCH_", "TORCH_")
"""Variables that change what a training does. No others are kept: they may hold secrets."""


def environment() -> dict[str, Any]:
    """Command, interpreter, system, processors, accelerators, and the version of every installed package."""
    return {
        "command": sys.argv,
        "folder": str(Path.cwd()),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "accelerators": _accelerators(),
        "variables": {key: value for key, value in sorted(os.environ.items()) if key.startswith(_TELLING)},
        "packages": dict(sorted({one.name.lower(): one.version for one in distributions()}.items())),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _accelerators() -> list[str]:
    """Names of the GPUs, if this process has torch anyway: this room does without."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
