"""From aligned faces to embeddings: the closer two of them point, the likelier they are of one person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx

from compoundeye.models._card import Card
from compoundeye.models._detect_graph import Pixels, take_bytes
from compoundeye.models._runtime import Runtime
from compoundeye.records import ModelIdentity

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


class FaceEmbedder:
    """A loaded embedder of faces. Safe to call from several threads.

    >>> embedder = load_face_embedder()
    >>> one, other = embedder(np.stack([crop_a, crop_b]))
    >>> float(one @ other)  # the cosine; which one suffices is a question of how often one may be wrong
    """

    def __init__(self, card: Card, identity: ModelIdentity, network: Runtime) -> None:
        self.card = card
        self.identity = identity
        self._network = network

    @property
    def dim(self) -> int:
        """Numbers in an embedding."""
        return self.card.embedding_dim

    @property
    def precision(self) -> str:
        """Arithmetic of the network: "fp32" or "bf16"."""
        return self._network.precision

    @property
    def runtime(self) -> str:
        """Engine and version, for reports."""
        return self._network.name

    def __call__(self, crops: UInt8) -> Float32:
        """Embeddings [N, dim] of length 1, of faces [N, 112, 112, 3] RGB as ``align`` makes them; N may be 0.

        Raises:
            ValueError: these are no such faces.
        """
        side = self.card.input_size
        if crops.dtype != np.uint8 or crops.shape[1:] != (side, side, 3):
            raise ValueError(f"faces are uint8 [N, {side}, {side}, 3], not {crops.dtype} {list(crops.shape)}")
        if not len(crops):
            return np.empty((0, self.dim), np.float32)
        (raw,) = {id(value): value for value in self._network(crops).values()}.values()
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        return np.asarray(raw / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def sface_graph(published: bytes, side: int) -> bytes:
    """SFace's published network: bytes of RGB in, any number at a time, embeddings as they come out.

    The file brings its own subtraction and division of pixel values, and lists its weights as inputs too.
    """
    model = onnx.load_from_string(published)
    stored = {tensor.name for tensor in model.graph.initializer}
    pictures = [value for value in model.graph.input if value.name not in stored]
    del model.graph.input[:]
    model.graph.input.extend(pictures)
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
    take_bytes(model, (side, side), Pixels())
    return bytes(model.SerializeToString(deterministic=True))
