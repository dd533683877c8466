"""Whole runs under every kind of plan: the same losses, step by step, as one process alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from processes import run
from small_runs import settings_for
from test_train import losses

from compoundeye.train import train

EXPERTS = {"name": "vit-ti/16", "options": {"width": 32, "depth": 2, "heads": 2, "patch": 4, "experts": 4}}
PLANS: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "shard 2": (2, {}, {}),
    "replicate 2, full checkpointing": (2, {"replicate": 2, "activation_checkpointing": "full"}, {}),
    "shard 2 x tensor 2": (4, {"tensor": 2}, {}),
    "context 2": (2, {"context": 2}, {}),
    "pipeline 2": (2, {"pipeline": 2, "microbatches": 3}, {}),
    # A batch that divides by 2: rows that fill up have a say in the balance of experts.
    "expert 2": (2, {"expert": 2}, {"model": EXPERTS, "batch": 16}),
    "margin softmax on 2": (2, {}, {"task": {"kind": "margin", "dimension": 16, "scale": 8.0}}),
}


def curve(corpus: str, runs: str, changes: dict[str, Any]) -> list[float]:
    """Losses of some steps."""
    batch, changes = changes.get("batch", 15), {key: value for key, value in changes.items() if key != "batch"}
    data = {**settings_for(corpus).data.model_dump(), "batch": batch}
    changes = {**changes, "data": data}
    found = train(settings_for(corpus, epochs=1.3, validation={"where": "source LIKE '%/test/%'"}, **changes), runs)
    return losses(Path(found.folder))


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_changes_where_work_is_done_and_not_what_is_learnt(name: str, colours: Path, tmp_path: Path) -> None:
    processes, plan, changes = PLANS[name]
    alone = curve(str(colours), str(tmp_path / "alone"), changes)
    assert len(alone) >= 7
    together = run(curve, processes, str(colours), str(tmp_path / "together"), {**changes, "plan": plan})
    for found in together:
        assert found == pytest.approx(alone, rel=1e-4)
