"""One writer of a kind at a time, on a local disk; object stores rely on Lance's optimistic commits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compoundeye.corpus._error import CorpusError, storage_errors

try:
    import fcntl
except ImportError:  # Windows: Lance's optimistic commits are all there is
    fcntl = None  # type: ignore[assignment]


@contextmanager
def writer_lock(corpus: str, job: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of ``job`` on a corpus; the kernel lets go of it when the process dies, however it dies.

    Args:
        shared: any number may hold it so, while nobody holds it alone.

    Raises:
        CorpusError: another process holds it, or nothing can be written there.
    """
    if "://" in corpus or fcntl is None:
        yield
        return
    path = Path(corpus) / f"_{job}.lock"
    with storage_errors(corpus):
        file = open(path, "a+")  # noqa: SIM115  # closed below: what the job itself raises is none of ours
    with file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CorpusError(
                f"another {job} (process {holder}) is writing to {corpus}; wait until it ends, then run this again"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
