"""Recordings of every kind, whole and broken: every frame there is, in order, and what is wrong is said."""

from __future__ import annotations

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from cameras import number, shade, write_clip
from samples import bikes, vtest

from compoundeye.records import EyeError, Frame
from compoundeye.video import Source, SourceStatus, open_source
from compoundeye.video._address import read_address, without_password

PICTURES = [shade(index) for index in range(30)]


def everything(source: Source) -> tuple[list[Frame], SourceStatus]:
    """All frames of a source, which must be in order."""
    with source:
        frames = list(source.frames())
    assert all(later.time_s > earlier.time_s and later.index > earlier.index for earlier, later in pairwise(frames))
    assert all((frame.image.width, frame.image.height) == (source.width, source.height) for frame in frames)
    return frames, source.status()


def remuxed(recording: Path, to: Path) -> Path:
    """The same packets in another container."""
    with av.open(str(recording)) as old, av.open(str(to), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return to


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".ts", ".mov"])
def test_every_frame_of_a_recording_comes_once_and_in_order(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}", PICTURES, rate=25, codec="mpeg2video")
    frames, status = everything(open_source(clip, stream="door", began=1e9))
    assert [number(frame.image.rgb()) for frame in frames] == list(range(30))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in range(30)], abs=1e-3)
    assert [frame.captured for frame in frames] == pytest.approx([1e9 + frame.time_s for frame in frames])
    assert {(frame.stream, frame.dropped) for frame in frames} == {("door", 0)}
    assert status == SourceStatus("ended", 30, 0, 0, 0, None)


def test_real_recordings_lose_no_frame() -> None:
    for clip, count, size, rate in ((bikes(), 250, (640, 272), 25), (vtest(), 795, (768, 576), 10)):
        source = open_source(clip, stream="street")
        frames, status = everything(source)
        assert (source.width, source.height, source.rate, source.live) == (*size, rate, False)
        assert len(frames) == status.frames == count
        assert frames[-1].time_s == pytest.approx((count - 1) / rate)


def test_frames_of_a_varying_rate_keep_their_times(tmp_path: Path) -> None:
    times = [0, 40, 45, 300, 2000, 2010]
    clip = write_clip(tmp_path / "clip.mkv", PICTURES[:6], times=times)
    frames, _ = everything(open_source(clip, stream="door"))
    assert [frame.time_s for frame in frames] == pytest.approx([time / 1000 for time in times])


def test_a_recording_that_begins_anew_in_its_middle_goes_on(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", PICTURES, codec="mpeg2video")
    twice = tmp_path / "twice.ts"
    twice.write_bytes(clip.read_bytes() * 2)
    frames, _ = everything(open_source(twice, stream="door"))
    assert len(frames) == 60
    assert frames[-1].time_s == pytest.approx(59 / 25, abs=0.2)


@pytest.mark.parametrize(("turn", "flip"), [(turn, flip) for turn in (0, 90, 180, 270) for flip in ("", "h", "v")])
def test_a_recording_is_shown_as_the_camera_was_held(tmp_path: Path, turn: int, flip: str) -> None:
    def held(stream: Any) -> None:
        stream.set_display_rotation(turn, hflip=flip == "h", vflip=flip == "v")

    clip = write_clip(tmp_path / "clip.mp4", PICTURES[:3], prepare=held)
    expected = np.rot90(PICTURES[2], turn // 90)
    expected = {"": expected, "h": expected[:, ::-1], "v": expected[::-1]}[flip]
    source = open_source(clip, stream="phone")
    frames, _ = everything(source)
    assert (source.height, source.width) == expected.shape[:2]
    assert np.median(np.abs(frames[2].image.rgb().astype(int) - expected)) <= 3
    small = frames[2].image.rgb(source.width // 2, source.height // 2)
    assert np.median(np.abs(small.astype(int) - expected[::2, ::2])) <= 3


def test_a_damaged_recording_is_shown_with_its_damage_counted(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    for suffix in (".mp4", ".mkv"):
        broken = bytearray(remuxed(bikes(), tmp_path / f"whole{suffix}").read_bytes())
        for place in chance.integers(5_000, len(broken) - 20_000, 40):
            broken[place] = chance.integers(256)
        clip = tmp_path / f"broken{suffix}"
        clip.write_bytes(broken)
        frames, status = everything(open_source(clip, stream="street"))
        assert status.state == "ended"
        assert status.damaged > 0
        assert len(frames) >= 240


def test_a_recording_that_was_cut_off_is_shown_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    whole = remuxed(bikes(), tmp_path / "whole.mkv").read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    frames, status = everything(open_source(cut, stream="street"))
    assert 100 < len(frames) < 200
    assert status.error is not None
    assert status.error.startswith("cut off: ")
    assert status.error.endswith("of 10.0 s are there")


def test_a_recording_without_its_index_cannot_be_shown(tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(bikes().read_bytes()[:200_000])
    with pytest.raises(EyeError, match=r"cut\.mp4 cannot be opened: this is no video that FFmpeg reads, or it was cut"):
        open_source(cut, stream="street")


def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    text, nothing, huge = tmp_path / "text.txt", tmp_path / "nothing.mp4", tmp_path / "huge.y4m"
    text.write_text("no pictures here\n" * 100)
    nothing.touch()
    huge.write_bytes(b"YUV4MPEG2 W12000 H12000 F25:1 Ip C420\nFRAME\n" + bytes(1000))
    for address, message in (
        (sound, "holds no pictures"),
        (text, "this is no video that FFmpeg reads"),
        (nothing, "this is no video that FFmpeg reads"),
        (huge, "announces pictures of 12000 x 12000 pixels; at most 67,108,864 are taken"),
        (tmp_path / "missing.mp4", "does not exist"),
        (tmp_path, "holds no frames"),
        ("/dev/video77", "there is no camera /dev/video77"),
        ("gopher://camera", "gopher:// is no kind of source"),
    ):
        with pytest.raises(EyeError, match=message):
            open_source(address, stream="street")


def test_hardware_that_is_not_there_is_named_or_done_without() -> None:
    frames, _ = everything(open_source(bikes(), stream="street", hardware="auto"))
    assert len(frames) == 250
    with pytest.raises(EyeError, match=r"hardware 'abacus' is unknown; this FFmpeg knows .*auto"):
        open_source(bikes(), stream="street", hardware="abacus")


def test_frames_that_stop_half_way_go_on_when_asked_again(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", PICTURES)
    with open_source(clip, stream="door") as source:
        first = [next(source.frames()).index for _ in range(3)]
        rest = [number(frame.image.rgb()) for frame in source.frames()]
    assert first + rest == list(range(30))


def test_closing_from_another_thread_ends_the_frames(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", PICTURES)
    source = open_source(clip, stream="door")
    frames = source.frames()
    next(frames)
    closer = threading.Thread(target=source.close)
    closer.start()
    closer.join()
    assert list(frames) == []
    assert source.status().state == "closed"
    source.close()


def test_frames_outlive_their_source(tmp_path: Path) -> None:
    frames, _ = everything(open_source(write_clip(tmp_path / "clip.mp4", PICTURES), stream="door"))
    assert [number(frame.image.rgb(32, 24)) for frame in frames] == list(range(30))


def test_standard_input_is_a_recording_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "clip.ts", PICTURES, codec="mpeg2video").read_bytes()
    out, into = os.pipe()
    monkeypatch.setattr("compoundeye.video._decode.STANDARD_INPUT", out)

    def pour() -> None:
        with os.fdopen(into, "wb") as pipe:
            pipe.write(clip)

    pours = threading.Thread(target=pour)
    pours.start()
    frames, status = everything(open_source("-", stream="pipe"))
    pours.join()
    os.close(out)
    assert [number(frame.image.rgb()) for frame in frames] == list(range(30))
    assert status.error is None


def test_a_recording_on_a_web_server_is_no_camera(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", PICTURES)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever).start()
        source = open_source(f"http://127.0.0.1:{server.server_port}/clip.mp4", stream="web")
        frames, status = everything(source)
        server.shutdown()
    assert not source.live
    assert [number(frame.image.rgb()) for frame in frames] == list(range(30))
    assert (status.state, status.error) == ("ended", None)


def test_ffmpeg_makes_pictures_of_its_own() -> None:
    frames, _ = everything(open_source("lavfi:testsrc2=size=64x48:rate=10:duration=1", stream="made"))
    assert len(frames) == 10


def test_a_folder_of_frames_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "img1"
    folder.mkdir()
    for index, picture in enumerate(PICTURES[:12]):
        cv2.imwrite(str(folder / f"frame{index}.png"), picture[..., ::-1])
    (folder / "frame5.png").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("not a frame")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\n")
    source = open_source(folder, stream="walk", began=1e9)
    frames, status = everything(source)
    assert source.rate == 10
    assert [number(frame.image.rgb()) for frame in frames] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert [frame.dropped for frame in frames] == [0] * 5 + [1] * 6
    assert [frame.time_s for frame in frames] == pytest.approx([frame.index / 10 for frame in frames])
    assert (status.frames, status.dropped, status.damaged) == (11, 1, 1)
    assert status.error is not None
    assert status.error.startswith("frame5.png: ")
    with pytest.raises(EyeError, match="cannot be live"):
        open_source(folder, stream="walk", live=True)


def test_when_a_recording_began_is_taken_from_it_or_its_file(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", PICTURES)
    os.utime(clip, (1_500_000_000, 1_500_000_000))
    with open_source(clip, stream="door") as source:
        assert next(source.frames()).captured == pytest.approx(1_500_000_000 - 30 / 25, abs=0.1)
    dated = tmp_path / "dated.mp4"
    with av.open(str(clip)) as old, av.open(str(dated), "w") as new:
        new.metadata["creation_time"] = "2024-05-06T07:08:09Z"
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    with open_source(dated, stream="door") as source:
        assert next(source.frames()).captured == 1714979289


def test_addresses() -> None:
    assert read_address("rtsp://u:p@host:554/a?k=1").shown == "rtsp://host:554/a"
    assert read_address("rtsp://host/a").live is True
    assert read_address("http://host/a.mp4").live is None
    assert read_address("-").kind == "stdin"
    assert without_password("https://u:p@[::1]:8/x") == "https://[::1]:8/x"
