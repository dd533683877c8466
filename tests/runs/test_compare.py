"""Runs side by side."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compoundeye.runs import RunError, compare
from compoundeye.runs._curves import COLOURS, Course, draw, smoothed


def test_settings_that_differ_are_named_and_no_others(tmp_path: Path, made: Any) -> None:
    one = made(tmp_path, "one", [1.0], optimiser={"name": "sgd", "learning_rate": 0.1}, epochs=3)
    two = made(tmp_path, "two", [0.5], optimiser={"name": "sgd", "learning_rate": 0.2}, epochs=3, extra={"a": {}})
    three = made(tmp_path, "three", optimiser={"name": "sgd", "learning_rate": 0.1}, epochs=3)
    other = three.settings()
    other["data"]["corpora"][0]["version"] = 9
    three.write_settings(other)

    found = compare([one.path, two.path, three.path])
    assert [(row.key, row.values) for row in found.differences] == [
        ("data.corpora.0.version", (3, 3, 9)),
        ("optimiser.learning_rate", (0.1, 0.2, 0.1)),
        ("extra.a", (None, {}, None)),
    ]
    assert [row.name for row in found.runs] == ["one", "two", "three"]
    assert [row.loss for row in found.runs] == [1.0, 0.5, None]
    assert found.picture is None


def colours_in(path: Path) -> set[str]:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    return {f"#{r:02X}{g:02X}{b:02X}" for r, g, b in np.unique(pixels, axis=0).tolist()}


@pytest.mark.parametrize("log", [False, True], ids=["linear", "logarithmic"])
@pytest.mark.parametrize("axis", ["step", "pictures"])
def test_curves_of_each_run_are_in_the_picture(tmp_path: Path, axis: str, log: bool, made: Any) -> None:
    runs = [
        made(tmp_path, f"run{n}", [2.0, math.nan, 1.0 / (n + 1)] * 9, [0.2, math.nan, 0.3], seed=n).path
        for n in range(2)
    ]
    found = compare(runs, tmp_path / "deep" / "curves.png", axis=axis, log=log)  # type: ignore[arg-type]
    assert found.picture == str(tmp_path / "deep" / "curves.png")
    colours = colours_in(Path(found.picture))
    assert {COLOURS[0], COLOURS[1]} <= colours
    assert not {COLOURS[2], COLOURS[3]} & colours


def test_more_runs_than_colours_and_names_that_are_long(tmp_path: Path, made: Any) -> None:
    runs = [made(tmp_path, f"run-{'x' * 90}-{n}", [1.0, 0.5], seed=n).path for n in range(9)]
    compare(runs, tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    assert "stroke-dasharray" in text
    compare(runs, tmp_path / "curves.pdf")
    assert (tmp_path / "curves.pdf").read_bytes().startswith(b"%PDF")


def test_a_run_without_losses_beside_one_that_has_some(tmp_path: Path, made: Any) -> None:
    runs = [made(tmp_path, "empty").path, made(tmp_path, "told", [1.0]).path]
    compare(runs, tmp_path / "curves.png")
    assert COLOURS[1] in colours_in(tmp_path / "curves.png")


def test_what_cannot_be_drawn_is_said(tmp_path: Path, made: Any) -> None:
    run, empty = made(tmp_path, "run", [1.0]).path, made(tmp_path, "empty").path
    with pytest.raises(RunError, match="should end in"):
        compare([run], tmp_path / "curves.txt")
    with pytest.raises(RunError, match="nothing to draw"):
        compare([empty], tmp_path / "curves.png")
    with pytest.raises(RunError, match="smoothing is from 0"):
        compare([run], tmp_path / "curves.png", smoothing=1)
    with pytest.raises(RunError, match="not 'time'"):
        compare([run], tmp_path / "curves.png", axis="time")  # type: ignore[arg-type]
    with pytest.raises(RunError, match="say which runs"):
        compare([])
    with pytest.raises(RunError, match="is not a run"):
        compare([tmp_path])
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        compare([run], tmp_path / "file" / "curves.png")


def test_without_matplotlib_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Any) -> None:
    run = made(tmp_path, "run", [1.0])
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(RunError, match="pip install matplotlib"):
        draw([Course("run", run.metrics())], tmp_path / "curves.png", axis="step", log=False, smoothing=None)


def test_smoothing_does_not_pull_to_zero_and_passes_over_what_is_no_number() -> None:
    assert smoothed([5, 5, 5], 0.9) == pytest.approx([5, 5, 5])
    assert smoothed([1, 2, 4], 0) == [1, 2, 4]
    found = smoothed([4, math.nan, 0], 0.5)
    assert found[0] == 4
    assert math.isnan(found[1])
    assert found[2] == pytest.approx((0.5 * 0.5 * 4) / (1 - 0.5**2))
    assert smoothed([], 0.5) == []
