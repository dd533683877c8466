"""Text towers of CLIP and SigLIP: published tensors in, one ONNX graph out.

The graph takes token ids, int64 [N, L], and gives a float32 embedding [N, D] in the space of the pictures, not
normalised. Letters in comments: N texts, L tokens, D width.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from compoundeye.models._encoder import affine, clip_names, encode, norm
from compoundeye.models._error import WeightsError
from compoundeye.models._hub import HubModel, TextTower
from compoundeye.models._onnx import Graph
from compoundeye.models._safetensors import Checkpoint, open_checkpoint

INPUT = "ids"
OUTPUT = "embedding"
ROOT = "text_model"

LEGACY_END = 2
"""``eos_token_id`` of CLIP folders published before it was corrected; there the end of a text is its highest id."""

_MASKED = -1e4
"""Added to a forbidden score: its softmax is exactly 0 in single precision, and it still fits in half precision."""


def text_graph(model: HubModel) -> onnx.ModelProto:
    """The text tower of a model folder.

    Raises:
        WeightsError: the model has no text tower, or a tensor is missing or has another shape than
            ``config.json`` implies.
    """
    tower = model.text
    if tower is None:
        raise WeightsError(f"{model.folder} is a {model.kind} model, which has no text tower: it sees pictures only")
    graph = Graph()
    with open_checkpoint(model.weights) as tensors:
        if model.kind == "clip":
            _clip(graph, tensors, tower)
        else:
            _siglip(graph, tensors, tower)
    length = "L" if model.kind == "clip" else tower.length
    return graph.finish((INPUT, TensorProto.INT64, ("N", length)), (OUTPUT, ("N", tower.joint)), f"{model.kind}-text")


def similarity_scale(model: HubModel) -> tuple[float, float]:
    """Factor and offset that turn a cosine into the logit the model was trained with.

    CLIP (section 2.3 of its paper) stores the logarithm of the factor; SigLIP (algorithm 1) an offset as well.

    Raises:
        WeightsError: ``logit_scale`` is missing or not one number.
    """
    with open_checkpoint(model.weights) as tensors:
        scale = tensors.take("logit_scale", *tensors.shape("logit_scale"))
        bias = tensors.take("logit_bias", *tensors.shape("logit_bias")) if model.kind == "siglip" else np.zeros(1)
    if scale.size != 1 or bias.size != 1:
        raise WeightsError(f"{model.folder}: logit_scale and logit_bias must be single numbers")
    return float(np.exp(scale.item())), float(bias.item())


def _clip(graph: Graph, tensors: Checkpoint, tower: TextTower) -> None:
    """Causal: no token sees a later one, so what stands after the end of a text cannot change its embedding.

    That is why L is free here: a batch is only as long as its longest text.
    """
    zero, one = graph.integers(0), graph.integers(1)
    length = graph.node("Slice", graph.node("Shape", INPUT), one, graph.integers(2))
    places = tensors.take(f"{ROOT}.embeddings.position_embedding.weight", tower.length, tower.hidden)
    x = graph.node(
        "Add", _words(graph, tensors, tower), graph.node("Slice", graph.constant(places), zero, length, zero)
    )
    mask = graph.constant(np.triu(np.full((tower.length, tower.length), _MASKED, np.float32), 1))
    for axis in (zero, one):
        mask = graph.node("Slice", mask, zero, length, axis)
    x = encode(graph, tensors, tower, clip_names(ROOT), x, mask)
    x = graph.node("GatherND", x, _end(graph, tower), batch_dims=1)
    x = norm(graph, tensors, f"{ROOT}.final_layer_norm", tower, x)
    projection = tensors.take("text_projection.weight", tower.joint, tower.hidden)
    graph.node("MatMul", x, graph.constant(projection.T), output=OUTPUT)


def _end(graph: Graph, tower: TextTower) -> str:
    """[N, L] ids to the place of the first end-of-text token in each row: [N, 1]."""
    ids = graph.node("Cast", INPUT, to=TensorProto.INT32)
    if tower.end != LEGACY_END:
        found = graph.node("Equal", ids, graph.constant(np.array(tower.end, np.int32)))
        ids = graph.node("Cast", found, to=TensorProto.INT32)
    return graph.node("ArgMax", ids, axis=1, keepdims=1)


def _siglip(graph: Graph, tensors: Checkpoint, tower: TextTower) -> None:
    """Every token sees every other, padding included, and the last one speaks: L is fixed, as in training."""
    places = tensors.take(f"{ROOT}.embeddings.position_embedding.weight", tower.length, tower.hidden)
    x = graph.node("Add", _words(graph, tensors, tower), graph.constant(places))
    x = encode(graph, tensors, tower, clip_names(ROOT), x)
    last = graph.node("Gather", x, graph.constant(np.array(tower.length - 1, np.int64)), axis=1)
    last = norm(graph, tensors, f"{ROOT}.final_layer_norm", tower, last)
    head = affine(tensors, f"{ROOT}.head", tower.joint, tower.hidden)
    graph.node("Identity", graph.linear(last, *head), output=OUTPUT)


def _words(graph: Graph, tensors: Checkpoint, tower: TextTower) -> str:
    """[N, L] ids to [N, L, D]."""
    table = tensors.take(f"{ROOT}.embeddings.token_embedding.weight", tower.vocabulary, tower.hidden)
    return graph.node("Gather", graph.constant(table), INPUT, axis=0)
