"""Faces grouped: BCubed on people in folders, and time and memory for many faces.

    OMP_NUM_THREADS=1 python benchmarks/face_group.py [--people FOLDER] [--count 100000] [--each 20]

``--people``: a folder a person with pictures of that person alone; the largest face of each is taken, as it is and made
coarse (its aligned crop shrunk to 28 pixels and enlarged), both through the real detector and embedder. Without it,
``--count`` made embeddings: people uniform on a sphere of 128 dimensions, ``--each`` faces a person in 1 to 4 to a
picture, scattered so that two of a person have a cosine of 0.33 to 0.67 about: these show time and memory, and no
more, for real people are less evenly spread. One process, whose peak memory is printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from compoundeye.apps.face import ALONE, FacePipeline, group
from compoundeye.evaluate import bcubed
from compoundeye.models import load_face_detector, load_face_embedder

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

THRESHOLDS = (0.25, 0.3, 0.363, 0.4, 0.45, 0.5)
COARSE_SIDE = 28


def of_people(folder: Path) -> tuple[Float32, Float32, Int64]:
    """Embeddings [N, D] of each person's faces, of the same made coarse, and who each is."""
    pipeline = FacePipeline(load_face_detector(), load_face_embedder())
    crops, who = list[npt.NDArray[np.uint8]](), list[int]()
    for number, person in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for picture in sorted(person.iterdir()):
            found = pipeline.faces(np.asarray(Image.open(picture).convert("RGB")))
            if len(found):
                largest = int(np.argmax(np.prod(found.faces.boxes[:, 2:] - found.faces.boxes[:, :2], axis=1)))
                crops.append(found.crops[largest])
                who.append(number)
    small = [cv2.resize(crop, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA) for crop in crops]
    coarse = np.stack([cv2.resize(crop, (112, 112), interpolation=cv2.INTER_LINEAR) for crop in small])
    return pipeline.embedder(np.stack(crops)), pipeline.embedder(coarse.astype(np.uint8)), np.array(who)


def made(count: int, each: int) -> tuple[Float32, Int64, Int64]:
    """Embeddings, who each is, and the picture each is in: no person twice in one."""
    rng = np.random.default_rng(0)
    who = np.concatenate([rng.permutation(-(-count // each)) for _ in range(each)])[:count]
    pictures = np.cumsum(rng.random(count) < 0.4, dtype=np.int64)
    _, first = np.unique(np.stack([pictures, who]), axis=1, return_index=True)
    repeated = np.setdiff1d(np.arange(count), first)
    pictures[repeated] = pictures.max() + 1 + np.arange(len(repeated))
    spread = rng.uniform(0.7, 1.4, (count, 1)).astype(np.float32)
    people = rng.standard_normal((int(who.max()) + 1, 128), dtype=np.float32)
    vectors = people[who] + spread * rng.standard_normal((count, 128), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, who, pictures


def score(embeddings: Float32, who: Int64, pictures: Int64, threshold: float) -> dict[str, float]:
    start, used = time.perf_counter(), time.process_time()
    labels = group(embeddings, pictures, threshold=threshold)
    took, cpu = time.perf_counter() - start, time.process_time() - used
    result = bcubed(labels, who, alone=ALONE)
    return {
        "threshold": threshold, "faces": len(who), "people": len(set(who.tolist())),
        "groups": int(labels.max(initial=-1)) + 1, "precision": round(result.precision, 4),
        "recall": round(result.recall, 4), "seconds": round(took, 2), "cpu_seconds": round(cpu, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--people", type=Path)
    arguments.add_argument("--count", type=int, default=100_000)
    arguments.add_argument("--each", type=int, default=20)
    asked = arguments.parse_args()
    if asked.people is None:
        embeddings, who, pictures = made(asked.count, asked.each)
        print(json.dumps({"made": True, **score(embeddings, who, pictures, 0.363)}))
        return
    sharp, coarse, who = of_people(asked.people)
    for kind, faces, people in (
        ("as they are", sharp, who),
        ("each also coarse", np.concatenate([sharp, coarse]), np.concatenate([who, who])),
    ):
        for threshold in THRESHOLDS:
            print(json.dumps({"kind": kind, **score(faces, people, np.arange(len(faces)), threshold)}))


if __name__ == "__main__":
    main()
