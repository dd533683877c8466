"""Published weights of vision transformers, read by name.

Understood are the names of timm (and of the first DINOv2 and MAE releases, which follow it), of Hugging Face's
ViTModel, Dinov2Model and their relatives, of the vision towers of its CLIPModel and SiglipModel, and our own. What a
file holds beyond the backbone (a classifier, a text tower, a decoder) is left aside by name; everything else has to
fit, tensor by tensor, or nothing is read.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from compoundeye.nets._state import State, read_state
from compoundeye.nets._vit import ViT
from compoundeye.records import EyeError

_OUTER = r"(?:(?:module|model|backbone|vit|deit|dinov2|dinov2_with_registers|vision_model|visual|trunk)\.)*"
"""Under what a model with something on top, or a wrapper, keeps its backbone."""

_NAMES: Mapping[str, str] = {
    # ours
    "prefix": "prefix",
    "position": "position",
    "patch.@": "patch.@",
    "blocks.#.(norm1|norm2|mlp.up|mlp.down|attention.(?:query|key|value|out|norm_query|norm_key)).@": "blocks.#.~.@",
    "blocks.#.(scale1|scale2).factor": "blocks.#.~.factor",
    "(norm|norm_in).@": "~.@",
    "pool.probe": "pool.probe",
    "pool.(query|key|value|out|norm|mlp.up|mlp.down).@": "pool.~.@",
    # timm
    "cls_token": "class",
    "pos_embed": "position",
    "(?:reg_token|register_tokens)": "registers",
    "patch_embed.proj.@": "patch.@",
    "norm_pre.@": "norm_in.@",
    "blocks.#.attn.qkv.@": "blocks.#.attention.{query,key,value}.@",
    "blocks.#.attn.q_norm.@": "blocks.#.attention.norm_query.@",
    "blocks.#.attn.k_norm.@": "blocks.#.attention.norm_key.@",
    "blocks.#.attn.proj.@": "blocks.#.attention.out.@",
    "blocks.#.mlp.fc1.@": "blocks.#.mlp.up.@",
    "blocks.#.mlp.fc2.@": "blocks.#.mlp.down.@",
    "blocks.#.ls1.gamma": "blocks.#.scale1.factor",
    "blocks.#.ls2.gamma": "blocks.#.scale2.factor",
    "attn_pool.latent": "pool.probe",
    "attn_pool.q.@": "pool.query.@",
    "attn_pool.kv.@": "pool.{key,value}.@",
    "attn_pool.proj.@": "pool.out.@",
    "attn_pool.norm.@": "pool.norm.@",
    "attn_pool.mlp.fc1.@": "pool.mlp.up.@",
    "attn_pool.mlp.fc2.@": "pool.mlp.down.@",
    # Hugging Face: ViT, DINOv2 with and without registers, MAE; in files, and in version 5's memory
    "embeddings.cls_token": "class",
    "embeddings.position_embeddings": "position",
    "embeddings.register_tokens": "registers",
    "embeddings.patch_embeddings.projection.@": "patch.@",
    "(?:encoder.layer|layers).#.attention.attention.(query|key|value).@": "blocks.#.attention.~.@",
    "(?:encoder.layer|layers).#.attention.q_proj.@": "blocks.#.attention.query.@",
    "(?:encoder.layer|layers).#.attention.k_proj.@": "blocks.#.attention.key.@",
    "(?:encoder.layer|layers).#.attention.v_proj.@": "blocks.#.attention.value.@",
    "(?:encoder.layer|layers).#.attention.o_proj.@": "blocks.#.attention.out.@",
    "(?:encoder.layer|layers).#.attention.output.dense.@": "blocks.#.attention.out.@",
    "(?:encoder.layer|layers).#.(?:intermediate.dense|mlp.fc1).@": "blocks.#.mlp.up.@",
    "(?:encoder.layer|layers).#.(?:output.dense|mlp.fc2).@": "blocks.#.mlp.down.@",
    "(?:encoder.layer|layers).#.(?:layernorm_before|norm1).@": "blocks.#.norm1.@",
    "(?:encoder.layer|layers).#.(?:layernorm_after|norm2).@": "blocks.#.norm2.@",
    "(?:encoder.layer|layers).#.layer_scale1.lambda1": "blocks.#.scale1.factor",
    "(?:encoder.layer|layers).#.layer_scale2.lambda1": "blocks.#.scale2.factor",
    "layernorm.@": "norm.@",
    # Hugging Face: CLIP, SigLIP
    "embeddings.class_embedding": "class",
    "embeddings.position_embedding.weight": "position",
    "embeddings.patch_embedding.@": "patch.@",
    "encoder.layers.#.layer_norm1.@": "blocks.#.norm1.@",
    "encoder.layers.#.layer_norm2.@": "blocks.#.norm2.@",
    "encoder.layers.#.self_attn.q_proj.@": "blocks.#.attention.query.@",
    "encoder.layers.#.self_attn.k_proj.@": "blocks.#.attention.key.@",
    "encoder.layers.#.self_attn.v_proj.@": "blocks.#.attention.value.@",
    "encoder.layers.#.self_attn.out_proj.@": "blocks.#.attention.out.@",
    "encoder.layers.#.mlp.fc1.@": "blocks.#.mlp.up.@",
    "encoder.layers.#.mlp.fc2.@": "blocks.#.mlp.down.@",
    "pre_layrnorm.@": "norm_in.@",  # so spelt in the published files
    "post_layernorm.@": "norm.@",
    "head.probe": "pool.probe",
    "head.attention.in_proj_@": "pool.{query,key,value}.@",
    "head.attention.out_proj.@": "pool.out.@",
    "head.layernorm.@": "pool.norm.@",
    "head.mlp.fc1.@": "pool.mlp.up.@",
    "head.mlp.fc2.@": "pool.mlp.down.@",
}
"""What a name becomes. "#" is the number of a block, "@" is weight or bias, "~" the alternative in round brackets that
was met, and names in curly ones are of tensors that the file has as one, in that order."""

_ASIDE = re.compile(
    r"(head|classifier|visual_projection|text_projection)\.(weight|bias)|(pooler|text_model|decoder|head\.layer)\..*|"
    r"logit_(scale|bias)|(embeddings\.)?(mask_token|position_ids)"
)
"""What is not of the backbone."""

_HINTS: Mapping[str, str] = {
    "prefix": "registers, pool",
    "scale1": "layer_scale",
    "norm_query": "qk_norm",
    "norm_in": "norm_in",
    "pool": "pool",
}
"""Option of ``ViTConfig`` that decides whether a tensor is there."""


def read_pretrained(model: ViT, source: str | os.PathLike[str] | State) -> None:
    """Give a vision transformer published weights, in place.

    Positions are resampled when the model's picture is of another size than the weights' (bicubic, as the published
    code of ViT and DINOv2 does). What weights do not tell (number of heads, activation, epsilon of the
    normalisation) has to be the model's already: ``build`` of a folder with ``config.json`` takes care of it.

    Args:
        source: file or folder (see ``read_state``), or a state dict.

    Raises:
        EyeError: the weights are of another network; the message names tensors. The model is then as it was.
    """
    where = "the given weights" if isinstance(source, Mapping) else str(source)
    state = translated(source if isinstance(source, Mapping) else read_state(source), where)
    state = _assembled(model, state, where)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if missing := sorted(wanted.keys() - state):
        raise EyeError(f"{where} lack {_some(missing)}: they are of another network{_hint(missing)}")
    if unexpected := sorted(state.keys() - wanted):
        raise EyeError(f"{where} have {_some(unexpected)} beyond the network: build it otherwise{_hint(unexpected)}")
    for name, shape in wanted.items():
        if tuple(state[name].shape) != shape:
            found = list(state[name].shape)
            raise EyeError(f"{where}: {name} has shape {found}, not the network's {list(shape)}{_hint([name])}")
    model.load_state_dict(dict(state))


def translated(state: State, where: str) -> dict[str, Tensor]:
    """A published state dict under our names; class token and registers still apart, as "class" and "registers".

    Raises:
        EyeError: a name is not known.
    """
    found: dict[str, Tensor] = {}
    unknown = []
    for name, tensor in state.items():
        bare = re.sub(f"^{_OUTER}", "", name)
        for pattern, ours in _RULES:
            if match := pattern.fullmatch(bare):
                names = _expanded(ours, match)
                found |= zip(names, tensor.chunk(len(names)) if len(names) > 1 else [tensor], strict=True)
                break
        else:
            if not _ASIDE.fullmatch(bare):
                unknown.append(name)
    if unknown:
        raise EyeError(f"{where} have {_some(unknown)}, which no vision transformer here has: not read at all")
    return found


def _compiled(pattern: str) -> re.Pattern[str]:
    pattern = re.sub(r"\((?!\?)", "(?P<part>", pattern.replace(".", r"\."))
    return re.compile(pattern.replace("#", r"(?P<block>\d+)").replace("@", "(?P<kind>weight|bias)"))


_RULES = [(_compiled(pattern), ours) for pattern, ours in _NAMES.items()]


def _expanded(ours: str, match: re.Match[str]) -> list[str]:
    met = match.groupdict("")
    for sign, group in (("#", "block"), ("@", "kind"), ("~", "part")):
        ours = ours.replace(sign, met.get(group, ""))
    if several := re.search(r"{(.*)}", ours):
        return [ours.replace(several[0], one) for one in several[1].split(",")]
    return [ours]


def _assembled(model: ViT, state: dict[str, Tensor], where: str) -> dict[str, Tensor]:
    """Class token and registers as one prefix; positions as many as the model has; a bias that is left out is zero."""
    if tokens := [state.pop(name) for name in ("class", "registers") if name in state]:
        state["prefix"] = torch.cat([token.reshape(1, -1, token.shape[-1]) for token in tokens], 1)
    if "position" in state:
        config = model.config
        state["position"] = _positions(state["position"], config.image // config.patch, config.pool == "token", where)
    if "patch.weight" in state and "patch.bias" not in state:  # CLIP's has none
        state["patch.bias"] = torch.zeros(len(state["patch.weight"]))
    return state


def _positions(position: Tensor, side: int, token: bool, where: str) -> Tensor:
    """[..., L, D] to [1, token + side * side, D]. Some files have no position for the class token: it is zero then."""
    position = position.reshape(1, *position.shape[-2:])
    count = position.shape[1]
    old = math.isqrt(count)
    first = count - old * old
    if first > 1:
        raise EyeError(f"{where} have {count} positions, which is no square picture with or without a class token")
    if first and not token:
        raise EyeError(f"{where} have a class token, which the network has not: build it with pool='token'")
    places = position[:, first:]
    if old != side:
        grid = places.float().transpose(1, 2).reshape(1, -1, old, old)
        grid = F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
        places = grid.flatten(2).transpose(1, 2)
    if not token:
        return places
    return torch.cat([position[:, :1] if first else torch.zeros_like(places[:, :1]), places], 1)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _hint(names: list[str]) -> str:
    options = sorted({option for part, option in _HINTS.items() if any(part in name.split(".") for name in names)})
    return f" (option {', '.join(options)})" if options else ""
