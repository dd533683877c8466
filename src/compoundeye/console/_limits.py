"""How many bytes a request may have: more is refused before it is read, and counted where nobody said how many."""

BODY = 1 << 20
"""1 MiB is 30,000 ids; a route that takes more says so: ``@router.post(..., max_body_size=32 << 20)``."""
MOST = 64 << 20
"""What no route goes beyond: a picture to search with is the most that anybody sends."""
