"""Cameras that come and go."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from cameras import mjpeg_camera, number, rtsp_camera, shade, write_clip
from samples import bikes

from compoundeye.records import EyeError, Frame
from compoundeye.video import open_source

KILLS = 20


def seen_in_order(frames: list[Frame]) -> None:
    for earlier, later in pairwise(frames):
        assert later.time_s > earlier.time_s
        assert later.index > earlier.index
        assert later.captured >= earlier.captured
        assert later.dropped - earlier.dropped == later.index - earlier.index - 1


def test_a_camera_whose_power_is_cut_twenty_times_goes_on_each_time() -> None:
    with rtsp_camera(bikes()) as camera, open_source(camera.address, stream="street", timeout_s=5) as source:
        assert (source.width, source.height, source.live) == (640, 272, True)
        frames = list[Frame]()
        stream = source.frames()
        frames += islice(stream, 3)
        open_files = list[int]()
        for kill in range(1, KILLS + 1):
            camera.kill()
            camera.start()
            while source.status().reconnects < kill or source.status().state != "running":
                frames.append(next(stream))
            frames += islice(stream, 3)
            open_files.append(len(os.listdir("/proc/self/fd")))
        status = source.status()
    assert open_files[-1] <= open_files[1] + 1
    seen_in_order(frames)
    assert status.reconnects == KILLS
    assert status.frames == len(frames)
    assert status.dropped >= frames[-1].dropped
    # Time without pictures has passed too: a restart of the camera does not set its clock back.
    wall = frames[-1].captured - frames[0].captured
    assert frames[-1].time_s == pytest.approx(wall, abs=1.5)


def wait_until(holds: Callable[[], bool]) -> None:
    """Until it holds; a test that waits for a minute has failed."""
    end = time.monotonic() + 60
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < end
        pause.wait(0.01)


def test_a_camera_that_is_gone_is_said_to_be_and_why_without_its_password() -> None:
    with mjpeg_camera() as camera:
        for index in range(30):
            camera.send(shade(index))
        with open_source(camera.address, stream="yard", timeout_s=5) as source:
            assert next(source.frames()).index >= 0
            camera.hang_up()
            wait_until(lambda: source.status().state == "waiting")
            assert source.status().error
            camera.stop()
            wait_until(lambda: "Connection refused" in (source.status().error or ""))
            status = source.status()
    assert status.state == "waiting"
    assert status.error is not None
    assert "secret" not in status.error + source.shown
    assert source.status().state == "closed"


def test_a_camera_that_is_silent_for_too_long_is_given_up_and_opened_again() -> None:
    with mjpeg_camera() as camera:
        for index in range(30):
            camera.send(shade(index))
        with open_source(camera.address, stream="yard", timeout_s=1) as source:
            stream = source.frames()
            next(stream)
            wait_until(lambda: source.status().error is not None)
            assert source.status().error == "no answer in time"

            def is_back() -> bool:
                camera.send(shade(45))  # some go to visits that were given up
                return source.status().reconnects == 1

            wait_until(is_back)
            assert number(next(stream).image.rgb()) in (29, 45)


def test_of_what_came_while_nobody_looked_only_the_newest_is_given_out() -> None:
    with mjpeg_camera() as camera:
        for index in range(30):
            camera.send(shade(index))
        with open_source(camera.address, stream="yard") as source:
            stream = source.frames()
            next(stream)
            wait_until(lambda: source.status().dropped > 10)
            camera.send(shade(45))
            newest = next(frame for frame in stream if number(frame.image.rgb()) == 45)
            # Thirty and one came; how many of them this test was quick enough to take does not matter.
            assert newest.index == 30
            assert newest.dropped == 31 - source.status().frames == source.status().dropped


def test_closing_from_another_thread_ends_whoever_waits_for_a_frame() -> None:
    with mjpeg_camera() as camera:
        for index in range(30):
            camera.send(shade(index))
        source = open_source(camera.address, stream="yard", timeout_s=2)
        stream = source.frames()
        next(stream)
        waits = threading.Thread(target=lambda: list(stream))
        waits.start()
        source.close()
        waits.join(60)
        assert not waits.is_alive()
        assert list(source.frames()) == []
        source.close()  # twice is no mistake


def test_a_camera_that_comes_back_with_another_size_is_shown_at_the_old_one() -> None:
    with mjpeg_camera() as camera:
        for index in range(30):
            camera.send(shade(index))
        with open_source(camera.address, stream="yard", timeout_s=5) as source:
            assert (source.width, source.height) == (64, 48)
            stream = source.frames()
            next(stream)
            camera.hang_up()
            for _ in range(60):
                camera.send(np.repeat(np.repeat(shade(40), 2, axis=0), 3, axis=1))
            frame = next(frame for frame in stream if number(frame.image.rgb()) == 40)
            assert source.status().reconnects == 1
            assert (frame.image.width, frame.image.height) == (64, 48)
            assert frame.image.rgb().shape == (48, 64, 3)


def test_nothing_there_is_said_at_once() -> None:
    with pytest.raises(EyeError, match=r"^rtsp://127\.0\.0\.1:9/x cannot be opened: Connection refused$"):
        open_source("rtsp://someone:secret@127.0.0.1:9/x?key=secret", stream="street", timeout_s=5)


def test_a_recording_played_live_keeps_its_pace_and_drops_what_nobody_took(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [shade(index) for index in range(20)], rate=20)
    with open_source(clip, stream="door", live=True) as source:
        frames = list(source.frames())
        status = source.status()
    seen_in_order(frames)
    assert status.state == "ended"
    assert status.frames + status.dropped == 20
    for frame in frames:
        assert frame.time_s == pytest.approx(frame.index / 20)
        assert number(frame.image.rgb()) == frame.index
        assert frame.captured - frames[0].captured >= frame.time_s - frames[0].time_s - 0.01
