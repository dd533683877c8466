"""The catalogue as rows to print."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from compoundeye.models._card import Card
from compoundeye.models._catalogue import catalogue
from compoundeye.models._weights import present


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One model of ``eye models``."""

    name: str
    task: str
    megabytes: float
    """Size of all its files, in 10^6 bytes."""
    licence: str
    metric: str
    protocol: str
    where_from: str
    """The places its weights come from, in the order they are tried; "yours" for one registered on this machine."""
    present: bool
    """All files are in the cache."""
    labels: str | None
    embedding_dim: int
    text: bool
    notes: str
    version: str
    yours: bool
    """Registered on this machine, not published."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return asdict(self)


def catalogue_rows() -> list[CatalogueRow]:
    """Every model that can be loaded by name."""
    return [_row(card) for card in catalogue().values()]


def _row(card: Card) -> CatalogueRow:
    places = ["yours"] if card.local else [*([card.source] if card.source else []), *map(str, card.mirrors)]
    return CatalogueRow(
        name=card.name,
        task=card.task,
        megabytes=round(sum(file.size_bytes for file in card.files) / 1e6, 1),
        licence=card.licence,
        metric=card.metric,
        protocol=card.protocol,
        where_from=", ".join(places),
        present=present(card),
        labels=card.labels,
        embedding_dim=card.embedding_dim,
        text=card.text,
        notes=card.notes,
        version=card.version,
        yours=card.local,
    )
