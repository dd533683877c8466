"""A `View` as one HTML page that needs nothing beside it and trusts nothing in it.

File names, captions and camera names come from strangers. All of it is escaped where it enters the page, none of
it enters the script, and the page's own Content-Security-Policy (W3C CSP Level 3) allows no other script, no
request to anywhere, and no picture that is not in the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from compoundeye.console._view import Tile, View

STATES = {"done": "labelled", "abstained": "abstained", "failed": "failed", "new": "not categorised"}


def render(view: View) -> Iterator[str]:
    """The page in pieces, so that a large one is never in memory twice."""
    style, script = _asset("gallery.css"), _asset("gallery.js")
    yield _head(view.title, style, script)
    yield _masthead(view)
    yield "<main id=pictures>"
    yield _controls(view.tiles)
    yield "<div class=grid>"
    yield from map(_tile, view.tiles)
    yield "</div></main>"
    if view.groups:
        yield from _groups(view.groups)
    if view.alike:
        yield f"<h2 id=alike>Most like <bdi>{_text(view.alike.query)}</bdi></h2>"
        yield "<p>By what the model sees in them, nearest first; 1 is the same picture.</p><div class=row>"
        yield from (_tile(tile, f"similarity {score:.3f}") for tile, score in view.alike.found)
        yield "</div>"
    if view.failures:
        yield from _failures(view)
    makers = sorted({tile.by for tile in view.tiles if tile.by})
    made = f" Categories by {_text('; '.join(makers))}." if makers else ""
    yield f"<footer>Corpus version {view.version}.{made}</footer>"
    yield f"<script>{script}</script>"


def _text(value: object) -> str:
    """``value`` as text of the page: markup and quotes escaped, what no encoding can write shown as U+FFFD."""
    return escape(str(value).encode("utf-8", "replace").decode(), quote=True)


def _asset(name: str) -> str:
    return files("compoundeye.console").joinpath("data", name).read_text(encoding="utf-8")


def _head(title: str, style: str, script: str) -> str:
    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{style}</style>"
    )


def _masthead(view: View) -> str:
    account = view.account
    parts = [f"{account.done:,} stored"]
    parts += [f"{account.duplicate:,} seen before"] if account.duplicate else []
    parts += [f"{account.failed:,} failed"] if account.failed else []
    links = ["<a href=#pictures>Pictures</a>"]
    links += [f"<a href=#duplicates>Near-duplicates ({len(view.groups):,})</a>"] if view.groups else []
    links += ["<a href=#alike>Alike</a>"] if view.alike else []
    links += [f"<a href=#failed>Failed ({account.failed:,})</a>"] if view.failures else []
    shown = f"{len(view.tiles):,} of {view.total:,}" if len(view.tiles) < view.total else f"{view.total:,}"
    return (
        f"<header><h1><bdi>{_text(view.title)}</bdi></h1>"
        f"<p>{shown} picture{'' if view.total == 1 else 's'}. Of {account.seen:,} inputs: {', '.join(parts)}.</p>"
        f"<nav>{''.join(links)}</nav></header>"
    )


def _controls(tiles: Sequence[Tile]) -> str:
    categories = Counter(tile.category for tile in tiles if tile.category)
    options = "".join(
        f'<option value="{_text(name)}">{_text(name)} ({count:,})</option>'
        for name, count in sorted(categories.items(), key=lambda item: item[0].casefold())
    )
    states = Counter(_state(tile) for tile in tiles)
    chips = [("", "all", len(tiles)), *((key, word, states[key]) for key, word in STATES.items() if states[key])]
    radios = "".join(
        f'<label><input type=radio name=state value="{key}"{"" if key else " checked"}>{word} {count:,}</label>'
        for key, word, count in chips
    )
    return (
        f"<form hidden><fieldset aria-label=State>{radios}</fieldset>"
        f'<select name=category aria-label=Category><option value="">every category</option>{options}</select>'
        "<input type=search name=text placeholder='name, camera, caption' aria-label=Text><output></output></form>"
    )


def _state(tile: Tile) -> str:
    return tile.state if tile.state in STATES else "new"


def _tile(tile: Tile, remark: str | None = None) -> str:
    name = tile.source.rstrip("/").rsplit("/", 1)[-1] or tile.source
    picture = base64.b64encode(tile.thumbnail).decode()
    heading, doubt = _verdict(tile)
    confidence = tile.confidence if tile.state == "done" else tile.best_confidence
    meter = "" if confidence is None else f'<meter min=0 max=1 value="{confidence:.3f}"></meter>'
    facts = "".join(f"<dt>{term}</dt><dd><bdi>{_text(value)}</bdi></dd>" for term, value in _facts(tile))
    return (
        f'<article class={_state(tile)} data-category="{_text(tile.category or "")}">'
        f'<img src="data:image/jpeg;base64,{picture}" alt="{_text(name)}" loading=lazy decoding=async>'
        f"<header><b><bdi>{_text(heading)}</bdi></b><span>{_text(remark or doubt)}</span>{meter}</header>"
        f"<details><summary><bdi>{_text(name)}</bdi></summary><dl>{facts}</dl></details></article>"
    )


def _verdict(tile: Tile) -> tuple[str, str]:
    """What it is, and how sure the model is of that."""
    if tile.label:
        return tile.label, "said a person"
    if tile.state == "done":
        return tile.category or "", "" if tile.confidence is None else f"{tile.confidence:.0%} sure"
    if tile.state == "abstained":
        sure = "" if tile.best_confidence is None else f" ({tile.best_confidence:.0%})"
        return "abstained", f"perhaps {tile.best}{sure}" if tile.best else (tile.reason or "")
    if tile.state == "failed":
        return "failed", tile.reason or ""
    return "not categorised", ""


def _facts(tile: Tile) -> Iterable[tuple[str, object]]:
    yield "from", tile.source
    yield "size", f"{tile.width:,} x {tile.height:,} {tile.format}, {_weight(tile.bytes)}"
    for term, value in (("taken", tile.taken_at), ("camera", tile.camera), ("caption", tile.caption)):
        if value is not None:
            yield term, value
    if tile.label and tile.category:
        yield "the model said", f"{tile.category} ({tile.confidence:.0%})" if tile.confidence else tile.category
    if tile.state == "done" and tile.best and tile.best != tile.category:
        sure = "" if tile.best_confidence is None else f" ({tile.best_confidence:.0%})"
        yield "best single guess", f"{tile.best}{sure}"
    yield "id", tile.id


def _weight(size: int) -> str:
    for scale, unit in ((1e6, "MB"), (1e3, "KB")):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def _groups(groups: Sequence[Sequence[Tile]]) -> Iterator[str]:
    yield "<h2 id=duplicates>Near-duplicates</h2><p>The best copy stands first in each row.</p>"
    for group in groups:
        yield "<div class=row>"
        yield from (_tile(tile, f"{tile.width:,} x {tile.height:,}, {_weight(tile.bytes)}") for tile in group)
        yield "</div>"


def _failures(view: View) -> Iterator[str]:
    yield "<h2 id=failed>Inputs that failed</h2>"
    more = view.account.failed - len(view.failures)
    yield f"<p>{more:,} more are in the account.</p>" if more > 0 else "<p></p>"
    yield "<table><tr><th>input<th>why"
    yield from (f"<tr><td><bdi>{_text(source)}</bdi><td>{_text(reason)}" for source, reason in view.failures)
    yield "</table>"
