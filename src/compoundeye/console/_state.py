"""What all pages and API calls share: the corpora that are served, where runs are, who may come in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request

from compoundeye.console._refusals import NotFound as NotFound  # half of the handlers import both from here
from compoundeye.console._served import Served as Served
from compoundeye.corpus import Corpus

Part = TypeVar("Part")


class Console:
    """The state of one server. Everything in it is safe to use from several threads."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.corpora: Mapping[str, str] = named(served.corpora)
        """Path or address of each corpus, by its name in addresses of pages."""
        self.ending = asyncio.Event()
        """Set, in the server's loop, when it is told to end: streams without an end of their own stop then."""
        self._parts: dict[Any, Any] = {}
        self._making = threading.RLock()

    def corpus(self, name: str) -> Corpus:
        """A corpus by its name in addresses, at its newest version, opened anew.

        Raises:
            NotFound: none of this name is served.
            CorpusError: it is not there any more.
        """
        if name not in self.corpora:
            raise NotFound(f"no corpus {name} is served here; there is {', '.join(self.corpora) or 'none'}")
        return Corpus.open(self.corpora[name])

    def part(self, make: Callable[[Console], Part]) -> Part:
        """What ``make(console)`` gave at the first call: how a page or an API keeps a state of its own.

        ``console.part(Views)`` is the server's one ``Views(console)``. One that has ``close()`` is closed at the end.
        """
        if make in self._parts:  # without waiting for another that is being made
            return cast(Part, self._parts[make])
        with self._making:
            if make not in self._parts:
                self._parts[make] = make(self)
            return cast(Part, self._parts[make])

    def close(self) -> None:
        """End what the parts keep, the newest first."""
        with self._making:
            parts, self._parts = list(self._parts.values()), {}
        for part in reversed(parts):
            with suppress(AttributeError):
                part.close()


def named(paths: Sequence[str]) -> dict[str, str]:
    """Names for addresses: the last part without its ending, numbered where two are the same."""
    found: dict[str, str] = {}
    for path in paths:
        name = Path(path.rstrip("/")).stem or "corpus"
        unique, number = name, 2
        while unique in found:
            unique, number = f"{name}-{number}", number + 1
        found[unique] = path
    return found


def console_of(request: Request) -> Console:
    """The server's state, for FastAPI."""
    state: Console = request.app.state.console
    return state


Here = Annotated[Console, Depends(console_of)]
"""Parameter of a handler that needs the state: ``def pictures(here: Here, corpus: str)``."""
