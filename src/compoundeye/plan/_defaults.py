"""What is taken where nobody said: a usual training of a network, and layouts in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import ValidationError

from compoundeye.nets import build
from compoundeye.records import EyeError
from compoundeye.train import Plan, Settings, settings_of

_LARGE = 1e9
_BATCHES = {
    True: (65_536, "Dehghani et al., 2023, arXiv:2302.05442, section 4.1: ViT-22B took batches of 65 thousand"),
    False: (4_096, "Dosovitskiy et al., 2020, arXiv:2010.11929, table 3"),
}
"""Pictures a step of a network of a billion parameters and more, and of fewer."""


def default_settings(model: str, changes: Sequence[str] = ()) -> tuple[Settings, tuple[str, ...]]:
    """Settings of a usual training of a network by name, and what was taken since nobody said.

    Args:
        changes: ``section.key=value`` each, as ``eye train --set`` takes them.

    Raises:
        EyeError: no such network, or something in ``changes`` is not a setting.
    """
    with torch.device("meta"):
        number = sum(one.numel() for one in build(model).parameters())
    batch, source = _BATCHES[number >= _LARGE]
    values: dict[str, Any] = {
        "name": model.replace("/", "-"),
        "data": {"corpora": [{"path": "corpus.lance"}], "batch": batch},
        "model": {"name": model},
        "optimiser": {"clip": 1.0},
        "plan": {"precision": "bf16"},
    }
    settings = settings_of(values, f"--model {model}", changes)
    remarks = []
    if settings.data.batch == batch:
        remarks.append(f"batches of {batch:,} pictures as usual for its size ({source}): --set data.batch=N")
    remarks.append(
        f"task {settings.task.kind}, {settings.optimiser.name}, {settings.plan.precision}, "
        f"{settings.data.view.size} pixels, unless --set says otherwise"
    )
    return settings, tuple(remarks)


def layout_of(plan: Plan, text: str) -> Plan:
    """A plan with what a text says: ``tensor=8,pipeline=4``.

    Raises:
        EyeError: it says something that no plan has.
    """
    values: dict[str, Any] = plan.model_dump()
    for part in filter(None, (one.strip() for one in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or key.strip() not in Plan.model_fields:
            raise EyeError(f"--layout {part}: give it as key=value, with keys of [plan] such as tensor=8,pipeline=4")
        values[key.strip()] = value.strip()
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise EyeError(f"--layout: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
