"""Settings of a run that takes seconds, also for processes that have no fixtures."""

from __future__ import annotations

from compoundeye.train import Settings


def settings_for(corpus: str, **changes: object) -> Settings:
    """24 steps on the corpus of colours."""
    values: dict[str, object] = {
        "name": "colours",
        "epochs": 4,
        "data": {
            "corpora": [{"path": corpus}],
            "where": "source LIKE '%/train/%'",
            "target": "folder",
            "batch": 15,
            "view": {"size": 16, "crop": "whole", "flip": True, "shift": 1},
            "threads": 1,
        },
        "validation": {"where": "source LIKE '%/test/%'"},
        "model": {"name": "vit-ti/16", "options": {"width": 32, "depth": 2, "heads": 2, "patch": 4}},
        "optimiser": {"learning_rate": 3e-3, "ema": 0.9, "clip": 1.0},
        "saving": {"every": 5},
        "log_every": 1,
    }
    return Settings.model_validate(values | changes)
