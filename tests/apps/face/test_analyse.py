"""Pictures of sources looked at once each, and sheets of faces."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from face_clips import photograph
from face_samples import astronaut
from PIL import Image

from compoundeye.apps.face import Analysis, FacePipeline, analyse, crop_sheet, write_crop_sheet
from compoundeye.models import load_face_detector, load_face_embedder
from compoundeye.records import EyeError, picture_id


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline(load_face_detector(), load_face_embedder())


class Counting:
    """A pipeline that remembers how many pictures it was given at a time."""

    def __init__(self, pipeline: FacePipeline) -> None:
        self._pipeline = pipeline
        self.given = list[int]()

    def batch(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> object:
        self.given.append(len(pictures))
        return self._pipeline.batch(pictures)


def grey(folder: Path, count: int) -> Path:
    """Pictures without a face, all different."""
    folder.mkdir()
    for number in range(count):
        Image.new("L", (40, 30), number).save(folder / f"{number:02}.png")
    return folder


def test_all_pictures_come_in_order_few_at_a_time_and_progress_is_told(
    tmp_path: Path, pipeline: FacePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, told = Counting(pipeline), list[tuple[int, int | None]]()
    monkeypatch.setattr(sys.modules[analyse.__module__], "_PIXELS", 8 * 40 * 30)
    folder = grey(tmp_path / "in", 19)
    found = list(analyse([folder], counting, progress=lambda *both: told.append(both)))  # type: ignore[arg-type]
    assert [Path(one.source).name for one in found] == [f"{number:02}.png" for number in range(19)]
    assert max(counting.given) <= 8
    assert sum(counting.given) == 19
    assert told == [(8, 19), (16, 19), (19, 19)]
    assert all(one.largest() is None and one.reason is None and one.size == (40, 30) for one in found)


def test_pictures_that_are_known_are_not_looked_at(tmp_path: Path, pipeline: FacePipeline) -> None:
    folder, counting = grey(tmp_path / "in", 5), Counting(pipeline)
    known = {picture_id((folder / f"0{number}.png").read_bytes()).hex() for number in (1, 3)}
    found = list(analyse([folder], counting, skip=known))  # type: ignore[arg-type]
    assert [Path(one.source).stem for one in found] == ["00", "02", "04"]
    assert sum(counting.given) == 3


def test_sightings_say_where_a_face_is_from_and_how_good_it_is(tmp_path: Path, pipeline: FacePipeline) -> None:
    file = tmp_path / "five.png"
    Image.fromarray(photograph("multi_face.jpg")).save(file)
    (one,) = analyse([file], pipeline)
    assert one.quality is not None
    made = one.sightings("a model")
    assert made.sources == 5 * [str(file)]
    assert set(made.pictures) == {picture_id(file.read_bytes()).hex()}
    assert made.quality is not None
    assert made.quality.tolist() == one.quality.overall.tolist()
    sides = made.faces.boxes[:, 2:] - made.faces.boxes[:, :2]
    assert one.largest() == max(range(5), key=lambda at: float(sides[at].prod()))


def test_what_cannot_be_read_has_a_reason_and_no_sightings(tmp_path: Path, pipeline: FacePipeline) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "no.jpg").write_text("no picture")
    (one,) = analyse([tmp_path / "in"], pipeline)
    assert one.found is None
    assert one.reason
    with pytest.raises(EyeError, match=r"no\.jpg"):
        one.sightings("a model")
    assert one.largest() is None
    assert isinstance(one, Analysis)


def test_a_sheet_shows_crops_where_they_belong_and_frames_where_there_is_none(tmp_path: Path) -> None:
    crop = np.ascontiguousarray(astronaut()[64:176, 168:280])
    sheet = crop_sheet([crop, None, crop], ["1", "2", "3"], across=2)
    assert (sheet[6:118, 6:118] == crop).all()
    assert (sheet[8:116, 126:234] == sheet[0, 0]).all()  # within the empty frame
    assert (sheet[142:254, 6:118] == crop).all()
    write_crop_sheet(tmp_path / "sheet.png", [crop], ["1"])
    with pytest.raises(EyeError, match="no face to show"):
        write_crop_sheet(tmp_path / "none.png", [], [])
    with pytest.raises(EyeError, match="cannot write"):
        write_crop_sheet(tmp_path / "nowhere" / "sheet.png", [crop], ["1"])
