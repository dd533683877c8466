"""The runs of a folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compoundeye.runs import RunError, list_runs


def test_a_row_tells_how_far_how_good_and_on_what(tmp_path: Path, made: Any) -> None:
    run = made(tmp_path, "first", [3.0, 2.0, 1.0], [0.5, 0.25], model={"name": "vit-ti/16"})
    run.set_status("running", step=0, steps=50)
    (row,) = list_runs(tmp_path)
    assert (row.name, row.state, row.step, row.steps) == ("first", "running", 40, 50)
    assert (row.loss, row.accuracy) == (1.0, 0.5)
    assert (row.corpus, row.model, row.path) == ("x.lance v3", "vit-ti/16", str(tmp_path / "first"))
    assert row.started is not None
    assert abs((datetime.now(UTC) - row.started).total_seconds()) < 3600
    assert row.seconds is not None
    assert row.as_dict()["name"] == "first"


def test_the_one_that_began_last_is_first(tmp_path: Path, made: Any) -> None:
    for name in ("b", "a", "c"):
        made(tmp_path, name).set_status("done")
    assert [row.name for row in list_runs(tmp_path)] == ["c", "a", "b"]


def test_what_is_no_run_is_passed_over_and_a_spoilt_one_is_shown(tmp_path: Path, made: Any) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "file.txt").write_text("")
    spoilt = made(tmp_path, "spoilt")
    (spoilt.path / "settings.json").write_text("[")
    (spoilt.path / "status.json").write_text("")
    made(tmp_path, "sound", [1.0]).set_status("done")
    assert [(row.name, row.state, row.corpus) for row in list_runs(tmp_path)] == [
        ("spoilt", "unknown", ""),
        ("sound", "done", "x.lance v3"),
    ]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no folder"):
        list_runs(tmp_path / "none")
