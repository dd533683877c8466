"""What finding, aligning and embedding faces costs beside its rivals, and what a cheaper precision changes.

    python benchmarks/face_pipeline.py FOLDER [--longer 640] [--most 60] [--rivals SITE_PACKAGES]

FOLDER holds photographs of people, a few faces each; they are shrunk so that their longer side is at most --longer.

Agreement: each picture in fp32 and in bf16; printed are the numbers of `DetectionLoss` and `FaceLoss` in
src/compoundeye/models/_face_cards.py. A processor without bf16 instructions cannot measure this and says so.

Cost: faces and pictures a second of processor time on one thread, from decoded RGB to embeddings, in one process:
ours as it is used (several scales, second looks at small, tilted and doubtful faces), 32 pictures at a time as
`eye face` has them, and one by one; ours at one scale; OpenCV's FaceDetectorYN and FaceRecognizerSF called plainly; and
where --rivals names the site-packages of an environment that has them (beside torch==2.13.0, pillow, setuptools),
face_recognition's networks in dlib (HOG and CNN detector, five landmarks, ResNet) and facenet-pytorch's MTCNN
(detection only). Who finds fewer faces has less to do: so the numbers of faces are printed too. The best of three
rounds each, rounds of all taking turns.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.apps.face import FacePipeline, align
from compoundeye.models import card, load_face_detector, load_face_embedder, weights
from compoundeye.models._nms import nms, overlap
from compoundeye.models._openvino import supported_precisions

UInt8 = npt.NDArray[np.uint8]
Count = Callable[[Sequence[UInt8]], int]
ROUNDS = 3
TOGETHER = 32
"""As `analyse` has them."""
SURE, LEAST = 0.6, 0.5
"""A face with the first score in one precision must have at least the second in the other."""


def pictures(folder: Path, longer: int, most: int) -> list[UInt8]:
    """RGB of the folder's photographs, spread over all of them."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    out = []
    for path in files[:: max(1, len(files) // most)][:most]:
        pixels = cv2.imread(str(path))
        scale = min(1.0, longer / max(pixels.shape[:2]))
        out.append(
            np.ascontiguousarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:, :, ::-1])
        )
    return out


def agreement(seen: Sequence[UInt8]) -> None:
    full, cheap = (load_face_detector(precision=precision) for precision in ("fp32", "bf16"))
    boxes = missed = extra = 0
    overlaps, scores, landmarks, crops = list[float](), list[float](), list[float](), list[UInt8]()
    for rgb in seen:
        one, other = full.find(rgb, min_score=LEAST), cheap.find(rgb, min_score=LEAST)
        sure = one[one.scores >= SURE]
        boxes += len(sure)
        shared = overlap(sure.boxes, other.boxes)
        best = shared.max(axis=1, initial=0)
        missed += int((best < 0.5).sum())
        again = overlap(other[other.scores >= SURE].boxes, one.boxes)
        extra += int((again.max(axis=1, initial=0) < 0.5).sum())
        for place in np.flatnonzero(best >= 0.5):
            twin = int(shared[place].argmax())
            overlaps.append(float(best[place]))
            scores.append(float(abs(sure.scores[place] - other.scores[twin])))
            width = sure.boxes[place, 2] - sure.boxes[place, 0]
            off = np.linalg.norm(sure.landmarks[place] - other.landmarks[twin], axis=1).mean()
            landmarks.append(float(off / width))
        crops.extend(align(rgb, sure.landmarks))
    print(
        f"yunet bf16: {len(seen)} pictures, {boxes} faces, {missed} missed, {extra} extra, overlap "
        f"{np.mean(overlaps):.4f}, score {np.mean(scores):.4f}, landmarks off by {np.mean(landmarks):.4f} widths"
    )
    stack = np.stack(crops)
    ours = [load_face_embedder(precision=precision)(stack) for precision in ("fp32", "bf16")]
    cosine = (ours[0] * ours[1]).sum(axis=1)
    pairs = np.triu_indices(len(stack), 1)
    moved = np.abs(ours[0] @ ours[0].T - ours[1] @ ours[1].T)[pairs]
    print(
        f"sface bf16: {len(stack)} faces, cosine to fp32 mean {cosine.mean():.5f}, least {cosine.min():.5f}; "
        f"scores of {len(moved)} pairs change by {moved.mean():.4f} on average, {moved.max():.4f} at most"
    )


def each(count: Callable[[UInt8], int]) -> Count:
    return lambda some: sum(map(count, some))


def ours(precision: str, together: int) -> Count:
    pipeline = FacePipeline(load_face_detector(precision=precision), load_face_embedder(precision=precision))

    def count(some: Sequence[UInt8]) -> int:
        parts = (some[start : start + together] for start in range(0, len(some), together))
        return sum(len(found) for part in parts for found in pipeline.batch(part))

    return count


def ours_one_scale(precision: str) -> Count:
    detector, embedder = load_face_detector(precision=precision), load_face_embedder(precision=precision)
    return each(lambda rgb: len(embedder(align(rgb, detector.find(rgb).landmarks))))


def opencv() -> Count:
    detector = cv2.FaceDetectorYN.create(str(weights(card("yunet"))), "", (320, 320), 0.6, 0.3, 5000)
    recogniser = cv2.FaceRecognizerSF.create(str(weights(card("sface"))), "")

    def count(rgb: UInt8) -> int:
        bgr = np.ascontiguousarray(rgb[:, :, ::-1])
        detector.setInputSize((rgb.shape[1], rgb.shape[0]))
        rows = detector.detect(bgr)[1]
        for row in () if rows is None else rows:
            recogniser.feature(recogniser.alignCrop(bgr, row))
        return 0 if rows is None else len(rows)

    return each(count)


def dlib_networks(kind: str) -> Count:
    dlib, models = importlib.import_module("dlib"), importlib.import_module("face_recognition_models")
    points = dlib.shape_predictor(models.pose_predictor_five_point_model_location())
    encode = dlib.face_recognition_model_v1(models.face_recognition_model_location())
    hog = dlib.get_frontal_face_detector()
    cnn = dlib.cnn_face_detection_model_v1(models.cnn_face_detector_model_location()) if kind == "CNN" else None

    def count(rgb: UInt8) -> int:
        boxes = hog(rgb, 1) if cnn is None else [one.rect for one in cnn(rgb, 0)]
        for box in boxes:
            encode.compute_face_descriptor(rgb, points(rgb, box), 1)
        return len(boxes)

    return each(count)


def mtcnn() -> Count:
    """MTCNN uses one function of torchvision; a torchvision that lacks its binary part gets ours in its place."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):

        def batched_nms(boxes: Any, scores: Any, groups: Any, iou: float) -> Any:
            return torch.from_numpy(nms(boxes.numpy(), scores.numpy(), groups.numpy().astype(np.int32), iou, 10**4))

        for name in [one for one in sys.modules if one.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in ("torchvision", "torchvision.transforms", "torchvision.ops", "torchvision.ops.boxes"):
            sys.modules[name] = ModuleType(name)
        vars(sys.modules["torchvision.transforms"])["functional"] = None  # only for crops, which are not asked for
        vars(sys.modules["torchvision.ops.boxes"])["batched_nms"] = batched_nms
    detector = importlib.import_module("facenet_pytorch").MTCNN(keep_all=True)

    def count(rgb: UInt8) -> int:
        boxes: Any = detector.detect(rgb)[0]
        return 0 if boxes is None else len(boxes)

    return each(count)


def cost(contestants: dict[str, Callable[[], Count]], seen: Sequence[UInt8]) -> None:
    ready = dict[str, Count]()
    for name, make in contestants.items():
        try:
            ready[name] = make()
            ready[name](seen[:1])
        except (ImportError, RuntimeError, SystemExit) as error:
            print(f"{name}: not run ({type(error).__name__}: {error})")
            ready.pop(name, None)
    best, faces = dict.fromkeys(ready, float("inf")), dict.fromkeys(ready, 0)
    for turn in range(ROUNDS + 1):  # the first compiles networks for the sizes that appear
        for name, count in ready.items():
            began = time.process_time()
            faces[name] = count(seen)
            if turn:
                best[name] = min(best[name], time.process_time() - began)
    for name, seconds in best.items():
        print(
            f"{name:44} {faces[name]:5} faces  {seconds / len(seen) * 1e3:8.1f} ms a picture "
            f"{faces[name] / seconds:8.1f} faces/CPU-s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--longer", type=int, default=640)
    parser.add_argument("--most", type=int, default=60)
    parser.add_argument("--rivals", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.rivals is not None:
        sys.path.append(str(args.rivals))
    seen = pictures(args.folder, args.longer, args.most)
    precisions = ["fp32", "bf16"] if "bf16" in supported_precisions() else ["fp32"]
    if len(precisions) == 2:
        agreement(seen)
    else:
        print("this processor has no bf16 instructions: agreement not measured")
    contestants: dict[str, Callable[[], Count]] = {}
    for precision in precisions:
        contestants[f"ours, {precision}"] = lambda precision=precision: ours(precision, TOGETHER)
        contestants[f"ours one by one, {precision}"] = lambda precision=precision: ours(precision, 1)
        contestants[f"ours at one scale, {precision}"] = lambda precision=precision: ours_one_scale(precision)
    contestants["OpenCV: FaceDetectorYN, FaceRecognizerSF"] = opencv
    if args.rivals is not None:
        contestants["dlib: HOG, ResNet"] = lambda: dlib_networks("HOG")
        contestants["dlib: CNN, ResNet"] = lambda: dlib_networks("CNN")
        contestants["facenet-pytorch: MTCNN (finds only)"] = mtcnn
    cost(contestants, seen)


if __name__ == "__main__":
    main()
