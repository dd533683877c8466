"""Where weights lie on this machine, and how they get there: cache, canonical address, mirrors; the digest decides."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compoundeye.models._card import Card, Mirror, WeightsFile
from compoundeye.models._download import Unavailable, from_address, from_mirror
from compoundeye.models._error import WeightsError
from compoundeye.records import Progress


def home() -> Path:
    """Folder of everything kept between runs: ``$COMPOUNDEYE_HOME``, or ``~/.cache/compoundeye``."""
    chosen = os.environ.get("COMPOUNDEYE_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "compoundeye"


def weights_folder(card: Card) -> Path:
    """Folder of a model's files: named by the digest of its weights, or where it was registered."""
    return home() / "weights" / card.sha256 if card.folder is None else Path(card.folder)


def present(card: Card) -> bool:
    """Whether every file is in the cache with the right size (``weights`` checks the digest too)."""
    return all(_has_size(weights_folder(card) / file.name, file.size_bytes) for file in card.files)


def weights(card: Card, progress: Progress | None = None) -> Path:
    """Path of a model's weights, fetched if need be.

    First the cache, then the canonical address, then the mirrors. ``COMPOUNDEYE_OFFLINE=1`` allows the cache
    only. Several processes may call this at once: one fetches, the others wait for it. A file appears in the cache
    whole or not at all.

    Args:
        card: the model.
        progress: told (bytes so far, bytes in all) of each file while it is fetched.

    Raises:
        WeightsError: no place had a file with the digest of the card; the message lists what was tried. Or the file of
            a registered model was changed.
    """
    folder = weights_folder(card)
    if card.local:
        return _registered(card, folder)
    try:
        for file in card.files:
            path = folder / file.name
            if not has_digest(path, file):
                folder.mkdir(parents=True, exist_ok=True)
                with alone(folder / f".{file.name}.lock"):
                    if not has_digest(path, file):
                        _fetch(file, path, progress)
    except OSError as error:
        message = f"cannot keep weights in {folder}: {error}; set COMPOUNDEYE_HOME to another folder"
        raise WeightsError(message) from None
    return folder / card.file_name


def _registered(card: Card, folder: Path) -> Path:
    for file in card.files:
        if not has_digest(folder / file.name, file):
            raise WeightsError(f"{folder / file.name} is not what the card of {card.name} says: register it again")
    return folder / card.file_name


def has_digest(path: Path, file: WeightsFile) -> bool:
    """Whether the file is there, whole and unchanged."""
    if not _has_size(path, file.size_bytes):
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _fetch(file: WeightsFile, path: Path, progress: Progress | None) -> None:
    if os.environ.get("COMPOUNDEYE_OFFLINE") == "1":
        raise WeightsError(
            f"{file.name} is not in {path.parent} and COMPOUNDEYE_OFFLINE=1 forbids fetching it: unset that once, "
            "or put the file there"
        )
    tried: list[str] = []
    places: list[str | Mirror] = [*([file.source] if file.source else []), *file.mirrors]
    for place in places:
        # In the same folder, so that the last step is a rename within one file system.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as scratch:
            found = Path(scratch) / "file"
            try:
                if isinstance(place, str):
                    from_address(place, found, file.size_bytes, progress)
                else:
                    from_mirror(place, found, file.size_bytes, progress)
            except Unavailable as reason:
                tried.append(f"{place}: {reason}")
                continue
            if has_digest(found, file):
                os.replace(found, path)
                return
            tried.append(f"{place}: not the file of the catalogue (SHA-256 differs)")
    raise WeightsError(f"cannot fetch {file.name}; tried {'; '.join(tried) or 'nothing: its card names no place'}")


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time; the lock goes away with its holder, however that ends."""
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
