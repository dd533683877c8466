"""What people may start jobs on: places below the roots that `eye console --root` was given, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from compoundeye.console._refusals import Forbidden, Unprocessable

BUCKETS = ("s3", "gs", "gcs", "abfs", "abfss")
TABLES = (".csv", ".tsv", ".parquet")
LONGEST = 4_096
_PLAIN_KEY = re.compile(r"[\w .,;=+()!@&$~:/-]*")
"""Neither patterns nor escapes, options nor fragments: what an address says is where it leads."""


def source(text: str, roots: Sequence[str]) -> str:
    """A folder, picture or archive for `eye ingest`, exactly as it is to be named to it.

    Raises:
        Forbidden: it is not below a root.
        Unprocessable: there is nothing, or it is a list, which could name pictures anywhere.
    """
    if "://" in text:
        return _address(text, roots)
    place = _below(text, roots)
    if place.lower().endswith(TABLES) and not os.path.isdir(place):
        raise Unprocessable("a list may name pictures outside the roots: ingest lists with `eye ingest`")
    return place


def folder(text: str, roots: Sequence[str]) -> str:
    """A folder on this machine below a root, with links followed.

    Raises:
        Forbidden: it is not below a root.
        Unprocessable: it is no folder.
    """
    place = _below(text, roots)
    if not os.path.isdir(place):
        raise Unprocessable("that is a file: give a folder")
    return place


def located_file(text: str, roots: Sequence[str]) -> str:
    """A file on this machine below a root, with links followed.

    Raises:
        Forbidden: it is not below a root.
        Unprocessable: it is no file.
    """
    place = _below(text, roots)
    if not os.path.isfile(place):
        raise Unprocessable("that is no file")
    return place


def located(corpus: str) -> str:
    """The whole path of a corpus, or its address: what means the same from any working folder."""
    return corpus.rstrip("/") if "://" in corpus else os.path.abspath(os.path.expanduser(corpus))


def local(roots: Sequence[str]) -> list[str]:
    """The roots on this machine, with links followed, each once."""
    return list(dict.fromkeys(os.path.realpath(os.path.expanduser(root)) for root in roots if "://" not in root))


def _below(text: str, roots: Sequence[str]) -> str:
    """Links and ``..`` are followed first: what counts is where it leads. What is outside is not even looked at."""
    _refuse_unsafe(text)
    allowed = local(roots)
    place = os.path.realpath(os.path.expanduser(text) if text.startswith("~/") else text)
    if not os.path.isabs(os.path.expanduser(text)):
        raise Unprocessable(f"give the whole path on the server, such as {allowed[0] if allowed else '/data'}/NAME")
    if not any(os.path.commonpath([root, place]) == root for root in allowed):
        raise Forbidden(_only(roots))
    if not os.path.exists(place):
        raise Unprocessable("there is nothing at that path on the server")
    return place


def _address(text: str, roots: Sequence[str]) -> str:
    _refuse_unsafe(text)
    scheme, _, key = text.partition("://")
    if scheme not in BUCKETS or not _PLAIN_KEY.fullmatch(key) or ".." in key.split("/"):
        raise Unprocessable("give a plain address such as s3://bucket/folder, without patterns, escapes or options")
    for root in roots:
        base = root.partition("?")[0].rstrip("/")
        if "://" in root and (text.rstrip("/") == base or text.startswith(f"{base}/")):
            return text + root[len(root.partition("?")[0]) :]  # the operator's options (region, endpoint) hold for all
    raise Forbidden(_only(roots))


def _refuse_unsafe(text: str) -> None:
    if not text or len(text) > LONGEST or not text.isprintable():
        raise Unprocessable("that is no path: it is empty, too long, or holds characters that cannot be shown")


def _only(roots: Sequence[str]) -> str:
    if not roots:
        return "this console starts no jobs on files: start it with `eye console --root FOLDER` to allow a folder"
    shown = ", ".join(root.partition("?")[0] for root in roots)
    return f"that is not below what this console may read from: {shown}"
