"""A learner as an ONNX graph that the catalogue's runtimes run, checked against the learner itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compoundeye.models import open_onnx
from compoundeye.records import EyeError
from compoundeye.train._learner import Learner

OPSET = 18
"""Of ONNX: OpenVINO 2026 and ONNX Runtime 1.22 read it, and layer normalisation is one operator in it."""
_CHECKED = 9
"""Pictures that both run: OpenVINO compiles for eight at a time and for one."""
_TOLERANCE = 1e-3
"""Of the largest output. Two float32 runtimes differ by 1e-5 or so; a wrong operator by far more than this."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A graph, and how far its answers are from the learner's."""

    onnx: bytes
    labels: int
    """K, or 0 for a learner without classes."""
    runtime: str
    """That the graph was compared in."""
    pictures: int
    """Random ones that it was compared on."""
    embedding_difference: float
    """Largest absolute difference of any number."""
    logits_difference: float | None


class _Answers(nn.Module):
    """What the graph computes."""

    def __init__(self, learner: Learner, labels: bool) -> None:
        super().__init__()
        self.learner = learner
        self.labels = labels

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        features, logits = self.learner.predict(pixels)
        return (features.float(),) if logits is None or not self.labels else (features.float(), logits.float())


def export_onnx(learner: Learner, size: int, *, labels: bool = True) -> Exported:
    """The graph of a learner on the CPU: "pixels" uint8 [N, S, S, 3] to "embedding" [N, D] and "logits" [N, K].

    Any N; normalisation of colours is inside. Random pictures are then answered by both, and the difference is stated.
    The learner comes out in evaluation mode.

    Args:
        size: S in pixels.
        labels: with logits, if the learner has classes.

    Raises:
        EyeError: the network cannot be written as ONNX (say experts that route by what they see), or answers otherwise
            there.
    """
    answers = _Answers(learner.eval(), labels)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (_CHECKED, size, size, 3), np.uint8)
    pixels[0], pixels[1] = 0, 255
    with torch.inference_mode():
        wanted = [one.numpy() for one in answers(torch.from_numpy(pixels))]
    graph = _traced(answers, size, ["embedding", "logits"][: len(wanted)])
    runtime = open_onnx(graph)
    found = runtime(pixels)
    differences = [
        _difference(one, found[name], name) for name, one in zip(("embedding", "logits"), wanted, strict=False)
    ]
    return Exported(
        onnx=graph,
        labels=wanted[1].shape[1] if len(wanted) > 1 else 0,
        runtime=runtime.name,
        pictures=_CHECKED,
        embedding_difference=differences[0],
        logits_difference=differences[1] if len(differences) > 1 else None,
    )


def _traced(answers: nn.Module, size: int, names: list[str]) -> bytes:
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    try:
        with _quiet(), torch.no_grad():
            # First the program: were it left to torch.onnx, a batch that became a constant would be a silent success.
            program = torch.export.export(
                answers, (example,), dynamic_shapes={"pixels": {0: torch.export.Dim.DYNAMIC}}, strict=False
            )
            written = torch.onnx.export(
                program,
                (example,),
                input_names=["pixels"],
                output_names=names,
                dynamo=True,
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
        assert written is not None
        return _bare(written.model_proto)
    except Exception as error:
        reason = " ".join(str(error).split()[:40])
        raise EyeError(f"this network cannot be written as ONNX: {reason}") from error


def _bare(model: Any) -> bytes:
    """The network alone: the exporter notes at every node where in whose files its source stood."""
    for part in (model, model.graph, *model.functions):
        del part.metadata_props[:]
    for group in ("node", "input", "output", "value_info", "initializer"):
        for one in getattr(model.graph, group):
            del one.metadata_props[:]
            one.doc_string = ""
    return bytes(model.SerializeToString())


def _difference(wanted: np.ndarray, found: np.ndarray, name: str) -> float:
    most = float(np.abs(wanted - found).max())
    if not most <= _TOLERANCE * max(float(np.abs(wanted).max()), 1e-6):  # NaN is no agreement
        raise EyeError(
            f"the exported network answers otherwise: {name} differs by {most:.3g} where the largest is "
            f"{np.abs(wanted).max():.3g}; please report this"
        )
    return most


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells everybody of packages that it does without and of deprecations of its own."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
