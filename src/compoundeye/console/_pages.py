"""The table of pages.

To add one: write ``_page_NAME.py`` with ``router = APIRouter()`` and ``data/templates/NAME.html`` (``layout.html`` says
how), then put its line into `PAGES`. The navigation and the tests of safety take it from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or a few that belong together."""

    name: str
    """Of the module ``_page_NAME``, and what ``render(..., page=NAME)`` is told."""
    title: str
    path: str
    """Where it begins; ``{corpus}`` stands for the corpus that is being looked at."""
    listed: bool = True
    """Whether it is an entry of the navigation."""
    of_faces: bool = False
    """Whether it is there only where a gallery of faces is served."""


PAGES = (
    Page("gallery", "Gallery", "/c/{corpus}"),
    Page("picture", "Picture", "/c/{corpus}/p/{id}", listed=False),
    Page("review", "Review", "/c/{corpus}/review"),
    Page("account", "Account", "/c/{corpus}/account"),
    Page("live", "Live", "/live"),
    Page("people", "People", "/faces", of_faces=True),
    Page("compare", "Compare", "/faces/compare", of_faces=True),
    Page("watchlist", "Watch list", "/faces/watch", of_faces=True),
    Page("audit", "Audit", "/faces/audit", of_faces=True),
    Page("jobs", "Jobs", "/jobs"),
    Page("runs", "Runs", "/runs"),
    Page("plan", "Plan", "/plan"),
    Page("models", "Models", "/models"),
    Page("api", "API", "/api"),
    Page("start", "Start", "/", listed=False),
    Page("login", "Sign in", "/login", listed=False),
)
"""In the order of the navigation; then what is not listed."""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation as one page shows it."""

    name: str
    title: str
    href: str


def links(pages: Iterable[Page], corpus: str | None, *, faces: bool = False) -> list[Link]:
    """The navigation beside a page; without a corpus or a gallery of faces, what needs one is left out."""
    return [
        Link(page.name, page.title, page.path.replace("{corpus}", quote(corpus or "", safe="")))
        for page in pages
        if page.listed and (corpus is not None or "{corpus}" not in page.path) and (faces or not page.of_faces)
    ]
