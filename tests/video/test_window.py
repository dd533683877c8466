"""A window is FFmpeg's player; a stand-in for it writes down what it was given."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event as Flag
from typing import Any

import numpy as np
import pytest
from watch_doubles import Script, ShadeApplication

from compoundeye.records import EyeError
from compoundeye.video import SiteOf, site_of, watch
from compoundeye.video._window import Windows

PLAYER = """
import sys
open({out!r} + ".words", "w").write("\\n".join(sys.argv[1:]))
open({out!r}, "wb").write(sys.stdin.buffer.read({most}))
"""


def player(folder: Path, most: int = -1) -> str:
    return program(folder / "player", PLAYER.format(out=str(folder / "shown"), most=most))


def program(path: Path, source: str) -> str:
    """A command that runs Python. By a shell: a first line with the interpreter takes no blanks in its path."""
    script = path.with_suffix(".py")
    script.write_text(source)
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    path.chmod(0o755)
    return str(path)


def shown(script: Script, windows: Windows, stop: Flag) -> bool:
    site = SiteOf(site_of({"streams": {"a": {"source": "a"}}}), ShadeApplication())
    return watch(site, opens=lambda _, **__: script, viewers=[windows], stop=stop).stopped


def test_every_frame_is_shown_with_what_the_app_draws(tmp_path: Path) -> None:
    stop = Flag()
    shown(Script("a", 12), Windows(stop, player=player(tmp_path)), stop)
    frames = np.frombuffer((tmp_path / "shown").read_bytes(), np.uint8).reshape(-1, 24, 32, 3)
    assert len(frames) == 12
    assert [int(frame[20, 28, 0]) for frame in frames] == list(range(12))
    assert frames[:, :6, :6, 0].max() > 200  # the app's red box
    words = (tmp_path / "shown.words").read_text().splitlines()
    assert words[words.index("-video_size") + 1] == "32x24"
    assert words[words.index("-framerate") + 1] == "10.0"
    assert "a: CompoundEye" in words


@pytest.mark.skipif(not hasattr(os, "fork"), reason="closed pipes are told otherwise")
def test_whoever_closes_the_window_ends_the_watch(tmp_path: Path) -> None:
    stop = Flag()
    assert shown(Script("a", None), Windows(stop, player=player(tmp_path, most=5000)), stop)


def test_a_window_that_is_paused_does_not_keep_the_watch_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compoundeye.video._watch.GRACE_S", 0.05)
    monkeypatch.setattr("compoundeye.video._watch.TICK_S", 0.01)
    monkeypatch.setattr("compoundeye.video._stream_run.BUSY_S", 0.01)
    paused = program(tmp_path / "paused", "import signal\nsignal.pause()\n")
    stop, looked = Flag(), list[int]()

    def tell(states: Sequence[dict[str, Any]]) -> None:
        looked.append(states[0]["looked"])
        if looked[-1] > 3 and looked[-5:] == looked[-1:] * 5:  # its pipe is full
            stop.set()

    site = SiteOf(site_of({"streams": {"a": {"source": "a"}}}), ShadeApplication())
    windows = Windows(stop, player=paused)
    assert watch(site, opens=lambda _, **__: Script("a", None), viewers=[windows], stop=stop, tell=tell).stopped


def test_without_a_player_it_says_what_to_install() -> None:
    with pytest.raises(EyeError, match="--show needs no-such-player, which comes with FFmpeg"):
        Windows(Flag(), player="no-such-player")
