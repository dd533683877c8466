"""A gallery under another key: the same to who has it, nothing to who has the old one."""

from __future__ import annotations

import multiprocessing as mp
import os
import shutil
import signal
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from gallery_samples import directions, enrol, gallery, on_disk, sightings

from compoundeye.apps.face import Gallery
from compoundeye.records import EyeError


def wrapped_keys(made: Gallery) -> list[bytes]:
    """Every wrapped key, as it lies on disk."""
    connection = sqlite3.connect(made.path / "keys.sqlite")
    found = [row[0] for table in ("of_face", "of_person") for row in connection.execute(f"SELECT wrapped FROM {table}")]
    found += [row[0] for row in connection.execute("SELECT root FROM keyring")]
    connection.close()
    return found


def test_all_is_as_it_was_under_the_new_key_and_the_old_one_opens_nothing(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    enrol(made, "Anna", ["aa", "bb"])
    crop, templates, end, old = made.crop(1), made.templates()[0], made.check_audit().end, wrapped_keys(made)
    shutil.copytree(made.path, tmp_path / "copy.gallery")
    made.rekey(tmp_path / "new.key", by="owner")
    for opened in (made, Gallery.open(made.path, tmp_path / "new.key")):
        assert opened.person("Anna").faces == 2
        np.testing.assert_array_equal(opened.crop(1), crop)  # type: ignore[arg-type]
        np.testing.assert_array_equal(opened.templates()[0], templates)
        assert opened.check_audit(end).entries == 3
    assert len(old) == 4
    assert not [key for key in old if key in on_disk(made.path)]
    for place, key in (("people.gallery", "people.key"), ("copy.gallery", "new.key")):
        with pytest.raises(EyeError, match="does not open"):
            Gallery.open(tmp_path / place, tmp_path / key)


def test_who_has_it_open_under_the_old_key_seals_nothing_under_it(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    other = Gallery.open(made.path, tmp_path / "people.key")
    made.rekey(tmp_path / "new.key", by="owner")
    with pytest.raises(EyeError, match="was changed meanwhile; open it again"):
        enrol(other, "Anna", ["aa"])
    assert enrol(made, "Anna", ["aa"]) == 1
    with pytest.raises(EyeError, match="has already"):
        made.rekey(tmp_path / "new.key", by="owner")


def _killed_while_rekeying(folder: str) -> None:
    made = Gallery.open(Path(folder) / "people.gallery", Path(folder) / "people.key")
    patch = pytest.MonkeyPatch()
    patch.setattr("compoundeye.apps.face._gallery.append_entry", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    made.rekey(Path(folder) / "new.key", by="owner")


def test_who_is_killed_while_the_key_changes_leaves_the_old_one_valid(tmp_path: Path) -> None:
    made = gallery(tmp_path)
    enrol(made, "Anna", ["aa"])
    process = mp.get_context("spawn").Process(target=_killed_while_rekeying, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    again = Gallery.open(made.path, tmp_path / "people.key")
    assert again.crop(1) is not None
    again.rekey(tmp_path / "new.key", by="owner")  # with the file that was made before
    assert Gallery.open(made.path, tmp_path / "new.key").person("Anna").faces == 1


def test_turned_templates_keep_their_cosines_and_two_keys_have_nothing_in_common(tmp_path: Path) -> None:
    made, templates = gallery(tmp_path), directions(500)
    made.add(sightings(["aa"]), purpose="archive", by="me")
    first = made.turned(templates)
    np.testing.assert_allclose(first @ first.T, templates @ templates.T, atol=2e-6)
    np.testing.assert_array_equal(Gallery.open(made.path, tmp_path / "people.key").turned(templates), first)
    made.rekey(tmp_path / "new.key", by="owner")
    second = made.turned(templates)
    # Cosines of unrelated directions in 128 dimensions spread by 1 / sqrt(128) = 0.088. Their mean strays by that over
    # the root of their number, and by 1 / 128 as the trace of a random rotation does: six times both is never seen.
    strays = 6 * np.hypot(1 / 128, 128**-0.5 / len(templates) ** 0.5)
    for one, two in ((first, templates), (second, first)):
        cosines = np.einsum("nd,nd->n", one, two)
        assert abs(cosines.mean()) < strays
        assert cosines.std() == pytest.approx(128**-0.5, rel=0.2)
