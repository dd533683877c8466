"""A watch is asked to stop through its folder: the run that is meant ends, says who asked, and no other does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from watch_doubles import Script, ShadeApplication

from compoundeye.records import EyeError
from compoundeye.video._live_folder import LiveFolder
from compoundeye.video._live_view import STOP, ask_to_stop, asked_to_stop, running
from compoundeye.video._site import SiteOf, site_of
from compoundeye.video._watch import watch


def test_a_watch_that_is_asked_ends_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.video._watch.TICK_S", 0.01)
    stop, told = Flag(), list[dict[str, Any]]()
    folder = LiveFolder(tmp_path / "gate", {"streams": ["a"]}, stop=stop)

    def tell(_: Sequence[dict[str, Any]]) -> None:
        told.append(running(tmp_path)["gate"])
        if len(told) == 1:
            ask_to_stop(tmp_path / "gate", "ann")
            assert (asked_to_stop(tmp_path / "gate", told[0]["started"]) or {})["by"] == "ann"

    site = SiteOf(site_of({"streams": {"a": {"source": "a"}}}), ShadeApplication())
    found = watch(site, folder=folder, stop=stop, tell=tell, opens=lambda _, **__: Script("a", None))
    assert found.stopped
    assert folder.stopped_by == "ann"
    assert "stopping" not in told[0]
    assert told[-1]["stopping"]
    assert not (tmp_path / "gate" / STOP).exists()


def test_a_request_is_for_one_run(tmp_path: Path) -> None:
    first = LiveFolder(tmp_path / "gate", {}, stop=Flag())
    ask_to_stop(tmp_path / "gate", "ann")
    kept = (tmp_path / "gate" / STOP).read_bytes()
    first.close()
    second = Flag()
    folder = LiveFolder(tmp_path / "gate", {}, stop=second)
    for text in (kept, b"{", b"[]", b'{"started": 1, "by": "ann"}', json.dumps({"by": "ann"}).encode()):
        (tmp_path / "gate" / STOP).write_bytes(text)
        folder.tell("a", {})
    assert not second.is_set()
    folder.close()
    with pytest.raises(EyeError, match="gate is not being watched"):
        ask_to_stop(tmp_path / "gate", "ann")


def test_a_folder_of_somebody_else_cannot_be_asked_in(tmp_path: Path) -> None:
    folder = LiveFolder(tmp_path / "gate", {}, stop=Flag())
    (tmp_path / "gate" / STOP).mkdir()  # what a rename cannot replace, also for root
    with pytest.raises(EyeError, match="gate cannot be asked to stop"):
        ask_to_stop(tmp_path / "gate", "ann")
    assert not list((tmp_path / "gate").glob("*.part"))
    (tmp_path / "gate" / STOP).rmdir()
    folder.close()
