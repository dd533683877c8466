"""Annotated videos: every frame at its own time, with what the app draws and without what must not be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from watch_doubles import Script, ShadeApplication

from compoundeye.records import EyeError
from compoundeye.video import SiteOf, VideoFiles, site_of, watch
from compoundeye.video._video_files import VideoFile


def written(files: VideoFiles, *scripts: Script) -> None:
    by_name = {script.stream: script for script in scripts}
    site = SiteOf(site_of({"streams": {name: {"source": name} for name in by_name}}), ShadeApplication())
    watch(site, opens=lambda _, *, stream, **__: by_name[stream], viewers=[files])


def read(path: Path) -> list[tuple[float, npt.NDArray[Any]]]:
    with av.open(str(path)) as container:
        return [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_every_frame_is_there_at_its_time(tmp_path: Path, name: str) -> None:
    """Ten frames a second; three were dropped after the fourth, and so are missing for three tenths."""
    written(VideoFiles(tmp_path / name), Script("a", 12, drops={4: 3}))
    frames = read(tmp_path / name)
    assert [round(10 * at) for at, _ in frames] == [0, 1, 2, 3, *range(7, 15)]
    assert frames[0][1].shape == (24, 32, 3)
    red = frames[5][1][:8, :8].astype(int)
    assert (red[..., 0] - red[..., 2]).max() > 60  # the app's box
    assert not list(tmp_path.glob("*.part"))


def test_people_are_hidden_before_a_frame_is_written(tmp_path: Path) -> None:
    written(VideoFiles(tmp_path / "open.mp4"), Script("a", 3))
    written(VideoFiles(tmp_path / "hidden.mp4", privacy="cover"), Script("a", 3))
    shown, hidden = (read(tmp_path / f"{name}.mp4")[0][1][10:14, 12:20] for name in ("open", "hidden"))
    assert np.abs(hidden.astype(int) - 112).max() < 20
    assert shown.max() < 40


def test_several_streams_have_a_file_each(tmp_path: Path) -> None:
    written(VideoFiles(tmp_path / "out.mp4", several=True), Script("door", 3), Script("hall", 5))
    assert len(read(tmp_path / "out-door.mp4")) == 3
    assert len(read(tmp_path / "out-hall.mp4")) == 5


@pytest.mark.parametrize(("name", "said"), [("out.avi", "is written to .mp4"), ("no/out.mp4", "there is no folder")])
def test_where_it_cannot_be_written(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(EyeError, match=said):
        VideoFiles(tmp_path / name)


def test_a_file_says_which_colours_it_holds(tmp_path: Path) -> None:
    """Players guess by the height where a file says nothing, and show a red that is another one."""
    for height in (48, 720):
        file = VideoFile(tmp_path / "red.mp4", 64, height)
        for at in range(3):
            file.write(np.full((height, 64, 3), (200, 30, 30), np.uint8), at / 10)
        file.close()
        with av.open(str(tmp_path / "red.mp4")) as container:
            codec = container.streams.video[0].codec_context
            assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)
            frame = next(container.decode(video=0))
            assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - (200, 30, 30)).max() <= 4


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_watch_that_is_killed_leaves_a_video_that_plays(tmp_path: Path, suffix: str) -> None:
    """Eight seconds, of which the encoder holds one or two; ended, it is one piece with its table."""
    path = tmp_path / f"out{suffix}"
    file = VideoFile(path, 64, 48)
    noise = np.random.default_rng(0)
    for at in range(200):
        file.write(noise.integers(0, 256, (48, 64, 3), np.uint8), at / 25)
    killed = (tmp_path / f"out{suffix}.part").read_bytes()  # as it is on disk when nobody ends it
    file.close()
    (left := tmp_path / f"left{suffix}").write_bytes(killed)
    assert [time_s for time_s, _ in read(left)][:140] == pytest.approx([at / 25 for at in range(140)], abs=1e-3)
    assert len(read(path)) == 200
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(8e6, rel=0.01)
