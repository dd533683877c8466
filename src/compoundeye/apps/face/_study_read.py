"""Which protocol a path is: by what is in it, never by its name alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compoundeye.apps.face._study import Study
from compoundeye.apps.face._study_folder import read_folder
from compoundeye.apps.face._study_ijb import is_ijb_folder, read_ijb_folder, read_ijb_tables
from compoundeye.apps.face._study_pairs import is_lfw, read_csv_pairs, read_lfw_pairs
from compoundeye.records import EyeError


def read_study(path: Path, *, pictures: Path | None = None, tables: Sequence[Path] = ()) -> Study:
    """A CSV of pairs, LFW's pairs.txt, an IJB folder, IJB's pairs with tables of templates, or a folder a person.

    Galleries are read by `read_gallery`, which needs them open.

    Args:
        pictures: where the pictures are, if not where the protocol's files say.
        tables: tables of templates that a list of pairs of template ids is about.

    Raises:
        EyeError: nothing is there, or it is none of these; a wrong line is named.
    """
    if not path.exists():
        raise EyeError(f"{path} is not there")
    if tables:
        return read_ijb_tables(path, tables, pictures)
    if path.is_dir():
        return read_ijb_folder(path, pictures) if is_ijb_folder(path) else read_folder(path)
    return read_lfw_pairs(path, pictures) if is_lfw(path) else read_csv_pairs(path, pictures)
