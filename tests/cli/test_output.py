"""Results on stdout: JSON that any parser reads, tables that no file name can repaint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.cli._output import plain, print_json, print_table, printable
from compoundeye.records import Account


@dataclass
class Pair:
    left: bytes
    right: Any


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x00\xff", "00ff"),
        (float("nan"), None),
        (float("-inf"), None),
        (Path("/a/b"), "/a/b"),
        (datetime(2024, 5, 1, 12, 30, tzinfo=UTC), "2024-05-01T12:30:00+00:00"),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2]], np.uint8), [[1, 2]]),
        (np.array([np.nan]), [None]),
        ({1: (b"a",)}, {"1": ["61"]}),
        (Pair(b"b", Pair(b"c", None)), {"left": "62", "right": {"left": "63", "right": None}}),
        (Account(seen=1, done=1), Account(seen=1, done=1).as_dict()),
        ((number for number in (1, 2)), [1, 2]),
    ],
)
def test_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_what_has_no_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no plain form for object"):
        plain(object())


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)), st.lists)
)
def test_json_is_ascii_and_reads_back(value: object) -> None:
    text = json.dumps(plain(value), allow_nan=False)
    assert text.isascii()
    assert json.loads(text) == plain(value)


def test_json_goes_to_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"source": "/caf\udce9.jpg", "score": float("nan")})
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"source": "/caf\udce9.jpg", "score": None}
    assert shown.err == ""


@given(st.text())
def test_printable_text_is_one_line_without_controls(text: str) -> None:
    assert not any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in printable(text))


def test_a_table_in_a_pipe_keeps_each_row_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    long = "/pictures/" + "x" * 300 + ".jpg"
    print_table(("source", "bytes", "score"), [(long, 51_200, 0.25), ("[red]\x1b[31m.jpg", 7, None)])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["source", "bytes", "score"]
    assert first.split() == [long, "51,200", "0.25"]
    assert second.split() == ["[red]\\x1b[31m.jpg", "7", "-"]
    assert len({len(line) for line in (heading, first, second)}) == 1, "numbers stand to the right, missing ones too"


def test_an_empty_table_is_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "source"), [])
    assert capsys.readouterr().out.split() == ["id", "source"]
