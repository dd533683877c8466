"""What a user can do wrong with a corpus, and what a disk can do wrong with it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from compoundeye.records import EyeError

# Errors of the storage itself, which a person can mend; everything else that Lance raises is a defect.
_MENDABLE = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space or ask for a larger quota",
    errno.EACCES: "get the right to write there",
    errno.EPERM: "get the right to write there",
    errno.EROFS: "mount it writable",
    errno.EIO: "check the disk",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENOENT: "make that folder first",
    errno.ENOTDIR: "give another path",
    errno.ENAMETOOLONG: "give a shorter path",
}


class CorpusError(EyeError):
    """A corpus that is missing, damaged, busy, full, or asked for something it does not hold."""


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Turn a full disk and the like, as Lance or the system reports them, into one sentence.

    Raises:
        CorpusError: what happened, where, and that nothing stored is lost.
    """
    try:
        yield
    except OSError as error:
        code = _code(error)
        if code in _MENDABLE:
            raise CorpusError(
                f"cannot write to {path}: {os.strerror(code).lower()}; {_MENDABLE[code]}, then run the same command "
                "again (what was stored is kept)"
            ) from error
        if "://" in path and code is None:
            raise CorpusError(f"cannot write to {path}: {_first_words(error)}") from error
        raise


def _code(error: OSError) -> int | None:
    """The system's error number, which Lance only tells in words."""
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else error.errno


def _first_words(error: OSError) -> str:
    """Lance's message without where in Lance it was raised."""
    text = re.sub(r"^LanceError\(\w+\): ", "", str(error).partition("\n")[0])
    return re.sub(r", /\S+\.rs:\d+:\d+$", "", text)
