"""Everything that a user's sources hold, as a stream of inputs in an order that never varies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._from_csv import from_csv
from compoundeye.corpus._from_folder import from_folder
from compoundeye.corpus._from_parquet import from_parquet
from compoundeye.corpus._from_tar import from_tar
from compoundeye.corpus._from_zip import from_zip
from compoundeye.corpus._input import Input, LeftAlone, file_input
from compoundeye.corpus._pattern import is_pattern, matches
from compoundeye.corpus._place import MISSING, Place, Status, place_of, printable, reason_of, status

PACKED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
TARS = (".tar", *PACKED_TARS)
TABLES = (".csv", ".tsv")


class Inputs:
    """The inputs of some sources: iterate as often as you like.

    Args:
        sources: folders, pictures, patterns, tar and zip files, Parquet and CSV files, or URIs of such in a bucket
            (``s3://``, ``gs://``, ``abfs://``, ``file://``).
        skip: a folder to leave out wherever it is met.

    Raises:
        CorpusError: a source is not there, or is of a kind that is not known.
    """

    def __init__(self, sources: Sequence[str | os.PathLike[str]], skip: Place | None = None) -> None:
        self.sources = [os.fspath(source) for source in sources]
        self.skip = skip
        self.left_alone = LeftAlone()
        """Files that the last iteration met and that are none of ours."""
        for source in self.sources:
            _check(source)

    def __iter__(self) -> Iterator[Input]:
        self.left_alone = LeftAlone()
        for source in self.sources:
            place = place_of(source)
            if _names_a_pattern(source):
                yield from self._matching(source, place)
            else:
                yield from self._at(place, status(place))

    @property
    def quick_to_count(self) -> bool:
        """Whether going through them once more, only to count, costs little beside looking at them."""
        return not any("://" in source or source.lower().endswith(PACKED_TARS) for source in self.sources)

    def _matching(self, source: str, pattern: Place) -> Iterator[Input]:
        some = False
        for place, found in matches(pattern):
            some = True
            yield from self._at(place, found)
        if not some:
            raise CorpusError(f"nothing matches {printable(os.fsencode(source))}")

    def _at(self, place: Place, found: Status) -> Iterator[Input]:
        if found.kind == "folder":
            return from_folder(place, found, self.left_alone, self.skip)
        name = place.path.lower()
        if found.kind == "file" and name.endswith(TARS):
            return from_tar(place, found, self.left_alone)
        if found.kind == "file" and name.endswith(".zip"):
            return from_zip(place, found, self.left_alone)
        if found.kind == "file" and name.endswith(".parquet"):
            return from_parquet(place, found)
        if found.kind == "file" and name.endswith(TABLES):
            return from_csv(place, found)
        return iter((file_input(place, found),))


def _names_a_pattern(source: str) -> bool:
    # A file may well be called "[1].jpg": a name that is there is no pattern.
    return is_pattern(source) and ("://" in source or not os.path.lexists(os.path.expanduser(source)))


def _check(source: str) -> None:
    place = place_of(source)
    shown = printable(os.fsencode(source)) if "://" not in source else str(place)
    try:
        if _names_a_pattern(source):
            if next(matches(place), None) is None:
                raise CorpusError(f"nothing matches {shown}")
        elif status(place).kind == MISSING:
            raise CorpusError(f"there is nothing at {shown}; give a folder, a file, a pattern in quotes, or a URI")
    except OSError as error:
        raise CorpusError(f"cannot read {shown}: {reason_of(error)}") from error
