"""Everything that decides an answer, as one value: model, rule, and a digest that results carry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compoundeye.categorise._look import ModelRef
from compoundeye.categorise._rules import Rule
from compoundeye.records import ModelIdentity

RULES = 1
"""Counts up whenever the code gives other answers from the same recipe, so that old results are not taken for new."""


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How pictures are categorised. Picklable; two recipes with one digest give the same answers."""

    model: ModelRef
    identity: ModelIdentity
    rule: Rule
    key: str
    """Canonical JSON of what the rule was made from."""

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256. Of what the rule was made from (settings, ids and labels of the
        examples), not of fitted numbers, whose last bits depend on the machine."""
        whole = json.dumps([RULES, self.model.precision, self.model.digest, self.key])
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    @property
    def by(self) -> str:
        """What results carry: model, version, weights digest, arithmetic and recipe."""
        return f"{self.identity} {self.model.precision} recipe:{self.digest}"

    @property
    def embedding_by(self) -> str:
        """What embeddings carry."""
        return str(self.identity)


def canonical(settings: Mapping[str, Any]) -> str:
    """JSON with one spelling."""
    return json.dumps(settings, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
