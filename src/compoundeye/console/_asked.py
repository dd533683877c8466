"""What an address asks for: the filter and the order, the same words for every part of the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query

from compoundeye.console._filters import Filter

_WORDS = 1_000
"""Characters of a text or a condition: what a person writes, not what fills a server."""
_NAMES = 100

PictureId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Of a picture: 32 hexadecimal digits.")]
Version = Annotated[
    int | None, Query(ge=1, le=2**62, description="Of the corpus; by default, or once it is removed, the newest.")
]
Row = Annotated[int | None, Query(ge=0, lt=2**32, description="Where the picture stands, if known: found sooner.")]
Column = Annotated[str, Query(min_length=1, max_length=_NAMES)]


def _filter(
    where: Annotated[str | None, Query(max_length=_WORDS, description="SQL over the corpus's columns.")] = None,
    category: Annotated[
        list[Annotated[str, Query(max_length=_WORDS)]] | None,
        Query(max_length=_NAMES, description="Any of these; a person's label counts before the model's."),
    ] = None,
    state: Annotated[list[str] | None, Query(max_length=4, description="Any of done, abstained, failed, new.")] = None,
    min_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
    max_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
    since: Annotated[str | None, Query(max_length=40, description="Taken since 2024, 2024-05 or 2024-05-17.")] = None,
    until: Annotated[str | None, Query(max_length=40, description="Taken until then, included.")] = None,
    min_size: Annotated[int | None, Query(ge=0, lt=2**31, description="Pixels of both sides.")] = None,
    corrected: Annotated[bool | None, Query(description="Whether a person gave a label.")] = None,
    duplicate: Annotated[bool | None, Query(description="Whether another picture shows the same.")] = None,
    text: Annotated[
        str | None, Query(max_length=_WORDS, description="Words in caption, metadata, source, camera or category.")
    ] = None,
    name: Annotated[
        str, Query(max_length=_NAMES, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Which result of categorising.")
    ] = "category",
) -> Filter:
    return Filter(
        where=where or None,
        category=tuple(one for one in category or () if one),
        state=tuple(one for one in state or () if one),
        min_confidence=min_confidence,
        max_confidence=max_confidence,
        since=since or None,
        until=until or None,
        min_size=min_size,
        corrected=corrected,
        duplicate=duplicate,
        text=text or None,
        name=name,
    )


Asked = Annotated[Filter, Depends(_filter)]
"""Parameter of a handler that narrows by what stands in the address."""
