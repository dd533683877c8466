"""A built network kept beside its weights, so that the next start only reads it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path


def cached_graph(path: Path, build: Callable[[], bytes], recipe: Iterable[str]) -> bytes:
    """The graph at ``path`` if it was built by this code and is whole; else build it and keep it there.

    A file ``path`` + ".sha256" says what was built and by what: the digest of the graph and that of the modules in
    ``recipe``. Each file is replaced whole, so a reader or a second builder at the same time sees an old pair, a new
    one, or a pair that does not match, which is built again. A folder that cannot be written costs a build each time.

    Args:
        path: where the graph is kept.
        build: makes the serialised graph.
        recipe: names of the modules of this package whose text decides what ``build`` makes.
    """
    note = path.with_name(path.name + ".sha256")
    made_by = _digest(*(files("compoundeye.models").joinpath(name).read_bytes() for name in recipe))
    try:
        graph = path.read_bytes()
        if note.read_text() == f"{_digest(graph)} {made_by}\n":
            return graph
    except OSError:
        pass  # not there yet
    graph = build()
    try:
        _replace(path, graph)
        _replace(note, f"{_digest(graph)} {made_by}\n".encode())
    except OSError:
        pass  # a read-only cache
    return graph


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _replace(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as scratch:
        scratch.write(data)
    os.replace(scratch.name, path)
