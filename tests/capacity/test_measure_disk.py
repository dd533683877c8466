"""The disk's measurement leaves nothing behind, and says when it measured memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from compoundeye.capacity._measure_disk import measure_disk
from compoundeye.records import EyeError


def test_a_disk_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    stages = list[None]()
    found = measure_disk(
        tmp_path, size=16 << 20, piece=20_000, readers=4, seconds=0.05, tell=lambda: stages.append(None)
    )
    assert found.write > 0
    assert found.sequential > 0
    assert found.random > 0
    assert len(stages) == 3
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no disk in memory here")
def test_a_disk_in_memory_is_called_so() -> None:
    assert measure_disk("/dev/shm", size=16 << 20, seconds=0.05).cached


def test_a_full_disk_and_a_missing_folder_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EyeError, match="cannot measure the disk of"):
        measure_disk(tmp_path / "nowhere")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(EyeError, match="too full to measure"):
        measure_disk(tmp_path)
