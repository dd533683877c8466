"""What is said about pictures: a category, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

UNSURE = "not sure enough"
STRANGE = "unlike every example"
_REASONS = np.array(["", UNSURE, STRANGE], object)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Answers to N pictures, as places in a list of names."""

    names: tuple[str, ...]
    category: npt.NDArray[np.int32]
    """[N], -1 for abstained."""
    confidence: npt.NDArray[np.float32]
    """[N] in the category; ignored where abstained."""
    best: npt.NDArray[np.int32]
    """[N] best single label, said or not."""
    best_confidence: npt.NDArray[np.float32]
    """[N]."""
    strange: npt.NDArray[np.bool_]
    """[N] abstained because the picture is unlike every example."""

    def __len__(self) -> int:
        return len(self.category)


def result_schema(name: str) -> pa.Schema:
    """The columns of a result, all null until a picture has been looked at."""
    return pa.schema(
        [
            pa.field(name, pa.string()),
            pa.field(f"{name}_confidence", pa.float32()),
            pa.field(f"{name}_best", pa.string()),
            pa.field(f"{name}_best_confidence", pa.float32()),
            pa.field(f"{name}_state", pa.string()),  # done | abstained | failed
            pa.field(f"{name}_reason", pa.string()),
            pa.field(f"{name}_by", pa.string()),  # model, weights digest, recipe
            pa.field(f"{name}_version", pa.int64()),  # of the corpus that it was made from
        ]
    )


def embedding_schema(dimension: int) -> pa.Schema:
    """The columns of the embedding and of the model that made it."""
    return pa.schema([pa.field("embedding", pa.list_(pa.float16(), dimension)), pa.field("embedding_by", pa.string())])


def result_columns(
    name: str, answers: Answers, failures: list[str | None], by: str, version: int
) -> dict[str, pa.Array]:
    """Answers as the columns of `result_schema`.

    Args:
        failures: [N] why a picture could not be looked at, or None; its answer is ignored.
    """
    failed = np.array([reason is not None for reason in failures], np.bool_)
    done = (answers.category >= 0) & ~failed
    reasons = _REASONS[np.where(done, 0, np.where(answers.strange, 2, 1))]
    reasons[failed] = [reason for reason in failures if reason is not None]
    count = len(answers)
    names = pa.array(answers.names, pa.string())
    columns: list[Any] = [
        names.take(pa.array(answers.category, mask=~done)),
        pa.array(answers.confidence, pa.float32(), mask=~done),
        names.take(pa.array(answers.best, mask=failed)),
        pa.array(answers.best_confidence, pa.float32(), mask=failed),
        pa.array(np.where(failed, "failed", np.where(done, "done", "abstained")).astype(object), pa.string()),
        pa.array(reasons, pa.string(), mask=done),
        pa.repeat(pa.scalar(by), count),
        pa.repeat(pa.scalar(version, pa.int64()), count),
    ]
    return dict(zip(result_schema(name).names, columns, strict=True))


def embedding_columns(embedding: npt.NDArray[np.float16], failures: list[str | None], by: str) -> dict[str, pa.Array]:
    """Embeddings [N, D] as the columns of `embedding_schema`; null where there is none."""
    failed = np.array([reason is not None for reason in failures], np.bool_)
    values = pa.array(np.ascontiguousarray(embedding).reshape(-1))
    # pyarrow takes a mask of whole lists only from 0 on, and none at all for nothing to hide.
    mask = pa.array(failed) if failed.any() else None
    vectors = pa.FixedSizeListArray.from_arrays(values, embedding.shape[1], mask=mask)
    made_by = pa.array([None if hidden else by for hidden in failed.tolist()], pa.string())
    return {"embedding": vectors, "embedding_by": made_by}
