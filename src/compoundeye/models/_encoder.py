"""The pre-norm transformer encoder that all supported towers share, written as ONNX from published tensors."""

from __future__ import annotations

from dataclasses import dataclass

from compoundeye.models._hub import Tower
from compoundeye.models._onnx import Graph
from compoundeye.models._safetensors import Checkpoint, Float32


@dataclass(frozen=True, slots=True)
class LayerNames:
    """What a family of checkpoints calls the parts of one layer."""

    prefix: str
    """Up to and including the layer's number, written ``{}``."""
    norm1: str
    query: str
    key: str
    value: str
    out: str
    norm2: str
    fc1: str = "mlp.fc1"
    fc2: str = "mlp.fc2"
    scale1: str | None = None
    scale2: str | None = None
    """LayerScale (Touvron et al., 2021, arXiv:2103.17239): a factor a channel on each branch."""


def clip_names(tower: str) -> LayerNames:
    """CLIP's and SigLIP's names in "text_model" or "vision_model"."""
    return LayerNames(
        prefix=tower + ".encoder.layers.{}.",
        norm1="layer_norm1",
        query="self_attn.q_proj",
        key="self_attn.k_proj",
        value="self_attn.v_proj",
        out="self_attn.out_proj",
        norm2="layer_norm2",
    )


def dinov2_names(prefix: str) -> LayerNames:
    """DINOv2's names, after the prefix that a model with a head puts before them."""
    return LayerNames(
        prefix=prefix + "encoder.layer.{}.",
        norm1="norm1",
        query="attention.attention.query",
        key="attention.attention.key",
        value="attention.attention.value",
        out="attention.output.dense",
        norm2="norm2",
        scale1="layer_scale1.lambda1",
        scale2="layer_scale2.lambda1",
    )


def encode(graph: Graph, tensors: Checkpoint, tower: Tower, names: LayerNames, x: str, mask: str | None = None) -> str:
    """All layers in turn: [N, L, hidden] to [N, L, hidden], without a final normalisation."""
    for number in range(tower.layers):
        x = _layer(graph, tensors, tower, names, names.prefix.format(number), x, mask)
    return x


def _layer(
    graph: Graph, tensors: Checkpoint, tower: Tower, names: LayerNames, prefix: str, x: str, mask: str | None
) -> str:
    width = tower.hidden
    normed = norm(graph, tensors, prefix + names.norm1, tower, x)
    query, key, value = (
        graph.heads(graph.linear(normed, *affine(tensors, prefix + name, width, width)), tower.heads, tower.head_width)
        for name in (names.query, names.key, names.value)
    )
    mixed = graph.attention(query, key, value, tower.head_width, mask)
    out = _scaled(tensors, affine(tensors, prefix + names.out, width, width), prefix, names.scale1)
    x = graph.node("Add", x, graph.linear(mixed, *out))

    normed = norm(graph, tensors, prefix + names.norm2, tower, x)
    second = _scaled(tensors, affine(tensors, prefix + names.fc2, width, tower.inner), prefix, names.scale2)
    return graph.node(
        "Add", x, mlp(graph, tower, normed, affine(tensors, prefix + names.fc1, tower.inner, width), second)
    )


def mlp(graph: Graph, tower: Tower, x: str, first: tuple[Float32, Float32], second: tuple[Float32, Float32]) -> str:
    """Two linear maps with the tower's activation between them."""
    return graph.linear(graph.activation(graph.linear(x, *first), tower.activation), *second)


def norm(graph: Graph, tensors: Checkpoint, name: str, tower: Tower, x: str) -> str:
    """A layer normalisation by its name in the checkpoint."""
    weight, bias = tensors.take(name + ".weight", tower.hidden), tensors.take(name + ".bias", tower.hidden)
    return graph.layer_norm(x, weight, bias, tower.epsilon)


def affine(tensors: Checkpoint, name: str, out: int, in_: int) -> tuple[Float32, Float32]:
    """Weight [out, in] and bias [out] of a linear map by its name in the checkpoint."""
    return tensors.take(name + ".weight", out, in_), tensors.take(name + ".bias", out)


def _scaled(
    tensors: Checkpoint, map_: tuple[Float32, Float32], prefix: str, scale: str | None
) -> tuple[Float32, Float32]:
    """A linear map with LayerScale folded into it: the same function, two operators fewer a layer."""
    if scale is None:
        return map_
    factor = tensors.take(prefix + scale, len(map_[1]))
    return map_[0] * factor[:, None], map_[1] * factor
