"""Fashion-MNIST (Xiao et al., 2017, arXiv:1708.07747) as WebDataset shards, which `eye ingest` reads.

Debian and Ubuntu carry the data set: `apt install dataset-fashion-mnist`. Elsewhere, give the folder with its four
`.gz` files. Each picture becomes a PNG with its class beside it; shards are called train-*.tar and test-*.tar.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np

# In the order of the labels 0 to 9: the table in the data set's README.
CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
PARTS = {"train": "train", "test": "t10k"}
A_SHARD = 10_000


def read_idx(path: Path) -> np.ndarray:
    """Numbers of a file in the IDX format: the shape is in its head, after two zeros, the type and the rank."""
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\0\0\x08":
        raise SystemExit(f"error: {path} is not an IDX file of bytes")
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write_shards(source: Path, target: Path) -> int:
    """Write all shards; returns the number of pictures."""
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for part, prefix in PARTS.items():
        pictures = read_idx(source / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(source / f"{prefix}-labels-idx1-ubyte.gz")
        for first in range(0, len(pictures), A_SHARD):
            shard = target / f"{part}-{first // A_SHARD:03}.tar"
            with tarfile.open(shard, "w") as archive:
                for number in range(first, min(first + A_SHARD, len(pictures))):
                    _, png = cv2.imencode(".png", pictures[number])
                    _add(archive, f"{number:05}.png", png.tobytes())
                    _add(archive, f"{number:05}.cls", CLASSES[labels[number]].encode())
                    count += 1
    return count


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="folder for the shards")
    parser.add_argument("--source", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    arguments = parser.parse_args()
    try:
        count = write_shards(arguments.source, arguments.target)
    except FileNotFoundError as error:
        sys.exit(f"error: no {error.filename}; apt install dataset-fashion-mnist, or give --source")
    print(f"{count:,} pictures in {arguments.target}")


if __name__ == "__main__":
    main()
