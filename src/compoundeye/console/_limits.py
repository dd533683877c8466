"""How many bytes a request may have: more is refused before it is read, and counted where nobody said how many."""

BODY = 1 << 20
"""Of a request, unless its route says otherwise: 1 MiB is 30,000 ids."""
UPLOAD = 64 << 20
"""Of a picture to search with, by ``@router.post(..., max_body_size=UPLOAD)``: 64 MiB is more than cameras write."""
