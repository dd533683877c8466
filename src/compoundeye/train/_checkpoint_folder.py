"""The folder of checkpoints on disk: what is whole, what was left by a kill, and how one appears at once.

step-00001000/            a checkpoint: there, and whole, or not there
    manifest.json         facts, values, and size and SHA-256 of every other file
    .metadata, *.distcp   tensors, in the format of torch.distributed.checkpoint
.writing-step-00002000/   being written, or left by a kill
.replaced-step-00001000/  an older one of the same step, while a newer one takes its place
.removed-step-00000500/   being removed
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.train._digest import Digest, settle, write_durably
from compoundeye.train._peers import CheckpointError

_FORMAT = 1
_MANIFEST = "manifest.json"
_NAME = re.compile(r"(\.replaced-)?step-(?P<step>[0-9]{8,})")


@dataclass(frozen=True)
class Manifest:
    """What a checkpoint says of itself."""

    step: int
    world: int
    """How many processes wrote it."""
    facts: dict[str, Any]
    values: dict[str, Any]
    files: dict[str, Digest]

    def write(self, folder: Path) -> None:
        """Put it into a folder, with a digest of itself."""
        body = {
            "format": _FORMAT,
            "step": self.step,
            "world": self.world,
            "facts": self.facts,
            "values": self.values,
            "files": {name: list(digest) for name, digest in sorted(self.files.items())},
        }
        write_durably(folder / _MANIFEST, json.dumps({"sha256": _digest_of(body), **body}, indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """The manifest of a folder; None if it has none that is whole.

        Raises:
            CheckpointError: it was written by a later version.
        """
        try:
            body = json.loads((folder / _MANIFEST).read_bytes())
            whole = body.pop("sha256") == _digest_of(body)
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None
        if not whole:
            return None
        if body["format"] != _FORMAT:
            raise CheckpointError(f"{folder} was written by a later version; update compoundeye to read it")
        files = {name: Digest(*digest) for name, digest in body["files"].items()}
        return cls(body["step"], body["world"], body["facts"], body["values"], files)


def _digest_of(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


class CheckpointFolder:
    """Whole checkpoints by step. Only one process changes it; any may read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def steps(self) -> list[int]:
        """Steps that have a folder, ascending."""
        if not self.path.is_dir():
            return []
        found = (_NAME.fullmatch(entry.name) for entry in self.path.iterdir())
        return sorted({int(one["step"]) for one in found if one})

    def of(self, step: int) -> Path:
        """Where the checkpoint of a step is."""
        place = self.path / f"step-{step:08d}"
        replaced = self.path / f".replaced-{place.name}"
        return replaced if not place.exists() and replaced.exists() else place

    def manifest(self, step: int) -> Manifest | None:
        """The manifest of a step's checkpoint if all files are there in their size."""
        folder = self.of(step)
        manifest = Manifest.read(folder)
        if manifest is None or manifest.step != step:
            return None
        for name, digest in manifest.files.items():
            try:
                if (folder / name).stat().st_size != digest.size:
                    return None
            except OSError:
                return None
        return manifest

    def begin(self, step: int) -> Path:
        """An empty folder to write into. What killed saves left is removed."""
        self.path.mkdir(parents=True, exist_ok=True)
        for entry in self.path.iterdir():
            kept = entry.name.removeprefix(".replaced-")
            if entry.name.startswith((".writing-", ".removed-")) or (
                kept != entry.name and (self.path / kept).exists()
            ):
                shutil.rmtree(entry)
        place = self.path / f".writing-step-{step:08d}"
        place.mkdir()
        return place

    def commit(self, step: int, written: Path) -> None:
        """Let a written folder be the checkpoint of its step, at once and durably."""
        settle(written)
        place = self.path / f"step-{step:08d}"
        replaced = self.path / f".replaced-{place.name}"
        if place.exists():
            place.rename(replaced)
        written.rename(place)
        settle(self.path)
        if replaced.exists():
            shutil.rmtree(replaced)

    def remove(self, step: int) -> None:
        """Remove a checkpoint; half removed, it does not look like one."""
        place = self.of(step)
        gone = self.path / f".removed-step-{step:08d}"
        place.rename(gone)
        shutil.rmtree(gone)
