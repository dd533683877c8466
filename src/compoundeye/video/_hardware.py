"""Decoding on a graphics processor, where FFmpeg has it."""

from __future__ import annotations

import av
from av.codec.hwaccel import HWAccel, hwdevices_available

from compoundeye.records import EyeError


def accelerated(name: str | None) -> HWAccel | None:
    """What decodes in hardware, with software for streams that it cannot decode; None for software alone.

    Args:
        name: None for software; "auto" for the first device that works, or software; else a device of FFmpeg's, such
            as "cuda" or "qsv".

    Raises:
        EyeError: no such device.
    """
    if name is None:
        return None
    known = hwdevices_available()
    if name == "auto":
        return next((device for device in map(_device, known) if device is not None), None)
    if name not in known:
        raise EyeError(f"hardware {name!r} is unknown; this FFmpeg knows {', '.join(known) or 'none'}, or auto")
    device = _device(name)
    if device is None:
        raise EyeError(f"this machine has no {name} device that decodes; leave the hardware out, or say auto")
    return device


def _device(name: str) -> HWAccel | None:
    try:
        device = HWAccel(name, allow_software_fallback=True)
        device.create(av.Codec("h264", "r"))
    except (av.FFmpegError, OSError, NotImplementedError, ValueError):
        return None
    return device
