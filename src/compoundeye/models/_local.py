"""A model of one's own, put into the catalogue of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.models._card import Card
from compoundeye.models._catalogue import published
from compoundeye.models._error import WeightsError
from compoundeye.models._labels import Labels
from compoundeye.models._registered import CARD, LABELS, MODEL, as_json, models_folder, read_card
from compoundeye.models._runtime import open_onnx
from compoundeye.models._weights import alone
from compoundeye.pixels import Crop

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def register(
    name: str,
    onnx: bytes | str | os.PathLike[str],
    *,
    input_size: int,
    labels: Sequence[str] | None = None,
    crop: Crop = "centre",
    crop_fraction: float = 1.0,
    licence: str = "not stated",
    metric: str = "not measured",
    protocol: str = "",
    notes: str = "",
    facts: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> Card:
    """Put a network into this machine's catalogue: `load`, ``eye models`` and ``eye categorise --model NAME`` find it.

    The network is run once to see that it is what it should be. It appears whole or not at all; whoever reads while
    another version takes its place sees the one or the other. The version before stays on the disk until the next
    replacement, for jobs that began with it.

    Args:
        name: to find it by.
        onnx: the network: input "pixels" uint8 [N, S, S, 3] with any N, outputs "embedding" float32 [N, D] and, with
            labels, "logits" float32 [N, K]; normalisation of colours inside. At most 2 GiB, as files of ONNX are.
        input_size: S in pixels.
        labels: K names in the order of the logits.
        crop: "centre", or "whole": all of the picture, whatever its proportions.
        crop_fraction: centre: side of the square as a share of the picture's shorter side.
        licence: of the weights.
        metric: how good it is.
        protocol: how that was measured.
        facts: more to keep with it; plain values.
        replace: take the place of a model of this name, with the next version number.

    Raises:
        WeightsError: the name is taken or is none, the labels cannot be, or the network is not as above.
    """
    if not _NAME.fullmatch(name):
        raise WeightsError(f"a model cannot be called {name!r}: use letters, digits, and . _ - after the first")
    if name in published():
        raise WeightsError(f"{name} is a published model: give yours another name")
    data = onnx if isinstance(onnx, bytes) else Path(onnx).expanduser().read_bytes()
    names = None if labels is None else _checked(labels)
    card = Card(
        name=name,
        task="embed" if names is None else "classify",
        version="1",
        architecture="onnx",
        input_size=input_size,
        crop_fraction=crop_fraction,
        embedding_dim=_run_once(data, input_size, names),
        labels=None if names is None else LABELS,
        licence=licence,
        metric=metric,
        protocol=protocol,
        source=None,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        file_name=MODEL,
        notes=notes,
        crop=crop,
        facts=dict(facts or {}),
    )
    return _kept(card, data, names, replace)


def _kept(card: Card, data: bytes, names: Sequence[str] | None, replace: bool) -> Card:
    folder = models_folder() / card.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / ".lock"):
            before = read_card(folder)
            if before is not None and not replace:
                raise WeightsError(
                    f"there is a model {card.name} (version {before.version}) already: ask for it to be replaced, or "
                    "give this one another name"
                )
            version = 1 + max((int(one.name) for one in folder.iterdir() if one.name.isdecimal()), default=0)
            card = changed(card, version=str(version))
            _write(folder, card, data, names)
            _forget(folder, {card.version, before.version if before else ""})
    except OSError as error:
        raise WeightsError(f"cannot keep {card.name} in {folder}: {error}; set COMPOUNDEYE_HOME") from error
    kept = read_card(folder)
    assert kept is not None  # it was just written
    return kept


def _write(folder: Path, card: Card, data: bytes, names: Sequence[str] | None) -> None:
    """The files in a folder of their own first, then the card that names it."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
        files = Path(part) / "files"
        files.mkdir()
        _synced(files / MODEL, data)
        if names is not None:
            _synced(files / LABELS, "".join(f"{name}\n" for name in names).encode())
        _synced(Path(part) / CARD, (json.dumps(as_json(card), indent=2, ensure_ascii=False) + "\n").encode())
        os.replace(files, folder / card.version)
        os.replace(Path(part) / CARD, folder / CARD)


def _synced(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _forget(folder: Path, kept: set[str]) -> None:
    for one in folder.iterdir():
        if one.name.isdecimal() and one.name not in kept:
            shutil.rmtree(one, ignore_errors=True)


def _checked(labels: Sequence[str]) -> tuple[str, ...]:
    names = tuple(labels)
    for name in names:
        if not name.strip() or "\n" in name or "\r" in name:
            raise WeightsError(f"{name!r} cannot be a label: it has to be one line that is not empty")
    try:
        Labels(names)
    except ValueError:
        (lower, _), *_ = Counter(name.lower() for name in names).most_common(1)
        twice = next(name for name in names if name.lower() == lower)
        raise WeightsError(f"two labels are called {twice!r}, without regard to case: rename one") from None
    return names


def _run_once(data: bytes, size: int, names: Sequence[str] | None) -> int:
    """The width of the embedding.

    Raises:
        WeightsError: inputs or outputs are not what the catalogue's are.
    """
    try:
        found = open_onnx(data)(np.zeros((2, size, size, 3), np.uint8))
    except RuntimeError as error:
        reason = " ".join(str(error).split()[:40])
        raise WeightsError(f"the network does not run on uint8 [2, {size}, {size}, 3]: {reason}") from error
    shapes = {name: array.shape for name, array in found.items()}
    embedding = shapes.get("embedding", ())
    wanted = {"embedding": (2, *embedding[1:2])} | ({} if names is None else {"logits": (2, len(names))})
    if len(embedding) != 2 or any(shapes.get(name) != shape for name, shape in wanted.items()):
        raise WeightsError(f"the network's outputs are {shapes}, not embedding [N, D] and logits [N, number of labels]")
    return int(embedding[1])
