"""What a training state is made of: tensors and plain values by name, and how they come back.

Names do not depend on the mesh: a parameter is called what its module calls it, an optimiser's moment after its
parameter. So each process names what it holds, and a checkpoint is the union.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from compoundeye.train._peers import CheckpointError

_WRAPPERS = {"_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"}


class Contents(NamedTuple):
    """Tensors as they are (not copied; sharded ones sharded), and values that JSON can hold."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]


class Saved(NamedTuple):
    """What a checkpoint holds: shape and type of each tensor, and the values."""

    tensors: dict[str, tuple[torch.Size, torch.dtype]]
    values: dict[str, Any]


def contents(state: Mapping[str, Any]) -> Contents:
    """Take a state apart.

    Raises:
        CheckpointError: something in it is neither a tensor nor a value that JSON can hold.
    """
    found = Contents({}, {})
    names = _parameter_names(state)
    for key, part in state.items():
        optimisers = _optimisers(part)
        for one in optimisers:
            _take(found, _optimiser_parts(key, one, names))
        if not optimisers:
            _take(found, _parts(key, part))
    return found


def restless(state: Mapping[str, Any]) -> set[str]:
    """Names of tensors that a forward pass may change: buffers of modules, such as the statistics of batch norms."""
    return {
        f"{key}.{clean(name)}"
        for key, part in state.items()
        if isinstance(part, nn.Module)
        for name, _ in part.named_buffers()
    }


def optimisers_of(state: Mapping[str, Any]) -> list[torch.optim.Optimizer]:
    """All optimisers of a state."""
    return [one for part in state.values() for one in _optimisers(part)]


def targets(state: Mapping[str, Any], saved: Saved) -> Contents:
    """Like `contents`, but of what ``saved`` is to be read into: an optimiser that has not stepped gets its tensors."""
    names = _parameter_names(state)
    for key, part in state.items():
        for one in _optimisers(part):
            _make_room(key, one, names, saved)
    return contents(state)


def put_back(state: Mapping[str, Any], into: Contents, values: Mapping[str, Any]) -> None:
    """Hand what was read (``into.tensors`` are filled) to the objects it belongs to."""
    names = _parameter_names(state)
    for key, part in state.items():
        optimisers = _optimisers(part)
        for one in optimisers:
            _set_options(key, one, names, values)
        if optimisers or isinstance(part, Tensor):
            continue
        if hasattr(part, "load_state_dict"):
            part.load_state_dict(_rebuilt(key, part.state_dict(), into, values))
        elif isinstance(state, MutableMapping):
            state[key] = _rebuilt(key, part, into, values)


def clean(name: str) -> str:
    """A parameter's name without those of the wrappers around its modules."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _take(found: Contents, parts: Iterator[tuple[str, Any]]) -> None:
    for name, value in parts:
        if name in found.tensors or name in found.values:
            raise CheckpointError(f"two parts of the training state are called {name!r}; rename one")
        if isinstance(value, Tensor):
            found.tensors[name] = value
            continue
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            kind = type(value).__name__
            raise CheckpointError(
                f"a checkpoint cannot hold {name!r}, a {kind}; make it a tensor, number, text, or list or dict of these"
            ) from None
        found.values[name] = value


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Leaves by name. A list or dict without tensors is one leaf."""
    if isinstance(value, nn.Module):
        for inner, one in value.state_dict().items():
            yield from _parts(f"{name}.{clean(inner)}", one)
    elif isinstance(value, Tensor):
        yield name, value
    elif hasattr(value, "state_dict") and hasattr(value, "load_state_dict"):
        yield from _parts(name, value.state_dict())
    elif isinstance(value, np.generic):
        yield name, value.item()
    elif isinstance(value, np.ndarray):
        yield name, torch.from_numpy(value)
    elif isinstance(value, Mapping) and _has_tensors(value):
        for inner, one in value.items():
            yield from _parts(f"{name}.{inner}", one)
    elif isinstance(value, (list, tuple)) and _has_tensors(value):
        for number, one in enumerate(value):
            yield from _parts(f"{name}.{number}", one)
    else:
        yield name, value


def _has_tensors(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_tensors(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has_tensors(one) for one in value)
    return isinstance(value, (Tensor, np.ndarray))


def _rebuilt(name: str, like: Any, into: Contents, values: Mapping[str, Any]) -> Any:
    """A structure like ``like`` with what was read in its leaves."""
    if isinstance(like, Tensor):
        return into.tensors[name]
    if isinstance(like, np.ndarray):
        return into.tensors[name].numpy()
    if isinstance(like, Mapping) and _has_tensors(like):
        return {key: _rebuilt(f"{name}.{clean(str(key))}", one, into, values) for key, one in like.items()}
    if isinstance(like, (list, tuple)) and _has_tensors(like):
        return type(like)(_rebuilt(f"{name}.{number}", one, into, values) for number, one in enumerate(like))
    if name not in values:
        return like
    return tuple(values[name]) if isinstance(like, tuple) else values[name]


def _optimisers(part: Any) -> Sequence[torch.optim.Optimizer]:
    if isinstance(part, torch.optim.Optimizer):
        return [part]
    several = isinstance(part, (list, tuple)) and len(part) > 0
    return part if several and all(isinstance(one, torch.optim.Optimizer) for one in part) else []


def _parameter_names(state: Mapping[str, Any]) -> dict[int, str]:
    """Names of the parameters of all modules in a state, by identity."""
    found: dict[int, str] = {}
    for key, part in state.items():
        if isinstance(part, nn.Module):
            for name, parameter in part.named_parameters():
                found.setdefault(id(parameter), f"{key}.{clean(name)}")
    return found


def _name(parameter: Tensor, names: Mapping[int, str]) -> str:
    try:
        return names[id(parameter)]
    except KeyError:
        raise CheckpointError(
            f"an optimiser updates a parameter of shape {tuple(parameter.shape)} that no module of the training state "
            "has; save the module with it"
        ) from None


def _optimiser_parts(key: str, optimiser: torch.optim.Optimizer, names: Mapping[int, str]) -> Iterator[tuple[str, Any]]:
    for group in optimiser.param_groups:
        mine = [_name(parameter, names) for parameter in group["params"]]
        if not mine:
            continue
        options = {
            option: value.item() if isinstance(value, Tensor) else value
            for option, value in group.items()
            if option != "params"
        }
        yield f"{key}.options.{mine[0]}", {"parameters": mine, "options": options}
        for name, parameter in zip(mine, group["params"], strict=True):
            for field, value in optimiser.state.get(parameter, {}).items():
                if value is not None:
                    yield f"{key}.state.{name}.{field}", value


def _make_room(key: str, optimiser: torch.optim.Optimizer, names: Mapping[int, str], saved: Saved) -> None:
    """Give each parameter the state that was saved for it, for values to be read into."""
    fields: dict[str, dict[str, str]] = {}
    for full in [*saved.tensors, *saved.values]:
        if full.startswith(f"{key}.state."):
            name, field = full.removeprefix(f"{key}.state.").rsplit(".", 1)
            fields.setdefault(name, {})[field] = full
    for group in optimiser.param_groups:
        on_device = bool(group.get("fused") or group.get("capturable"))
        for parameter in group["params"]:
            before = optimiser.state.pop(parameter, {})
            after: dict[str, Any] = {}
            for field, full in fields.get(_name(parameter, names), {}).items():
                if full in saved.values:
                    after[field] = saved.values[full]
                    continue
                size, dtype = saved.tensors[full]
                kept = before.get(field)
                if isinstance(kept, Tensor) and kept.shape == size and kept.dtype == dtype:
                    after[field] = kept
                elif size == parameter.shape:
                    after[field] = torch.zeros_like(parameter, dtype=dtype, requires_grad=False)
                else:
                    device = parameter.device if size.numel() > 1 or on_device else "cpu"
                    after[field] = torch.zeros(size, dtype=dtype, device=device)
            if after:
                optimiser.state[parameter] = after


def _set_options(
    key: str, optimiser: torch.optim.Optimizer, names: Mapping[int, str], values: Mapping[str, Any]
) -> None:
    saved = {
        name: record["options"]
        for full, record in values.items()
        if full.startswith(f"{key}.options.")
        for name in record["parameters"]
    }
    for group in optimiser.param_groups:
        if not group["params"]:
            continue
        for option, value in saved.get(_name(group["params"][0], names), {}).items():
            now = group.get(option)
            if isinstance(now, Tensor):
                now.fill_(value)
            else:
                group[option] = tuple(value) if isinstance(now, tuple) else value
