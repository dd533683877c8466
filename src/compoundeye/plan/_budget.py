"""How long a training is to be: pictures in all, from epochs, pictures or tokens."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from compoundeye.capacity import Term
from compoundeye.records import EyeError

UNTOLD = 1_000_000_000
"""Pictures that a plan is for if nobody says: a round number to divide by."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a training goes through."""

    pictures: int
    """In all, each time counted."""
    steps: int
    epochs: float | None
    """None where the size of the corpus is not known."""
    tokens: int
    """Patches and what is beside them, over all pictures."""
    source: str

    def terms(self) -> tuple[Term, ...]:
        """Each figure with its formula or source."""
        kind = "assumed" if self.source.startswith("assumed") else "computed"
        return (
            Term("budget.pictures", self.pictures, "pictures", self.source, kind, self.source),  # type: ignore[arg-type]
            Term("budget.steps", self.steps, "1", "pictures / batch, rounded up", "computed", "train/_loop.py"),
            Term("budget.tokens", self.tokens, "1", "pictures x tokens of a picture", "computed", "nets/_vit.py"),
        )


def budget(
    batch: int,
    tokens_each: int,
    *,
    corpus: int | None = None,
    epochs: float | None = None,
    pictures: float | None = None,
    tokens: float | None = None,
) -> Budget:
    """The length of a training; one of epochs, pictures and tokens decides.

    Args:
        batch: pictures of a step.
        tokens_each: tokens of a picture.
        corpus: pictures of the corpus.

    Raises:
        EyeError: more than one decides, or epochs of a corpus of unknown size.
    """
    given = [name for name, value in (("pictures", pictures), ("tokens", tokens)) if value is not None]
    if len(given) > 1:
        raise EyeError("give the budget in pictures or in tokens, not in both")
    for name, value in (("epochs", epochs), ("pictures", pictures), ("tokens", tokens)):
        if value is not None and value <= 0:
            raise EyeError(f"a budget of {value:g} {name} is none: give a number above 0")
    if pictures is not None:
        whole, source = round(pictures), "pictures, as asked"
    elif tokens is not None:
        whole, source = ceil(tokens / tokens_each), "tokens / tokens of a picture"
    elif epochs is not None and corpus is not None:
        whole, source = round(epochs * corpus), "epochs x pictures of the corpus"
    elif epochs is not None:
        raise EyeError(
            f"{epochs:g} epochs of how many pictures? give --pictures of the corpus, or the budget with "
            "--pictures-total or --tokens"
        )
    else:
        whole, source = UNTOLD, "assumed: nobody said how long; a round number"
    known = whole / corpus if corpus else None
    return Budget(whole, max(ceil(whole / batch), 1), known, whole * tokens_each, source)
