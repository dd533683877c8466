"""A process that is killed between any two of its steps leaves a corpus that the same command finishes.

The kills here fall on calls of functions, drawn at random: before, within and after each step of staging, committing
and booking. `benchmarks/kill.py` kills at random moments instead, fifty times.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from compoundeye.corpus import CorpusError, account, ingest

JpegMaker = Callable[[int], bytes]
KILLS = 6

# Small shards and a commit for each, so that there are many steps to fall between.
CHILD = """
import os, signal, sys, threading
from compoundeye.corpus import _ingest, _settle

folder, corpus, workers, last_call = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
_ingest._FEWEST_ROWS = 40
_settle.COMMIT_SHARE = 1e9
calls = 0

def count(frame, event, argument):
    global calls
    calls += 1
    if calls == last_call:
        os.kill(os.getpid(), signal.SIGKILL)

threading.setprofile(count)
sys.setprofile(count)
_ingest.ingest(folder, corpus, workers=workers)
sys.setprofile(None)
print(calls)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_the_corpus_is_that_of_an_unbroken_run(
    tmp_path: Path, jpeg: JpegMaker, contents: Callable[[Any], Any], workers: int
) -> None:
    folder = tmp_path / "pics"
    folder.mkdir()
    for number in range(300):
        data = jpeg(300 - number if number % 7 == 0 else number)
        (folder / f"{number:03d}.jpg").write_bytes(data[:90] if number % 40 == 1 else data)
    script = tmp_path / "child.py"
    script.write_text(CHILD)

    def run(corpus: str, last_call: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), str(folder), str(tmp_path / corpus), str(workers), str(last_call)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    calls = int(run("whole.lance", -1).stdout)
    draw = random.Random(workers)
    for number in range(KILLS):
        killed = run("killed.lance", draw.randrange(calls))
        assert killed.returncode in (-signal.SIGKILL, 0), killed.stderr
        if number % 2:
            with suppress(CorpusError):  # killed before there was a corpus
                account(tmp_path / "killed.lance")
    ingest(folder, tmp_path / "killed.lance", workers=1)
    assert contents(tmp_path / "killed.lance") == contents(tmp_path / "whole.lance")
    assert account(tmp_path / "killed.lance") == account(tmp_path / "whole.lance")
