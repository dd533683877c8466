"""CompoundEye: keep, categorise, search and train on pictures, from ten to billions.

import compoundeye as ce

ce.ingest(["~/Pictures"], "corpus.lance")
ce.categorise("corpus.lance")

Guarantee: everything below is the very function that the `eye` command calls. Cost: importing this loads no
room; the first use of a name loads the room it lives in. Limit: these are the journeys; the parts they are made
of are public too, in ``compoundeye.<room>``.
"""

import sys
from importlib import import_module
from operator import attrgetter
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compoundeye.categorise import categorise
    from compoundeye.console import gallery
    from compoundeye.corpus import Corpus, account, contact_sheet, correct, duplicates, export, ingest, search
    from compoundeye.models import catalogue
    from compoundeye.records import Account, EyeError

    __version__: str
    open = Corpus.open  # noqa: A001  as gzip.open and Image.open

_HOMES = {
    "Account": "records.Account",
    "Corpus": "corpus.Corpus",
    "EyeError": "records.EyeError",
    "account": "corpus.account",
    "catalogue": "models.catalogue",
    "categorise": "categorise.categorise",
    "contact_sheet": "corpus.contact_sheet",
    "correct": "corpus.correct",
    "duplicates": "corpus.duplicates",
    "export": "corpus.export",
    "gallery": "console.gallery",
    "ingest": "corpus.ingest",
    "open": "corpus.Corpus.open",
    "search": "corpus.search",
}

__all__ = [
    "Account",
    "Corpus",
    "EyeError",
    "account",
    "catalogue",
    "categorise",
    "contact_sheet",
    "correct",
    "duplicates",
    "export",
    "gallery",
    "ingest",
    "open",
    "search",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("compoundeye")
    if name not in _HOMES:
        raise AttributeError(f"module 'compoundeye' has no attribute {name!r}")
    room, _, path = _HOMES[name].partition(".")
    value = attrgetter(path)(import_module(f"compoundeye.{room}"))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]


class _Package(ModuleType):
    """`ce.categorise` is the function, although a room has that name too.

    Importing a room binds it as an attribute here, over whatever stood there; this keeps the function.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
