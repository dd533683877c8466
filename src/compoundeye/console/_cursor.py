"""Where a page of a view ended, as a word in an address: it goes on from there whatever happens to the corpus."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from compoundeye.console._refusals import Unprocessable
from compoundeye.console._views import View
from compoundeye.records import PICTURE_ID_BYTES

_WRITTEN = re.compile(rf"(\d{{1,18}})\.(\d{{1,10}})\.([0-9a-f]{{{2 * PICTURE_ID_BYTES}}})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a page."""

    version: int
    """Of the corpus; the view goes on at this one as long as it is kept."""
    place: int
    """In the view, of the picture that comes next."""
    last: bytes
    """Id of the picture before it: how the place is found in another version."""

    def __str__(self) -> str:
        text = f"{self.version}.{self.place}.{self.last.hex()}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, word: str) -> Cursor:
        """A cursor from an address.

        Raises:
            Unprocessable: it is none of ours.
        """
        try:
            text = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode("ascii")
        except (binascii.Error, ValueError):
            text = ""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise Unprocessable("after: this is not where a page of this server ended; begin at the first page")
        return cls(int(found[1]), int(found[2]), bytes.fromhex(found[3]))

    def offset(self, view: View) -> int:
        """The place in a view, which may be of a later version: behind the same picture, or else the same number."""
        if view.version != self.version:
            row = view.at.rows_of([self.last]).get(self.last)
            place = None if row is None else view.place(row)
            if place is not None:
                return place + 1
        return min(self.place, view.total)
