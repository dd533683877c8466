"""Other ways to the same answers, each in a process of its own; called by ``categorise.py``.

    python benchmarks/categorise_rivals.py RIVAL PLACE GRAPH.onnx OPTIONS_JSON

Each reads the same JPEG bytes, decodes, resizes and crops them, runs the same ONNX graph on one thread and hands back
label and confidence of every picture; none writes embeddings, as ours does. Ray Data and Daft run twice: as their
documentation shows it, and tuned by hand with the decoder and the resize that are quickest here. What each costs to
start is taken out: the figure is CPU time of all processes for all pictures, less that for the first few, over the
difference.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # no network during measurements
# Before the libraries that read them are imported, in `main`.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"):
    os.environ[name] = "1" if "THREADS" in name else "0"

RUN, BATCH = 64, 8
FEW = 128


class Model:
    """The graph in OpenVINO, loaded as ours is: one thread, one fixed batch."""

    def __init__(self, graph: str, precision: str) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(graph)
        shape = model.input(0).partial_shape
        shape[0] = BATCH
        model.reshape(shape)
        hint = {"fp32": "f32", "bf16": "bf16"}[precision]
        settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
        self._request = core.compile_model(
            model, "CPU", settings | {"PERFORMANCE_HINT": "LATENCY"}
        ).create_infer_request()
        self._logits = next(port for port in model.outputs if "logits" in port.get_names())

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [N, S, S, 3] to logits [N, K]."""
        padded = np.concatenate([pixels, np.zeros((-len(pixels) % BATCH, *pixels.shape[1:]), np.uint8)])
        found = []
        for at in range(0, len(padded), BATCH):
            self._request.infer([padded[at : at + BATCH]], share_inputs=True)
            found.append(self._request.get_tensor(self._logits).data.copy())
        return np.concatenate(found)[: len(pixels)]


def answers(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Label and confidence."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    best = logits.argmax(axis=1)
    return {"label": best, "confidence": powers[np.arange(len(best)), best] / powers.sum(axis=1)}


def fast_pixels(data: bytes, size: int, crop: float) -> np.ndarray:
    """The quickest that its users are likely to write: simplejpeg, then OpenCV on the central square."""
    import cv2
    import simplejpeg

    picture = simplejpeg.decode_jpeg(data)
    side = round(min(picture.shape[:2]) * crop)
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return cv2.resize(picture[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_LINEAR)


def pil_pixels(data: bytes, size: int, crop: float) -> np.ndarray:
    """The usual way: Pillow, shorter side to 256, centre crop of 224."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data)).convert("RGB")
    factor = size / crop / min(picture.size)
    picture = picture.resize([round(side * factor) for side in picture.size], Image.Resampling.BILINEAR)
    left, top = ((side - size) // 2 for side in picture.size)
    return np.asarray(picture.crop((left, top, left + size, top + size)))


class Files:
    """A torch dataset of files."""

    def __init__(self, paths: list[Path], options: dict[str, Any]) -> None:
        self.paths, self.options = paths, options

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> np.ndarray:
        return pil_pixels(self.paths[place].read_bytes(), self.options["size"], self.options["crop"])


def dataloader(place: Path, graph: str, options: dict[str, Any], runtime: str) -> Callable[[int], int]:
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(1)
    paths = sorted((place / "folder").iterdir())
    if runtime == "onnxruntime":
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])

        def infer(pixels: np.ndarray) -> np.ndarray:
            found: np.ndarray = session.run(["logits"], {session.get_inputs()[0].name: pixels})[0]
            return found
    else:
        infer = Model(graph, options["precision"])

    def run(count: int) -> int:
        files: Any = Files(paths[:count], options)
        loader = DataLoader(files, batch_size=BATCH, num_workers=1, multiprocessing_context="spawn")
        return sum(len(answers(infer(batch.numpy()))["label"]) for batch in loader)

    return run


class Worker:
    """Decode and look, as a class that Ray and Daft keep in one process."""

    def __init__(self, graph: str, options: dict[str, Any]) -> None:
        self.model, self.options = Model(graph, options["precision"]), options

    def __call__(self, batch: dict[str, Any]) -> dict[str, np.ndarray]:
        size, crop = self.options["size"], self.options["crop"]
        return answers(self.model(np.stack([fast_pixels(bytes(one), size, crop) for one in batch["image"]])))


class Look(Worker):
    """Pixels that somebody else has decoded, resized and cropped."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, np.ndarray]:
        return answers(self.model(np.stack(list(batch["image"]))))


def parquet(place: Path, count: int) -> list[str]:
    """Files of 500 pictures, or one of the first few."""
    files = sorted(str(path) for path in (place / "parquet").iterdir())
    if count > FEW:
        return files
    import pyarrow.parquet as pq

    few = place / f"few-{os.getpid()}.parquet"
    if not few.exists():
        pq.write_table(pq.read_table(files[0]).slice(0, count), few, compression="none")
    return [str(few)]


def few_files(place: Path, count: int) -> str:
    """The folder of all pictures, or one of links to the first few."""
    if count > FEW:
        return str(place / "folder")
    few = place / f"few-{count}"
    few.mkdir(exist_ok=True)
    for path in sorted((place / "folder").iterdir())[:count]:
        if not (few / path.name).exists():
            os.link(path, few / path.name)
    return str(few)


def pil_row(row: dict[str, Any], size: int, crop: float) -> dict[str, Any]:
    """A picture of ``read_images`` to what the model takes."""
    from PIL import Image

    picture = Image.fromarray(row["image"])
    factor = size / crop / min(picture.size)
    picture = picture.resize([round(side * factor) for side in picture.size], Image.Resampling.BILINEAR)
    left, top = ((side - size) // 2 for side in picture.size)
    return {"image": np.asarray(picture.crop((left, top, left + size, top + size)))}


def ray_data(place: Path, graph: str, options: dict[str, Any], tuned: bool) -> Callable[[int], int]:
    import ray
    import ray.data

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False

    def run(count: int) -> int:
        if tuned:
            data, look = ray.data.read_parquet(parquet(place, count)), Worker
        else:
            data, look = ray.data.read_images(few_files(place, count), mode="RGB"), Look
            data = data.map(pil_row, fn_kwargs={"size": options["size"], "crop": options["crop"]})
        looked = data.map_batches(look, fn_constructor_args=(graph, options), batch_size=RUN, concurrency=1)
        return sum(len(batch["label"]) for batch in looked.iter_batches(batch_size=None))

    return run


def daft_data(place: Path, graph: str, options: dict[str, Any], tuned: bool) -> Callable[[int], int]:
    import daft

    daft.set_runner_native()

    @daft.cls(max_concurrency=1, use_process=False)
    class Looking:
        def __init__(self) -> None:
            self.worker = (Worker if tuned else Look)(graph, options)

        @daft.method.batch(return_dtype=daft.DataType.float64(), batch_size=RUN)
        def look(self, image: Any) -> Any:
            found = self.worker({"image": image.to_pylist()})
            return found["label"] + np.minimum(found["confidence"], 0.999)

    side = options["size"]

    def run(count: int) -> int:
        look = Looking()
        if tuned:
            image = daft.col("image")
            table = daft.read_parquet(parquet(place, count))
        else:
            crop = round(options["height"] * options["crop"])
            box = ((options["width"] - crop) // 2, (options["height"] - crop) // 2, crop, crop)
            image = daft.col("path").download().decode_image(mode="RGB").crop(box).resize(side, side)
            table = daft.from_glob_path(few_files(place, count) + "/*.jpg")
        return len(table.select(look.look(image).alias("answer")).to_pydict()["answer"])

    return run


class Family:
    """CPU seconds of this process and its descendants, those included that end meanwhile.

    Looked at twenty times a second: not every parent waits for its children, and then their time is lost to it.
    """

    def __init__(self) -> None:
        self._of: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Family:
        self._look(os.getpid())
        self.before = dict(self._of)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look(os.getpid())

    @property
    def spent(self) -> float:
        return sum(self._of.values()) - sum(self.before.values())

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self._look(os.getpid())

    def _look(self, pid: int) -> None:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            self._of[pid] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
            for task in os.listdir(f"/proc/{pid}/task"):
                for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                    self._look(int(child))
        except OSError:
            return


def spent(run: Callable[[int], int], count: int) -> float:
    gc.collect()
    with Family() as family:
        found = run(count)
    assert found == count, f"{found} answers to {count} pictures"
    return family.spent


RIVALS: dict[str, tuple[str, float, Callable[..., Callable[[int], int]], tuple[str, ...]]] = {
    "dataloader": (
        "torch DataLoader, PIL, ONNX Runtime fp32",
        2.5,
        lambda place, graph, options: dataloader(place, graph, options, "onnxruntime"),
        ("torch", "pillow", "onnxruntime"),
    ),
    "dataloader-openvino": (
        "torch DataLoader, PIL, OpenVINO, our precision",
        1.0,
        lambda place, graph, options: dataloader(place, graph, options, "openvino"),
        ("torch", "pillow", "openvino"),
    ),
    "ray": (
        "Ray Data: read_images, Pillow, OpenVINO",
        1.5,
        lambda place, graph, options: ray_data(place, graph, options, tuned=False),
        ("ray", "openvino", "pillow"),
    ),
    "ray-tuned": (
        "Ray Data: Parquet, simplejpeg, OpenCV, OpenVINO",
        1.5,
        lambda place, graph, options: ray_data(place, graph, options, tuned=True),
        ("ray", "openvino", "simplejpeg"),
    ),
    "daft": (
        "Daft: its own decode, crop and resize, OpenVINO",
        1.5,
        lambda place, graph, options: daft_data(place, graph, options, tuned=False),
        ("daft", "openvino"),
    ),
    "daft-tuned": (
        "Daft: Parquet, simplejpeg, OpenCV, OpenVINO",
        1.5,
        lambda place, graph, options: daft_data(place, graph, options, tuned=True),
        ("daft", "openvino", "simplejpeg"),
    ),
}


def main() -> None:
    rival, place, graph, text = sys.argv[1:5]
    options = json.loads(text)
    title, target, make, packages = RIVALS[rival]
    run = make(Path(place), graph, options)
    run(FEW)
    few = min(spent(run, FEW) for _ in range(2))
    whole = min(spent(run, options["count"]) for _ in range(options.get("runs", 2)))
    result = {
        "rival": rival,
        "name": title,
        "ms": 1e3 * (whole - few) / (options["count"] - FEW),
        "start_cpu_s": few - FEW * (whole - few) / (options["count"] - FEW),
        "target": target,
        "versions": ", ".join(f"{package} {version(package)}" for package in packages),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
