"""Models of this machine's own: what the catalogue finds in ``$COMPOUNDEYE_HOME/models``.

models/NAME/card.json       what is known of the model, and where in this folder its files are
            1/model.onnx    pixels uint8 [N, S, S, 3] to "embedding" [N, D] and, with labels, "logits" [N, K]
            1/labels.txt    one label a line, in the order of the logits
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compoundeye.models._card import Card
from compoundeye.models._weights import home

FORMAT = 1
CARD, MODEL, LABELS = "card.json", "model.onnx", "labels.txt"


def models_folder() -> Path:
    """Where registered models are."""
    return home() / "models"


def registered() -> dict[str, Card]:
    """Cards of this machine's models by name; folders that hold none are passed over."""
    found = {}
    for place in sorted(models_folder().glob(f"*/{CARD}")):
        card = read_card(place.parent)
        if card is not None:
            found[card.name] = card
    return found


def read_card(folder: Path) -> Card | None:
    """The card in a model's folder; None if there is none that this version of the package can read."""
    try:
        values = json.loads((folder / CARD).read_text("utf-8"))
        return _card(folder, values) if values["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def as_json(card: Card) -> dict[str, Any]:
    """What card.json holds."""
    return {
        "format": FORMAT,
        "name": card.name,
        "version": card.version,
        "task": card.task,
        "metric": card.metric,
        "protocol": card.protocol,
        "licence": card.licence,
        "notes": card.notes,
        "preprocessing": {
            "crop": card.crop,
            "fraction": card.crop_fraction,
            "size": card.input_size,
            "resize": "antialiased bilinear",
            "colours": "sRGB, uint8, 0 to 255",
        },
        "embedding": card.embedding_dim,
        "labels": f"{card.version}/{LABELS}" if card.labels else None,
        "model": f"{card.version}/{MODEL}",
        "sha256": card.sha256,
        "bytes": card.size_bytes,
        "facts": card.facts,
    }


def _card(folder: Path, values: Mapping[str, Any]) -> Card:
    look = values["preprocessing"]
    files = folder.resolve() / str(values["version"])
    return Card(
        name=folder.name,
        task=str(values["task"]),
        version=str(values["version"]),
        architecture="onnx",
        input_size=int(look["size"]),
        crop_fraction=float(look["fraction"]),
        embedding_dim=int(values["embedding"]),
        labels=str(files / LABELS) if values["labels"] else None,
        licence=str(values["licence"]),
        metric=str(values["metric"]),
        protocol=str(values["protocol"]),
        source=None,
        sha256=str(values["sha256"]),
        size_bytes=int(values["bytes"]),
        file_name=MODEL,
        notes=str(values["notes"]),
        crop=look["crop"],
        folder=str(files),
        facts=dict(values["facts"]),
    )
