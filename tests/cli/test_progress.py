"""Progress in a log: a line now and then, with the rate of this run and the time left."""

from __future__ import annotations

import io

import pytest

from compoundeye.cli._progress import describe, lines, progress


class Clock:
    """A clock that moves only when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_about_every_ten_seconds() -> None:
    clock, said = Clock(), list[str]()
    tell = lines("ingest", unit="pictures", write=said.append, clock=clock)
    for second in range(36):
        clock.now = float(second)
        tell(100 * second, 7000)
    assert said == [
        "ingest: 1,000 of 7,000 pictures (14%), 100/s, 1 min 00 s left",
        "ingest: 2,000 of 7,000 pictures (29%), 100/s, 50 s left",
        "ingest: 3,000 of 7,000 pictures (43%), 100/s, 40 s left",
    ]


def test_what_an_earlier_run_did_is_no_work_of_this_one() -> None:
    clock, said = Clock(), list[str]()
    tell = lines("ingest", unit="pictures", write=said.append, clock=clock)
    tell(1_000_000, None)
    clock.now = 10.0
    tell(1_000_500, None)
    assert said == ["ingest: 1,000,500 pictures, 50/s"]


@pytest.mark.parametrize(
    ("done", "total", "rate", "expected"),
    [
        (0, 10, 0.0, "job: 0 of 10 pictures (0%), 0/s"),
        (0, 0, 0.0, "job: 0 of 0 pictures (100%), 0/s"),
        (5, 10, 0.0005, "job: 5 of 10 pictures (50%), 0/s, 2 h 46 min left"),
        (7, None, 2.0, "job: 7 pictures, 2/s"),
    ],
)
def test_describe(done: int, total: int | None, rate: float, expected: str) -> None:
    assert describe("job", "pictures", done, total, rate=rate) == expected


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    with progress("categorise", stream=stream) as tell:
        tell(3, 8)
        tell(8, 8)
    assert "categorise" in stream.getvalue()
    assert "8/8" in stream.getvalue()


def test_a_short_job_leaves_a_log_alone() -> None:
    stream = io.StringIO()
    with progress("categorise", stream=stream) as tell:
        tell(8, 8)
    assert stream.getvalue() == ""
