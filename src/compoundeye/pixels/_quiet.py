"""Pillow speaks through warnings and logs about odd files; here an odd file is a reason or a picture, never a noise.

`warnings.catch_warnings` swaps a list that belongs to the process, so two threads that overlap can restore each
other's. Here the first thread in installs the filter and the last one out removes it; it names only Pillow's modules.
"""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_lock = threading.Lock()
_inside = 0
_filters = ExitStack()
_here = threading.local()


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Silence Pillow in this block: its warnings while any thread is inside, its log records of this thread only."""
    _enter()
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1
        _leave()


def _enter() -> None:
    global _inside
    with _lock:
        if _inside == 0:
            _filters.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            _filters.close()


def _audible(record: logging.LogRecord) -> bool:  # noqa: ARG001  # the signature of a logging filter
    return not getattr(_here, "depth", 0)


# A logger's filter sees only records made through that very logger, so Pillow's plugins get one each.
for _plugin in ("Image", "ImageFile", "PngImagePlugin", "TiffImagePlugin"):
    logging.getLogger(f"PIL.{_plugin}").addFilter(_audible)
