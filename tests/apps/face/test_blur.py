"""Whose face is hidden is not found any more, in pictures and in every frame of a video; who is named stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from face_clips import clip, photograph
from face_samples import astronaut
from PIL import Image

from compoundeye.apps.face import FacePipeline, blur, hide_faces
from compoundeye.apps.face._blur_video import _filled
from compoundeye.models import load_face_detector, load_face_embedder
from compoundeye.pixels import decode
from compoundeye.records import EyeError
from compoundeye.video import HOW, Outcome, Seen, Stream, VideoFiles, open_source


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline(load_face_detector(), load_face_embedder())


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A second of a clip."""
    from compoundeye.apps.face._blur_video import _Nothing

    path = tmp_path / "short.mp4"
    out = VideoFiles(path)
    with open_source(clip("cap13_edit2.mp4"), stream="short", live=False) as source:
        stream = Stream("short", source.width, source.height, source.rate, "")
        for frame in source.frames():
            if frame.time_s >= 1:
                break
            out.see(Seen(stream, frame, Outcome(), _Nothing()))
    out.close()
    return path


@pytest.mark.parametrize("how", HOW)
def test_nobody_of_a_group_is_found_again_and_the_rest_is_untouched(
    tmp_path: Path, pipeline: FacePipeline, how: str
) -> None:
    rgb = photograph("multi_face.jpg")
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    cv2.imwrite(str(source), rgb[:, :, ::-1])
    found = blur(source, target, how=how)  # type: ignore[arg-type]
    assert (found.faces, found.hidden, found.kept) == (5, 5, ())
    after = decode(target.read_bytes())
    # A blurred head may still look like some face, but not from nearer, and like nobody's of them.
    before, left = pipeline.faces(rgb), pipeline.faces(after)
    assert left.confirmed is not None
    assert len(left) == 0 if how != "blur" else not left.confirmed.any()
    assert (left.embeddings @ before.embeddings.T < 0.3).all()
    faces = before.faces
    changed = (after != rgb).any(axis=2)
    for left, top, right, bottom in faces.boxes.astype(int):
        assert changed[top:bottom, left:right].mean() > 0.9
    reach = np.zeros_like(changed)
    for left, top, right, bottom in faces.boxes:
        x, y = 0.45 * (right - left), 0.45 * (bottom - top)
        reach[max(int(top - y), 0) : int(bottom + y), max(int(left - x), 0) : int(right + x)] = True
    assert not (changed & ~reach).any()


def test_only_who_is_named_is_left(tmp_path: Path, pipeline: FacePipeline) -> None:
    rgb = photograph("multi_face.jpg")
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    cv2.imwrite(str(source), rgb[:, :, ::-1])
    found = pipeline.faces(rgb)
    # One whom no head beside covers in part: whose box is farthest from the others.
    middles = (found.faces.boxes[:, :2] + found.faces.boxes[:, 2:]) / 2
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2) + np.eye(5) * 1e9
    anna = found.embeddings[int(apart.min(axis=1).argmax())]

    def who(templates: np.ndarray) -> Sequence[str | None]:
        best = int(np.argmax(templates @ anna))
        return ["Anna" if at == best else "Bert" for at in range(len(templates))]

    assert blur(source, target, keep=["Anna"], who=who).kept == ("Anna",)
    (left,) = pipeline.faces(decode(target.read_bytes())).embeddings
    assert left @ anna > 0.9


def test_no_thumbnail_nor_place_goes_with_the_picture(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    exif = Image.Exif()
    exif[0x010E] = "Eileen Collins"
    Image.fromarray(astronaut()).save(source, exif=exif, comment=b"who this is")
    blur(source, target)
    data = target.read_bytes()
    with Image.open(target) as written:
        assert not dict(written.getexif())
    assert b"Eileen" not in data
    assert b"who this is" not in data


def test_a_picture_turned_by_its_exif_is_hidden_where_it_is_shown(tmp_path: Path, pipeline: FacePipeline) -> None:
    source, target = tmp_path / "in.jpg", tmp_path / "out.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(astronaut()))).save(source, exif=exif, quality=95)
    assert blur(source, target).hidden == 1
    after = decode(target.read_bytes())
    assert np.abs(after[400:].astype(int) - astronaut()[400:]).mean() < 10  # upright
    assert len(pipeline.faces(after)) == 0


def test_in_no_frame_of_a_video_is_the_face_found_again(tmp_path: Path, short: Path, pipeline: FacePipeline) -> None:
    target = tmp_path / "out.mp4"
    told: list[tuple[int, int | None]] = []
    found = blur(short, target, progress=lambda done, of: told.append((done, of)))
    assert (found.faces, found.hidden) == (1, 1)
    assert told[-1] == (found.frames, found.frames)
    with open_source(target, stream="out", live=False) as source:
        frames = [frame.image.rgb() for frame in source.frames()]
    assert len(frames) == found.frames
    assert sum(len(pipeline.faces(frame)) for frame in frames) == 0


def test_who_is_named_is_left_in_all_of_a_video(tmp_path: Path, short: Path, pipeline: FacePipeline) -> None:
    target = tmp_path / "out.mp4"
    found = blur(short, target, keep=["Anna"], who=lambda templates: ["Anna"] * len(templates))
    assert (found.hidden, found.kept) == (0, ("Anna",))
    with open_source(target, stream="out", live=False) as source:
        assert all(len(pipeline.faces(frame.image.rgb())) == 1 for frame in source.frames())


def test_a_face_that_is_lost_for_a_while_is_hidden_there_too() -> None:
    times = np.arange(30) / 10
    filled = _filled({10: [0, 0, 10, 10], 20: [100, 0, 110, 10]}, times)
    assert set(filled) == set(range(7, 24))
    assert filled[15] == pytest.approx([50, 0, 60, 10])
    assert filled[7] == pytest.approx([0, 0, 10, 10])


def test_the_picture_given_is_not_written_to(pipeline: FacePipeline) -> None:
    rgb = astronaut().copy()
    hidden = hide_faces(rgb, pipeline.faces(rgb).faces)
    assert (rgb == astronaut()).all()
    assert (hidden != rgb).any()


@pytest.mark.parametrize(
    ("source", "target", "more", "said"),
    [
        ("in.png", "out.gif", {}, "is written to"),
        ("nothing.png", "out.png", {}, "there is no"),
        ("in.png", "in.png", {}, "the source itself"),
        ("in.png", "none/out.png", {}, "no folder"),
        ("in.png", "out.png", {"how": "smear"}, "not by 'smear'"),
        ("in.png", "out.png", {"keep": ["Anna"]}, "name a gallery"),
        ("broken.png", "out.png", {}, "broken.png"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    tmp_path: Path, source: str, target: str, more: dict[str, object], said: str
) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), astronaut())
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(EyeError, match=said):
        blur(tmp_path / source, tmp_path / target, **more)  # type: ignore[arg-type]
    assert not (tmp_path / "out.png").exists()
