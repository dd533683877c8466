"""The disk's measurement leaves nothing behind, and says when it measured memory."""

from __future__ import annotations

import errno
import os
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


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="only Linux can ask what is in memory")
@pytest.mark.parametrize(
    ("answer", "cached"),
    [
        (BlockingIOError(), False),  # it would have to wait for a disk
        (OSError(errno.EOPNOTSUPP, "not supported"), True),  # what a file system in memory says
        (4096, True),
    ],
)
def test_what_stays_in_memory_is_called_so(
    answer: int | OSError, cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> int:
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(os, "preadv", asked)
    assert measure_disk(tmp_path, size=16 << 20, seconds=0.02).cached is cached


def test_a_full_disk_and_a_missing_folder_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EyeError, match="cannot measure the disk of"):
        measure_disk(tmp_path / "nowhere")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(EyeError, match="too full to measure"):
        measure_disk(tmp_path)
