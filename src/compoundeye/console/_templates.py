"""From a template in ``data/templates`` and values to a page: everything escaped where it enters the markup."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from compoundeye.console._pages import PAGES, links
from compoundeye.console._sessions import visitor_of
from compoundeye.console._state import console_of
from compoundeye.console._static import address

THEMES = ("auto", "light", "dark")


def render(
    request: Request, template: str, *, page: str, status: int = 200, corpus: str | None = None, **values: Any
) -> HTMLResponse:
    """A page in the layout.

    Args:
        template: a file of ``data/templates``; it begins with ``{% extends "layout.html" %}``.
        page: its name in `PAGES`: what the navigation marks as the current one.
        corpus: the corpus that it is about; else that of the address, else the one looked at last.
        values: what the template names; a name that it does not get is an error, not an empty place.
    """
    console, visitor = console_of(request), visitor_of(request)
    corpora = list(console.corpora) if visitor else []  # the names of things are for whoever may see them
    looked_at = corpus or request.path_params.get("corpus") or unquote(request.cookies.get("corpus", ""))
    if looked_at not in corpora:
        looked_at = next(iter(corpora), None)
    theme = request.cookies.get("theme")
    shown = {
        "page": page,
        "pages": links(PAGES, looked_at, faces=console.served.faces is not None),
        "corpora": corpora,
        "corpus": looked_at,
        "visitor": visitor,
        "request": request,
        "access": console.served.access,
        "theme": theme if theme in THEMES else "auto",
        "title": next((one.title for one in PAGES if one.name == page), "CompoundEye"),
    }
    text = environment().get_template(template).render(shown | values)
    # Going back is instant on an open server; elsewhere nothing is left to go back to after signing out.
    kept = "private, no-cache" if console.served.access.open else "no-store"
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": kept})


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, with ``static(name)``, and the filters ``count``, ``weight``, ``day`` and ``share``."""
    made = Environment(
        loader=PackageLoader("compoundeye.console", "data/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = address
    made.filters |= {"count": count, "weight": weight, "day": day, "share": share}
    return made


def count(number: int | None) -> str:
    """1234567 as 1,234,567; None as a dash."""
    return "-" if number is None else f"{number:,}"


def weight(size: float | None) -> str:
    """Bytes as people compare them: 532 bytes, 1.24 MB."""
    if size is None:
        return "-"
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size:.0f} bytes"


def day(moment: datetime | None) -> str:
    """2026-03-01 14:05, in the time zone that the value carries."""
    return "-" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def share(part: float | None) -> str:
    """0.934 as 93.4 %."""
    return "-" if part is None else f"{100 * part:.1f} %"
